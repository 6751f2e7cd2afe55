import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary, type Ownership, octal } from "./file.mts";

export interface DirectorySpec extends Ownership {
  path: string;
  needs?: readonly string[];
}

const library: ShellLibrary = {
  name: "directory",
  text: `
directory_check() { # PATH OWNER GROUP MODE
  stat_of "$1"
  case $S_TYPE in
    '') differs state absent directory; return 0 ;;
    directory) attributes_differ "$2" "$3" "$4" ;;
    *) differs type "$S_TYPE" directory ;;
  esac
}
directory_apply() {
  if [ -L "$1" ] || { [ -e "$1" ] && [ ! -d "$1" ]; }; then
    cannot "$1 is not a directory ($(stat -c %F "$1"))" "look what it is, move it away, and run again"
  fi
  # of a folder, chmod keeps the setuid and setgid bits unless the mode has five digits or more
  mkdir -p "$1" && chown "$2:$3" "$1" && chmod "0000$4" "$1"
}`,
};

/** A directory and, where missing, the ones above it (0755, root). What it holds is not touched. */
export function directory({ path, owner = "root", group = "root", mode = 0o755, needs }: DirectorySpec): Resource {
  return resource({
    type: "directory",
    name: path,
    uses: [fileLibrary, library],
    check: sh`directory_check ${path} ${owner} ${group} ${octal(mode)}`,
    apply: sh`directory_apply ${path} ${owner} ${group} ${octal(mode)}`,
    looksAt: { stat: [path] },
    needs,
  });
}
