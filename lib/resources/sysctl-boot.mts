import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { sysctlLibrary, sysctlPath, words } from "./sysctl.mts";

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
# sysctl_boot_check NAME KEY PATH VALUE…: the path is below /proc/sys
sysctl_boot_check() {
  sp_later=$(later_sysctl_files "$1")
  shift
  [ -n "$sp_later" ] && sp_lines=$(grep -sE '^[[:space:]]*-?[[:space:]]*[a-z][^=]*=' /dev/null $sp_later) || return 0
  sp_found=
  while IFS= read -r sp_line; do
    sp_f=\${sp_line%%:*} sp_key=\${sp_line#*:} sp_value=\${sp_line#*=}
    # by the first separator: dots stand for slashes and the reverse, or all stand for themselves (sysctl.d(5))
    sp_key=$(printf %s "\${sp_key%%=*}" | tr -d ' \t')
    sp_key=\${sp_key#-}
    case \${sp_key%%/*} in *.*) sp_key=$(printf %s "$sp_key" | tr ./ /.) ;; esac
    words_of "$sp_value"
    sp_value=$WORDS
    sysctl_conflict "$@"
  done <<END
$sp_lines
END
  [ -n "$sp_found" ] || return 0
  warn "at the next boot other values win: $sp_found; remove them there, or take these keys out of the inventory (null)"
  skip "other files win at boot: $sp_found"
}
sysctl_conflict() {
  while [ $# -gt 0 ]; do
    if [ "$sp_key" = "$2" ] && [ "$sp_value" != "$3" ]; then sp_found="$sp_found\${sp_found:+, }$sp_f sets $1 = $sp_value"; fi
    shift 3
  done
}`,
};

/**
 * Whether the values of our file in /etc/sysctl.d survive the next boot: a file that is read later and says otherwise is
 * someone else's, so it is named and not touched.
 */
export function sysctlBoot({ name, values }: { name: string; values: Readonly<Record<string, string>> }): Resource {
  const declared = Object.entries(values).flatMap(([key, value]) => [key, sysctlPath(key), words(value)]);
  return resource({ type: "sysctl-boot", name, uses: [sysctlLibrary, library], check: sh`sysctl_boot_check ${name} ${declared}`, apply: sh`:` });
}
