import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

export const symlinkLibrary: ShellLibrary = {
  name: "symlink",
  text: `
symlink_check() { # PATH TARGET
  stat_of "$1"
  case $S_TYPE in
    '') differs state absent link ;;
    symbolic*) [ "$(readlink "$1")" = "$2" ] || differs target "$(readlink "$1")" "$2" ;;
    *) differs type "$S_TYPE" 'symbolic link' ;;
  esac
}
symlink_apply() { # PATH TARGET FORMER
  if [ -d "$1" ] && [ ! -L "$1" ]; then cannot "$1 is a directory where a link should be" "look what it holds, move it away, and run again"; fi
  if [ -n "\${3-}" ] && [ -L "$1" ]; then mkdir -p "\${3%/*}/" && readlink "$1" >"$3.sampan.new" && mv -f "$3.sampan.new" "$3" || return; fi
  mkdir -p "\${1%/*}/" && rm -rf "$1.sampan.new" && ln -s -- "$2" "$1.sampan.new" || return
  # a link to a folder: plain mv would move into it; busybox without -T gets the non-atomic way
  mv -fT "$1.sampan.new" "$1" 2>/dev/null || { rm -f "$1.sampan.new"; ln -sfn -- "$2" "$1"; }
}`,
};

/** A symbolic link, switched in one step. `former`: a file that keeps where it led before it was switched. */
export function symlink({ path, target, former = "", needs }: { path: string; target: string; former?: string; needs?: readonly string[] }): Resource {
  return resource({
    type: "symlink",
    name: path,
    uses: [symlinkLibrary],
    check: sh`symlink_check ${path} ${target}`,
    apply: sh`symlink_apply ${path} ${target}${former ? sh` ${former}` : sh``}`,
    looksAt: { stat: [path] },
    leaves: { link: target },
    needs,
  });
}
