import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

export const sysctlLibrary: ShellLibrary = {
  name: "sysctl",
  text: `
# words_of TEXT: the kernel separates a value's parts by tabs, people by spaces
words_of() { set -f; set -- $1; set +f; WORDS=$*; }
sysctl_check() { # PATH KEY VALUE REASON-ABSENT REASON-READONLY
  [ -e "$1" ] || skip "$4"
  text_of "$1" || cannot "$2 can't be read" "take it out of the inventory (null): not every sysctl has a value"
  words_of "$S_TEXT"
  [ "$WORDS" = "$3" ] && return 0
  [ -w "$1" ] || skip "$5"
  differs value "$WORDS" "$3"
}
sysctl_apply() { printf '%s\\n' "$3" >"$1" || cannot "the kernel refuses $2 = $3" "correct the value under sysctl: in the inventory"; }`,
};

/** A key's path below /proc/sys. As sysctl.d(5): the first separator decides; after a dot, slashes stand for dots (of interface names). */
export function sysctlPath(key: string): string {
  return /^[^/]*\./.test(key) ? key.replace(/[./]/g, (c) => (c === "." ? "/" : ".")) : key;
}

export const words = (value: string | number): string => String(value).trim().split(/\s+/).join(" ");

/** The running kernel's value; persistence is a file of its own. Skipped where the host may not set it (a container). */
export function sysctl({ key, value, container }: { key: string; value: string | number; container: string }): Resource {
  const path = `/proc/sys/${sysctlPath(key)}`;
  const absent = key.includes("*")
    ? "a pattern: it is applied at boot"
    : container
      ? `not settable in a container (${container})`
      : `this kernel has no ${key}`;
  const readOnly = container ? `not settable in a container (${container})` : "not settable on this host";
  return resource({
    type: "sysctl",
    name: key,
    uses: [sysctlLibrary],
    check: sh`sysctl_check ${path} ${key} ${words(value)} ${absent} ${readOnly}`,
    apply: sh`sysctl_apply ${path} ${key} ${words(value)}`,
    looksAt: { text: [path] },
  });
}
