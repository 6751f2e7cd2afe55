import { type Resource, type ShellLibrary, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

const library: ShellLibrary = {
  name: "sysctl",
  text: `
# words_of TEXT: the kernel separates a value's parts by tabs, people by spaces
words_of() { set -f; set -- $1; set +f; WORDS=$*; }
sysctl_check() { # PATH KEY VALUE REASON
  [ -e "$1" ] || skip "this kernel has no $2"
  text_of "$1" || cannot "$2 can't be read"
  words_of "$S_TEXT"
  [ "$WORDS" = "$3" ] && return 0
  [ -w "$1" ] || skip "$4"
  differs value "$WORDS" "$3"
}
sysctl_apply() { printf '%s\\n' "$3" >"$1" || cannot "the kernel refuses $2 = $3" "correct the value under sysctl: in the inventory"; }`,
};

/** The running kernel's value; persistence is a file of its own. Skipped where the host may not set it (a container). */
export function sysctl({ key, value, container }: { key: string; value: string | number; container: string }): Resource {
  // As sysctl(8): dots are separators unless the key is written with slashes (interface names may hold dots).
  const path = `/proc/sys/${key.includes("/") ? key : key.replaceAll(".", "/")}`;
  const wanted = String(value).trim().split(/\s+/).join(" ");
  const reason = container ? `not settable in a container (${container})` : "not settable on this host";
  return resource({
    type: "sysctl",
    name: key,
    uses: [library],
    check: sh`sysctl_check ${path} ${key} ${wanted} ${reason}`,
    apply: sh`sysctl_apply ${path} ${key} ${wanted}`,
    looksAt: { text: [path] },
  });
}
