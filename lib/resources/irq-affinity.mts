import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";

const PROGRAM = "/usr/local/lib/sampan/irq-affinity";
const NAME = "sampan-irq-affinity.service";
const UNIT = `/etc/systemd/system/${NAME}`;
const DROP_IN = "/etc/systemd/system/irqbalance.service.d/90-sampan.conf";
/** Interrupts that the kernel or their driver keeps where they are; gone with the kernel that said so. */
const FIXED = "/run/sampan/irqs-fixed";

/** Run at every boot, and by the apply. Writing is the only way to learn that an interrupt can't be moved. */
const program = `#!/bin/sh
# Managed by sampan: change \`irq_affinity:\` in the inventory instead. Moves the interrupts of all devices to the CPUs named by its argument.
mkdir -p /run/sampan
for irq in /proc/irq/[0-9]*; do
  for action in "$irq"/*/; do
    [ -d "$action" ] || continue
    (echo "$1" >"$irq/smp_affinity_list") 2>/dev/null || echo "\${irq##*/}"
    break
  done
done >${FIXED}
`;
const unitOf = (cpus: string): string => `# Managed by sampan: change \`irq_affinity:\` in the inventory instead.
[Unit]
Description=Interrupts of devices on the CPUs ${cpus}
After=network.target irqbalance.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${PROGRAM} ${cpus}

[Install]
WantedBy=multi-user.target
`;
const banOf = (banned: string): string =>
  `# Managed by sampan: change \`irq_affinity:\` in the inventory instead. A value in /etc/default/irqbalance wins over this one.\n[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST=${banned}\n`;

export const cpuListLibrary: ShellLibrary = {
  name: "cpu-list",
  text: `
# expand_cpus LIST: sets EXPANDED, " 0 1 2 3 8 " for 0-3,8
expand_cpus() {
  EXPANDED=' ' sp_ifs=$IFS
  IFS=,
  for sp_part in $1; do
    sp_cpu=\${sp_part%-*}
    while [ "$sp_cpu" -le "\${sp_part#*-}" ]; do EXPANDED="$EXPANDED$sp_cpu " sp_cpu=$((sp_cpu + 1)); done
  done
  IFS=$sp_ifs
}`,
};

const library: ShellLibrary = {
  name: "irq-affinity",
  text: `
has_irqbalance() { [ -e /usr/lib/systemd/system/irqbalance.service ] || [ -e /lib/systemd/system/irqbalance.service ]; }
irq_wanted_file() { # PATH TEXT
  [ "$(cat "$1" 2>/dev/null)" = "\${2%"$sp_nl"}" ] || { if [ -e "$1" ]; then differs "$1" 'another text' present; else differs "$1" absent present; fi; }
}
# irqs_elsewhere LIST: sets STRAYS, interrupts of devices that may go to other CPUs; those that can't be moved don't count
irqs_elsewhere() {
  expand_cpus "$1"
  sp_wanted=$EXPANDED STRAYS=
  sp_fixed=" $(tr '\\n' ' ' <${FIXED} 2>/dev/null)"
  sp_lists=$(grep -s '' /dev/null /proc/irq/[0-9]*/smp_affinity_list)
  while IFS=: read -r sp_f sp_list; do
    sp_f=\${sp_f%/*}
    case $sp_fixed in *" \${sp_f##*/} "*) continue ;; esac
    sp_device=
    for sp_action in "$sp_f"/*/; do [ ! -d "$sp_action" ] || { sp_device=\${sp_action%/}; break; }; done
    [ -n "$sp_device" ] || continue
    expand_cpus "$sp_list"
    for sp_cpu in $EXPANDED; do
      case $sp_wanted in *" $sp_cpu "*) ;; *) STRAYS="$STRAYS\${STRAYS:+, }\${sp_device##*/} on $sp_list"; break ;; esac
    done
  done <<END
$sp_lists
END
}
irq_affinity_check() { # CPUS PROGRAM UNIT BAN
  irq_wanted_file ${PROGRAM} "$2"
  irq_wanted_file ${UNIT} "$3"
  [ -e /etc/systemd/system/multi-user.target.wants/${NAME} ] || differs 'at boot' no yes
  ! has_irqbalance || irq_wanted_file ${DROP_IN} "$4"
  irqs_elsewhere "$1"
  [ -z "$STRAYS" ] || differs interrupts "$STRAYS" "on $1"
}
irq_affinity_apply() {
  mkdir -p ${PROGRAM.replace(/\/[^/]*$/, "")} ${DROP_IN.replace(/\/[^/]*$/, "")} || return
  file_write ${PROGRAM} "$2" && file_place "$STAGED" ${PROGRAM} root root 755 || return
  file_write ${UNIT} "$3" && file_place "$STAGED" ${UNIT} root root 644 || return
  if has_irqbalance; then
    if [ "$(cat ${DROP_IN} 2>/dev/null)" != "\${4%"$sp_nl"}" ]; then
      file_write ${DROP_IN} "$4" && file_place "$STAGED" ${DROP_IN} root root 644 && systemctl daemon-reload && systemctl try-restart irqbalance || return
    fi
  else
    rm -rf ${DROP_IN.replace(/\/[^/]*$/, "")}
  fi
  systemctl daemon-reload && systemctl -q enable ${NAME} && systemctl restart ${NAME}
}
irq_release_check() {
  for sp_f in ${UNIT} ${DROP_IN} ${PROGRAM}; do [ ! -e "$sp_f" ] || differs "$sp_f" present absent; done
}
irq_release_apply() {
  if [ -e ${UNIT} ]; then systemctl -q disable --now ${NAME}; fi
  sp_ban=
  if [ -e ${DROP_IN} ]; then sp_ban=1; fi
  rm -f ${UNIT} ${PROGRAM} ${DROP_IN} && systemctl daemon-reload || return
  [ -z "$sp_ban" ] || systemctl try-restart irqbalance
}`,
};

/**
 * Interrupts of devices on these CPUs, now and at every boot, and irqbalance kept off all others. Those that the kernel manages by
 * itself (NVMe, virtio-blk: one queue for each CPU) can't be moved: isolcpus=managed_irq is for them.
 * @param cpus e.g. `0-1`; undefined takes back what an earlier declaration set up; the interrupts stay where they are until the next boot
 * @param banned all others, in the same form
 */
export function irqAffinity({ cpus, banned }: { cpus: string | undefined; banned: string }): Resource {
  const wanted = cpus === undefined ? [] : [cpus, program, unitOf(cpus), banOf(banned)];
  return resource({
    type: "irq-affinity",
    name: cpus ?? "leave",
    uses: [fileLibrary, cpuListLibrary, library],
    check: cpus === undefined ? sh`irq_release_check` : sh`irq_affinity_check ${wanted}`,
    apply: cpus === undefined ? sh`irq_release_apply` : sh`irq_affinity_apply ${wanted}`,
  });
}
