import { type Resource, type ShellLibrary, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

const library: ShellLibrary = {
  name: "sysctl",
  text: `
# words_of TEXT: the kernel separates a value's parts by tabs, people by spaces
words_of() { set -f; set -- $1; set +f; WORDS=$*; }
sysctl_check() { # KEY VALUE
  sp_path=/proc/sys/$(printf %s "$1" | tr . /)
  [ -e "$sp_path" ] || skip "this kernel has no $1"
  IFS= read -r sp_value <"$sp_path" || cannot "$1 can't be read"
  words_of "$sp_value"
  [ "$WORDS" = "$2" ] && return 0
  [ -w "$sp_path" ] || skip "$3"
  differs value "$WORDS" "$2"
}
sysctl_apply() { printf '%s\\n' "$2" >"/proc/sys/$(printf %s "$1" | tr . /)" || cannot "the kernel refuses $1 = $2" "correct the value under sysctl: in the inventory"; }`,
};

/** The running kernel's value; persistence is a file of its own. Skipped where the host may not set it (a container). */
export function sysctl({ key, value, container }: { key: string; value: string | number; container: string }): Resource {
  const wanted = String(value).trim().split(/\s+/).join(" ");
  const reason = container ? `not settable in a container (${container})` : "not settable on this host";
  return resource({
    type: "sysctl",
    name: key,
    uses: [library],
    check: sh`sysctl_check ${key} ${wanted} ${reason}`,
    apply: sh`sysctl_apply ${key} ${wanted}`,
  });
}
