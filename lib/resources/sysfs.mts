import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

export interface SysfsSpec {
  /** a file, or a pattern (`*`) for several that are to have the same value */
  path: string;
  value: string;
  /** why the file may be missing: the reason of a skip */
  absent: string;
  /** why it may not be written: the reason of a skip */
  readOnly: string;
}

export const sysfsLibrary: ShellLibrary = {
  name: "sysfs",
  text: `
# chosen_of FILE: sets CHOSEN; of a choice (always [madvise] never) the one in brackets
chosen_of() {
  text_of "$1" || return
  case $S_TEXT in *\\[*\\]*) CHOSEN=\${S_TEXT#*\\[}; CHOSEN=\${CHOSEN%%\\]*} ;; *) CHOSEN=$S_TEXT ;; esac
}
# choose FILE VALUE INVENTORY-KEY
choose() {
  printf '%s\\n' "$2" >"$1" && return
  cannot "the kernel refuses $2 for $1, which offers: $(cat "\${1%/*}/scaling_available_governors" 2>/dev/null || cat "$1")" "choose one of these in the inventory, or leave"
}
sysfs_check() { # PATTERN VALUE REASON-ABSENT REASON-READONLY
  sp_values= sp_locked= sp_value=$2 sp_absent=$3 sp_readonly=$4
  for sp_f in $1; do
    [ -e "$sp_f" ] || skip "$sp_absent"
    chosen_of "$sp_f" || cannot "$sp_f can't be read"
    [ "$CHOSEN" != "$sp_value" ] || continue
    [ -w "$sp_f" ] || sp_locked=1
    case " $sp_values " in *" $CHOSEN "*) ;; *) sp_values="$sp_values\${sp_values:+ }$CHOSEN" ;; esac
  done
  [ -n "$sp_values" ] || return 0
  [ -z "$sp_locked" ] || skip "$sp_readonly"
  differs value "$sp_values" "$sp_value"
}
sysfs_apply() { for sp_f in $1; do choose "$sp_f" "$2"; done; }`,
};

/** What the running kernel has chosen in a file of /sys. Persistence is a file of its own. */
export function sysfs({ path, value, absent, readOnly }: SysfsSpec): Resource {
  return resource({
    type: "sysfs",
    name: path,
    uses: [sysfsLibrary],
    check: sh`sysfs_check ${path} ${value} ${absent} ${readOnly}`,
    apply: sh`sysfs_apply ${path} ${value}`,
    looksAt: path.includes("*") ? undefined : { text: [path] },
  });
}
