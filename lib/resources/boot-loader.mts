import type { ShellLibrary } from "../engine/resource.mts";
import { kernelArgsLibrary } from "./kernel-args.mts";

/** GRUB's own configuration against what is declared to it. */
export const grub: readonly ShellLibrary[] = [
  kernelArgsLibrary,
  {
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
  },
];

/** The boot entries of systemd's kernel-install (Type #1: a .conf file each), likewise. */
export const bootEntries: readonly ShellLibrary[] = [
  kernelArgsLibrary,
  {
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
  },
];
