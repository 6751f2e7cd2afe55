import { handler } from "../../lib/engine/resource.mts";
import { kernelArgsLibrary } from "../../lib/resources/kernel-args.mts";
import { sh } from "../../lib/sh.mts";

/** GRUB's own configuration, made anew when its Linux entries lack what we declare, or still have what we took back. */
export const updateGrub = handler("update-grub", {
  timeout: 300,
  uses: [kernelArgsLibrary, {
    name: "grub",
    text: `
GRUB_CFG=/boot/grub/grub.cfg
# of other systems and by hand made entries we know nothing
grub_entries() { sed -n '/^### BEGIN [^ ]*10_linux/,/^### END [^ ]*10_linux/p' "$GRUB_CFG" | grep -E '^[[:space:]]*linux[a-z0-9]*[[:space:]]'; }
grub_check() {
  [ -d "\${GRUB_CFG%/*}" ] || cannot "there is no \${GRUB_CFG%/*}: GRUB is installed, but this host doesn't boot by it" "say nothing under kernel_args, and give the arguments to its boot loader by hand"
  our_args
  sp_removed=$(removed_args | tr '\\n' ' ')
  [ -z "$sp_removed" ] || differs 'taken back' "\${sp_removed% }" ''
  [ -n "$OURS" ] || return 0
  [ -f "$GRUB_CFG" ] && sp_entries=$(grub_entries) || { differs "$GRUB_CFG" 'no Linux entries' "$OURS"; return 0; }
  sp_lacking=
  while IFS= read -r sp_entry; do
    without "$OURS" "$sp_entry"
    sp_lacking="$sp_lacking $LEFT"
    [ -n "$LEFT" ] || one_owner "$sp_entry" "$GRUB_CFG"
  done <<END
$sp_entries
END
  sp_missing=
  for sp_word in $OURS; do ! has_word "$sp_lacking" "$sp_word" || sp_missing="$sp_missing\${sp_missing:+ }$sp_word"; done
  [ -z "$sp_missing" ] || differs "$GRUB_CFG" "without $sp_missing" "$OURS"
}`,
  }],
  check: sh`grub_check`,
  apply: sh`update-grub && forgotten`,
});

/** The boot entries that systemd's kernel-install makes (Type #1: a .conf file each), made anew likewise. */
export const updateEntries = handler("kernel-install", {
  timeout: 300,
  uses: [kernelArgsLibrary, {
    name: "boot-entries",
    text: `
boot_entries() { for sp_f in /boot/efi/loader/entries/*.conf /efi/loader/entries/*.conf /boot/loader/entries/*.conf; do [ ! -f "$sp_f" ] || echo "$sp_f"; done; }
entries_check() {
  our_args
  one_owner "$(cat /etc/kernel/cmdline)" /etc/kernel/cmdline
  sp_removed=$(removed_args | tr '\\n' ' ')
  [ -z "$sp_removed" ] || differs 'taken back' "\${sp_removed% }" ''
  [ -n "$OURS" ] || return 0
  sp_files=$(boot_entries)
  [ -n "$sp_files" ] || cannot "no boot entry (loader/entries/*.conf) was found under /boot, /efi and /boot/efi" "mount the boot partition; unified kernel images are not supported: give them their arguments by hand"
  for sp_f in $sp_files; do
    without "$OURS" "$(sed -n 's/^options[[:space:]]*//p' "$sp_f")"
    [ -z "$LEFT" ] || differs "\${sp_f##*/}" "without $LEFT" "$OURS"
  done
}
entries_apply() {
  sp_done=
  # Fedora and Arch keep the image with the modules, Debian in /boot
  for sp_modules in /usr/lib/modules/*/; do
    sp_version=\${sp_modules%/}
    sp_version=\${sp_version##*/}
    for sp_image in "$sp_modules/vmlinuz" "/boot/vmlinuz-$sp_version"; do
      [ -f "$sp_image" ] || continue
      set -- "$sp_version" "$sp_image"
      if [ -f "/boot/initrd.img-$sp_version" ]; then set -- "$@" "/boot/initrd.img-$sp_version"; fi
      kernel-install add "$@" || return
      sp_done=1
      break
    done
  done
  [ -n "$sp_done" ] || cannot "no kernel image was found in /usr/lib/modules and /boot" "run kernel-install add by hand"
  forgotten
}`,
  }],
  check: sh`entries_check`,
  apply: sh`entries_apply`,
});

/**
 * Reboots when the running kernel has other arguments than the declared ones. nats-server leaves in lame duck mode first. The
 * reboot comes seconds after the step has reported; whether the host came back right is for the playbook to see.
 */
export const reboot = handler("reboot", {
  rolling: true,
  reboots: true,
  timeout: 900,
  uses: [kernelArgsLibrary, {
    name: "reboot",
    text: `
reboot_check() {
  # after its apply the reboot is on its way, and nothing more can be said here
  [ "$SP_PASS" != 2 ] || return 0
  reboot_pending
  [ -z "$PENDING" ] || differs 'kernel arguments' "$PENDING" "as declared (reboot)"
}
reboot_apply() {
  if [ "$(systemctl is-active nats-server)" = active ]; then
    systemctl stop --no-block nats-server || return
    # lame duck mode takes as long as it is configured to; systemd's own limit ends it
    while :; do case $(systemctl is-active nats-server) in active | deactivating) emit t; sleep 1 ;; *) break ;; esac; done
  fi
  sync
  if systemd-run -q --on-active=3 --timer-property=AccuracySec=100ms systemctl reboot; then return 0; fi
  systemctl start nats-server
  return 1
}`,
  }],
  check: sh`reboot_check`,
  apply: sh`reboot_apply`,
});
