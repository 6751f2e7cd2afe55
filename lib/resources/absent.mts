import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

const library: ShellLibrary = {
  name: "absent",
  text: `
absent_check() {
  stat_of "$1"
  case $S_TYPE in
    '') ;;
    directory) cannot "$1 is a directory where at most a file should be" "look what it holds, move it away, and run again" ;;
    *) differs state "$S_TYPE" absent; differs_file "$1" ;;
  esac
}`,
};

/** No file at this path: what an earlier declaration put there goes when the declaration does. */
export function absent({ path }: { path: string }): Resource {
  return resource({
    type: "absent",
    name: path,
    uses: [library],
    check: sh`absent_check ${path}`,
    apply: sh`rm -f ${path}`,
    content: "",
    looksAt: { stat: [path] },
  });
}
