import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary } from "./file.mts";
import { disksLibrary } from "./io-scheduler.mts";

const library: ShellLibrary = {
  name: "store-mount",
  text: `
# mount_options MOUNT: sets OPTIONS of what is mounted there last
mount_options() {
  OPTIONS=
  while read -r _ sp_on _ sp_options _; do [ "$sp_on" != "$1" ] || OPTIONS=$sp_options; done </proc/mounts
}
has_option() { case ",$1," in *",$2,"*) ;; *) return 1 ;; esac; }
# store_unit MOUNT: sets UNIT, FORMER (options without our drop-in's) and DROP_IN
store_unit() {
  UNIT=$(systemd-escape -p --suffix=mount "$1")
  DROP_IN=/etc/systemd/system/$UNIT.d/90-sampan.conf
  FORMER=
  while read -r sp_device sp_on _ sp_options _; do
    case $sp_device in '#'*) continue ;; esac
    [ "\${sp_on%/}" != "\${1%/}" ] || FORMER=$sp_options
  done </etc/fstab
}
wanted_options() { # OPTION…: sets WANTED, the drop-in's text
  WANTED=$FORMER
  for sp_option do has_option "$FORMER" "$sp_option" || WANTED="$WANTED,$sp_option"; done
  WANTED="# Managed by sampan: change \`mount_options:\` in the inventory instead. The rest is /etc/fstab's.
[Mount]
Options=$WANTED"
}
store_mount_check() { # MOUNT OPTION…
  sp_mount=$1
  shift
  if [ $# -eq 0 ]; then
    store_unit "$sp_mount"
    [ ! -e "$DROP_IN" ] || differs 'at boot' "$(grep -o '^Options=.*' "$DROP_IN")" "$FORMER"
    return 0
  fi
  mount_options "$sp_mount"
  [ -n "$OPTIONS" ] && [ "$sp_mount" != / ] || skip "the store lies on no file system of its own: the root's options are /etc/fstab's"
  for sp_option do has_option "$OPTIONS" "$sp_option" || differs "$sp_mount" "$OPTIONS" "$sp_option"; done
  store_unit "$sp_mount"
  [ -n "$FORMER" ] || { warn "$sp_mount isn't in /etc/fstab: give $* to whatever mounts it"; return 0; }
  sp_lacks=
  for sp_option do has_option "$FORMER" "$sp_option" || sp_lacks=1; done
  [ -z "$sp_lacks" ] || { wanted_options "$@"; [ "$(cat "$DROP_IN" 2>/dev/null)" = "$WANTED" ] || differs 'at boot' "$FORMER" "$*"; }
}
store_mount_apply() { # MOUNT OPTION…
  sp_mount=$1
  shift
  if [ $# -eq 0 ]; then
    store_unit "$sp_mount"
    rm -f "$DROP_IN" && systemctl daemon-reload
    return
  fi
  mount -o "remount,$(IFS=,; echo "$*")" "$sp_mount" || cannot "$sp_mount can't be mounted with $*" "correct mount_options in the inventory"
  store_unit "$sp_mount"
  [ -n "$FORMER" ] || return 0
  wanted_options "$@"
  mkdir -p "\${DROP_IN%/*}" && file_write "$DROP_IN" "$WANTED
" && file_place "$STAGED" "$DROP_IN" root root 644 && systemctl daemon-reload
}
store_trim_check() { # DEVICE MOUNT
  disks_under "$1" "$2"
  [ -n "$DISKS" ] || skip "the store lies on \${1:-no device}, which is no disk of this host"
  for sp_disk in $DISKS; do
    [ "$(cat "/sys/block/$sp_disk/queue/discard_max_bytes" 2>/dev/null || echo 0)" != 0 ] || skip "$sp_disk takes no discards"
  done
  mount_options "$2"
  ! has_option "$OPTIONS" discard || { warn "$2 is mounted with discard: each deletion waits for the disk; take it out of /etc/fstab, the weekly fstrim is enough"; return 0; }
  case $(systemctl show -P LoadState fstrim.timer) in not-found) skip "this host has no fstrim.timer (util-linux)" ;; masked) skip "fstrim.timer is masked: somebody has locked it on purpose" ;; esac
  [ "$(systemctl is-enabled fstrim.timer 2>/dev/null)" = enabled ] && [ "$(systemctl is-active fstrim.timer)" = active ] || differs fstrim.timer "$(systemctl is-active fstrim.timer)" 'enabled, active'
}`,
};

/**
 * Mount options of the file system with the store: now by a remount, and at every boot by a drop-in of its mount unit, which leaves
 * /etc/fstab alone. The root file system is mounted before units are read: it gets its options from fstab only.
 * No options: the drop-in goes; what is mounted stays as it is until the next boot.
 */
export function storeMount({ mount, options }: { mount: string; options: readonly string[] }): Resource {
  return resource({
    type: "store-mount",
    name: mount,
    uses: [fileLibrary, disksLibrary, library],
    check: sh`store_mount_check ${mount} ${options}`,
    apply: sh`store_mount_apply ${mount} ${options}`,
  });
}

/** The weekly fstrim, where the disks under the store take discards: freed blocks become the SSD's again, at no cost to each deletion. */
export function storeTrim({ device, mount }: { device: string; mount: string }): Resource {
  return resource({
    type: "store-trim",
    name: mount || device,
    uses: [disksLibrary, library],
    check: sh`store_trim_check ${device} ${mount}`,
    apply: sh`systemctl -q enable --now fstrim.timer`,
  });
}
