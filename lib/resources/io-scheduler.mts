import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";
import { sysfsLibrary } from "./sysfs.mts";

export const SCHEDULER_RULES = "/etc/udev/rules.d/90-sampan-io-scheduler.rules";
export const READ_AHEAD_RULES = "/etc/udev/rules.d/90-sampan-read-ahead.rules";

export const disksLibrary: ShellLibrary = {
  name: "disks",
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
`,
};

const queueLibrary: ShellLibrary = {
  name: "disk-queue",
  text: `
disk_rules() { # ATTRIBUTE VALUE TITLE
  echo "# Managed by sampan: the $3 of the disk under the JetStream store, whenever the disk appears."
  for sp_disk in $DISKS; do
    printf 'ACTION=="add|change", SUBSYSTEM=="block", KERNEL=="%s", ATTR{queue/%s}="%s"\\n' "$sp_disk" "$1" "$2"
  done
}
disk_queue_check() { # DEVICE MOUNT ATTRIBUTE VALUE RULES-FILE TITLE
  disks_under "$1" "$2"
  [ -n "$DISKS" ] || skip "the store lies on \${1:-no device}, which is no disk of this host"
  for sp_disk in $DISKS; do
    sp_f=/sys/block/$sp_disk/queue/$3
    [ -e "$sp_f" ] || skip "$sp_disk has no $6"
    chosen_of "$sp_f" || cannot "$sp_f can't be read"
    [ "$CHOSEN" != "$4" ] || continue
    [ -w "$sp_f" ] || skip "the $6 of $sp_disk is not settable on this host"
    differs "$sp_disk" "$CHOSEN" "$4"
  done
  [ "$(cat "$5" 2>/dev/null)" = "$(disk_rules "$3" "$4" "$6")" ] || differs 'at boot' "$(grep -so 'KERNEL.*' "$5")" "$4"
}
disk_queue_apply() {
  disks_under "$1" "$2"
  for sp_disk in $DISKS; do choose "/sys/block/$sp_disk/queue/$3" "$4"; done
  mkdir -p "\${5%/*}" || return
  file_write "$5" "$(disk_rules "$3" "$4" "$6")
" && file_place "$STAGED" "$5" root root 644 || return
  if command -v udevadm >/dev/null; then udevadm control --reload 2>/dev/null; fi
  return 0
}`,
};

interface Store {
  device: string;
  mount: string;
}

/** The I/O scheduler of all disks under a file system, now and whenever they appear (a udev rule, as the disks are known to the host only). */
export const ioScheduler = ({ scheduler, ...store }: Store & { scheduler: string }): Resource =>
  diskQueue("io-scheduler", store, ["scheduler", scheduler, SCHEDULER_RULES, "I/O scheduler"]);

/** How much the kernel reads ahead of a file that is read in order, in KiB: likewise. */
export const readAhead = ({ kib, ...store }: Store & { kib: number }): Resource =>
  diskQueue("read-ahead", store, ["read_ahead_kb", String(kib), READ_AHEAD_RULES, "read-ahead"]);

function diskQueue(type: string, { device, mount }: Store, setting: readonly string[]): Resource {
  return resource({
    type,
    name: mount || device,
    uses: [fileLibrary, sysfsLibrary, disksLibrary, queueLibrary],
    check: sh`disk_queue_check ${device} ${mount} ${setting}`,
    apply: sh`disk_queue_apply ${device} ${mount} ${setting}`,
  });
}
