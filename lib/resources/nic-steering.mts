import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";

/** Receive: which CPUs do the protocol's work for a queue; transmit: which CPUs send through it. As the kernel names them. */
export type Steering = "rps_cpus" | "xps_cpus";
const queuesOf: Record<Steering, string> = { rps_cpus: "rx", xps_cpus: "tx" };

export const rulesOf = (what: Steering | "ring"): string => `/etc/udev/rules.d/90-sampan-nic-${what.replace("_cpus", "")}.rules`;

/** CPUs as the kernel's mask: 0, 1, 33 → `2,00000003` */
export function cpuMask(cpus: readonly number[]): string {
  const hex = cpus.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n).toString(16);
  return hex.replace(/(?=(?:.{8})+$)(?!^)/g, ",");
}

const library: ShellLibrary = {
  name: "nic-steering",
  text: `
bare_mask() { # MASK: sets MASK, without commas and leading zeros
  MASK=$1
  while :; do case $MASK in *,*) MASK=\${MASK%%,*}\${MASK#*,} ;; 0?*) MASK=\${MASK#0} ;; *) return ;; esac; done
}
# nic_queues WHAT DIRECTION: sets QUEUES, the settable files of all cards; a card with one queue has nothing to choose when sending
nic_queues() {
  QUEUES=
  for sp_device in /sys/class/net/*/device; do
    for sp_f in "\${sp_device%/device}/queues/$2"-*/"$1"; do ! cat "$sp_f" >/dev/null 2>&1 || QUEUES="$QUEUES $sp_f"; done
  done
}
# nic_rules WHAT MASK: by the card, not by the queue: at boot udev is told again of cards that came before it, and of their queues not
nic_rules() {
  echo "# Managed by sampan: change \`$1:\` in the inventory instead."
  sp_seen=' '
  for sp_f in $QUEUES; do
    sp_f=\${sp_f#*/queues/}
    case $sp_seen in *" $sp_f "*) continue ;; esac
    sp_seen="$sp_seen$sp_f "
    printf 'ACTION=="add", SUBSYSTEM=="net", DEVPATH!="/devices/virtual/*", ATTR{queues/%s}="%s"\\n' "$sp_f" "$2"
  done
}
nic_steering_check() { # WHAT DIRECTION MASK RULES-FILE
  nic_queues "$1" "$2"
  [ -n "$QUEUES" ] || skip "no network card of this host has $1 to set"
  bare_mask "$3"
  sp_wanted=$MASK
  for sp_f in $QUEUES; do
    bare_mask "$(cat "$sp_f")"
    [ "$MASK" = "$sp_wanted" ] || differs "\${sp_f#/sys/class/net/}" "$MASK" "$sp_wanted"
  done
  [ "$(cat "$4" 2>/dev/null)" = "$(nic_rules "$1" "$3")" ] || differs 'at boot' "$(grep -so 'ATTR.*' "$4")" "$1 $3"
}
nic_steering_apply() {
  nic_queues "$1" "$2"
  for sp_f in $QUEUES; do echo "$3" >"$sp_f" || cannot "the kernel refuses $3 for $sp_f" "correct $1 in the inventory, or leave it out"; done
  mkdir -p "\${4%/*}" && file_write "$4" "$(nic_rules "$1" "$3")
" && file_place "$STAGED" "$4" root root 644 || return
  if command -v udevadm >/dev/null; then udevadm control --reload 2>/dev/null; fi
  return 0
}`,
};

/** RPS or XPS of all network cards, now and whenever one appears. The mask is the same for all queues. */
export function nicSteering({ what, cpus }: { what: Steering; cpus: readonly number[] }): Resource {
  const mask = cpuMask(cpus);
  const settings = [what, queuesOf[what], mask, rulesOf(what)];
  return resource({
    type: "nic-steering",
    name: what,
    uses: [fileLibrary, library],
    check: sh`nic_steering_check ${settings}`,
    apply: sh`nic_steering_apply ${settings}`,
  });
}
