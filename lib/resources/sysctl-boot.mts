import { type Resource, type ShellLibrary, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

const library: ShellLibrary = {
  name: "sysctl-boot",
  text: `
# later_sysctl_files NAME: those which boot reads after /etc/sysctl.d/NAME; of equal names the first folder's counts (sysctl.d(5))
later_sysctl_files() {
  sp_seen=' '
  for sp_f in /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do
    sp_name=\${sp_f##*/}
    case $sp_seen in *" $sp_name "*) continue ;; esac
    sp_seen="$sp_seen$sp_name "
    [ -f "$sp_f" ] || continue
    # by far most have a number below ours: no fork for them
    case $sp_name in [0-8]*) continue ;; esac
    ! LC_ALL=C expr "x$sp_name" \\> "x$1" >/dev/null || echo "$sp_f"
  done
}
# sysctl_boot_check NAME KEY VALUE…
sysctl_boot_check() {
  sp_later=$(later_sysctl_files "$1")
  shift
  sp_found=
  [ -z "$sp_later" ] || while [ $# -gt 0 ]; do
    # a key may be written with dots or slashes, and with a dash before it
    sp_pattern=$(printf %s "$1" | sed 's/[][\\.*^$]/\\\\&/g; s/\\\\\\.\\|\\//[.\\/]/g')
    sp_line=$(grep -sE "^[[:space:]]*-?[[:space:]]*$sp_pattern[[:space:]]*=" /dev/null $sp_later | tail -n 1)
    sp_text=\${sp_line#*=}
    set -f; sp_value=$(echo $sp_text); set +f
    [ -z "$sp_line" ] || [ "$sp_value" = "$2" ] || sp_found="$sp_found\${sp_found:+, }\${sp_line%%:*} sets $1 = $sp_value"
    shift 2
  done
  [ -n "$sp_found" ] || return 0
  warn "at the next boot other values win: $sp_found; remove them there, or take these keys out of the inventory (null)"
  skip "other files win at boot: $sp_found"
}`,
};

/**
 * Whether the values of our file in /etc/sysctl.d survive the next boot: a file that is read later and says otherwise is
 * someone else's, so it is named and not touched.
 */
export function sysctlBoot({ name, values }: { name: string; values: Readonly<Record<string, string>> }): Resource {
  const pairs = Object.entries(values).flatMap(([key, value]) => [key, value.trim().split(/\s+/).join(" ")]);
  return resource({ type: "sysctl-boot", name, uses: [library], check: sh`sysctl_boot_check ${name} ${pairs}`, apply: sh`:` });
}
