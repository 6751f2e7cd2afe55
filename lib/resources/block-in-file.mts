import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";

export interface BlockInFileSpec {
  path: string;
  /** names the block: it stands between `# BEGIN name` and `# END name` */
  marker: string;
  /** the lines between; a last newline is optional */
  block: string;
  needs?: readonly string[];
}

const library: ShellLibrary = {
  name: "block-in-file",
  text: `
# block_of PATH MARKER: sets B_BEFORE, B_TEXT and B_AFTER; B_TEXT is unset where there is no block
block_of() {
  unset B_TEXT
  B_AFTER= B_BEFORE=$(cat -- "$1"; printf .) || cannot "$1 can't be read"
  B_BEFORE=\${B_BEFORE%.}
  case $B_BEFORE in '' | *"$sp_nl") ;; *) B_BEFORE=$B_BEFORE$sp_nl ;; esac
  B_BEFORE=$sp_nl$B_BEFORE
  sp_begin="# BEGIN $2" sp_end="# END $2"
  case $B_BEFORE in
    *"$sp_nl$sp_begin$sp_nl"*) ;;
    *"$sp_nl$sp_end$sp_nl"*) block_odd "$1" ;;
    *) return 0 ;;
  esac
  B_AFTER=$sp_nl\${B_BEFORE#*"$sp_nl$sp_begin$sp_nl"}
  B_BEFORE=\${B_BEFORE%%"$sp_nl$sp_begin$sp_nl"*}$sp_nl
  case $B_AFTER in *"$sp_nl$sp_end$sp_nl"*) ;; *) block_odd "$1" ;; esac
  B_TEXT=\${B_AFTER%%"$sp_nl$sp_end$sp_nl"*}
  B_TEXT=\${B_TEXT#"$sp_nl"}
  B_AFTER=\${B_AFTER#*"$sp_nl$sp_end$sp_nl"}
  case $B_BEFORE$sp_nl$B_TEXT$sp_nl$B_AFTER in *"$sp_nl$sp_begin$sp_nl"* | *"$sp_nl$sp_end$sp_nl"*) block_odd "$1" ;; esac
}
block_odd() { cannot "$1 doesn't have '$sp_begin' and '$sp_end' once and in this order" "take the odd ones out, and run again"; }
block_file() { # PATH: only a regular file is opened, and a link is somebody's decision
  stat_of "$1"
  case $S_TYPE in '' | regular*) ;; *) cannot "$1 is not a regular file ($S_TYPE)" "name the file itself, or move this away" ;; esac
}
block_check() { # PATH MARKER BLOCK
  block_file "$1"
  [ -n "$S_TYPE" ] || { differs state absent file; return 0; }
  block_of "$1" "$2"
  [ -n "\${B_TEXT+there}" ] || { differs block absent "$3"; return 0; }
  [ "$B_TEXT" = "$3" ] || differs block "$B_TEXT" "$3"
}
block_apply() {
  block_file "$1"
  if [ -n "$S_TYPE" ]; then block_of "$1" "$2"; else S_UID=0 S_GID=0 S_MODE=644 B_BEFORE=$sp_nl B_AFTER= sp_begin="# BEGIN $2" sp_end="# END $2"; fi
  file_write "$1" "\${B_BEFORE#"$sp_nl"}$sp_begin$sp_nl$3\${3:+$sp_nl}$sp_end$sp_nl$B_AFTER" || return
  file_place "$STAGED" "$1" "$S_UID" "$S_GID" "$S_MODE"
}`,
};

/**
 * Some lines of a file that others write too, e.g. /etc/hosts: between two marker lines, at its end when new, mended in place
 * later. All other bytes, the owner and the mode stay; a missing last newline is added. A missing file is made, its folder isn't.
 */
export function blockInFile({ path, marker, block, needs }: BlockInFileSpec): Resource {
  const lines = block.replace(/\n$/, "");
  return resource({
    type: "block",
    name: `${marker} in ${path}`,
    uses: [fileLibrary, library],
    check: sh`block_check ${path} ${marker} ${lines}`,
    apply: sh`block_apply ${path} ${marker} ${lines}`,
    looksAt: { stat: [path] },
    needs,
  });
}
