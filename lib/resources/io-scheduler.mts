import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";
import { sysfsLibrary } from "./sysfs.mts";

export const SCHEDULER_RULES = "/etc/udev/rules.d/90-sampan-io-scheduler.rules";

const library: ShellLibrary = {
  name: "io-scheduler",
  text: `
# disks_under DEVICE MOUNT: sets DISKS, the disks on which a file system lies in the end
disks_under() {
  DISKS= sp_number=
  if [ -b "$1" ]; then
    sp_number=$(stat -L -c '%t %T' -- "$1") && sp_number=$((0x\${sp_number% *})):$((0x\${sp_number#* }))
  else
    # /dev/root and the like exist in the mount table only
    sp_number=$(mountpoint -d "$2" 2>/dev/null)
  fi
  if [ -n "$sp_number" ] && [ -e "/sys/dev/block/$sp_number" ]; then disks_of "$(readlink -f "/sys/dev/block/$sp_number")"; fi
}
# disks_of FOLDER: of a partition its disk; of LVM, RAID and encryption what lies under them
disks_of() {
  if [ -f "$1/partition" ]; then set -- "\${1%/*}"; fi
  sp_layered=
  for sp_slave in "$1"/slaves/*; do
    [ -e "$sp_slave" ] || continue
    disks_of "$(readlink -f "$sp_slave")"
    sp_layered=1
  done
  case $sp_layered,$DISKS' ' in ,*" \${1##*/} "*) ;; ,*) DISKS="$DISKS \${1##*/}" ;; esac
}
scheduler_rules() { # SCHEDULER
  echo '# Managed by sampan: the I/O scheduler of the disk under the JetStream store, whenever the disk appears.'
  for sp_disk in $DISKS; do
    printf 'ACTION=="add|change", SUBSYSTEM=="block", KERNEL=="%s", ATTR{queue/scheduler}="%s"\\n' "$sp_disk" "$1"
  done
}
io_scheduler_check() { # DEVICE MOUNT SCHEDULER
  disks_under "$1" "$2"
  [ -n "$DISKS" ] || skip "the store lies on \${1:-no device}, which is no disk of this host"
  for sp_disk in $DISKS; do
    sp_f=/sys/block/$sp_disk/queue/scheduler
    [ -e "$sp_f" ] || skip "$sp_disk has no I/O scheduler"
    chosen_of "$sp_f" || cannot "$sp_f can't be read"
    [ "$CHOSEN" != "$3" ] || continue
    [ -w "$sp_f" ] || skip "the scheduler of $sp_disk is not settable on this host"
    differs "$sp_disk" "$CHOSEN" "$3"
  done
  [ "$(cat ${SCHEDULER_RULES} 2>/dev/null)" = "$(scheduler_rules "$3")" ] || differs 'at boot' "$(grep -so 'KERNEL.*' ${SCHEDULER_RULES})" "$3"
}
io_scheduler_apply() {
  disks_under "$1" "$2"
  for sp_disk in $DISKS; do choose "/sys/block/$sp_disk/queue/scheduler" "$3"; done
  mkdir -p ${SCHEDULER_RULES.replace(/\/[^/]*$/, "")} || return
  file_write ${SCHEDULER_RULES} "$(scheduler_rules "$3")
" && file_place "$STAGED" ${SCHEDULER_RULES} root root 644 || return
  if command -v udevadm >/dev/null; then udevadm control --reload 2>/dev/null; fi
  return 0
}`,
};

/** The I/O scheduler of all disks under a file system, now and whenever they appear (a udev rule, as the disks are known to the host only). */
export function ioScheduler({ device, mount, scheduler }: { device: string; mount: string; scheduler: string }): Resource {
  return resource({
    type: "io-scheduler",
    name: mount || device,
    uses: [fileLibrary, sysfsLibrary, library],
    check: sh`io_scheduler_check ${device} ${mount} ${scheduler}`,
    apply: sh`io_scheduler_apply ${device} ${mount} ${scheduler}`,
  });
}
