import { handler } from "../../lib/engine/resource.mts";
import { bootEntries, grub } from "../../lib/resources/boot-loader.mts";
import { rebootLibraries } from "../../lib/resources/reboot.mts";
import { sh } from "../../lib/sh.mts";

/** GRUB's own configuration, made anew when its Linux entries lack what we declare, or still have what we took back. */
export const updateGrub = handler("update-grub", { timeout: 300, uses: grub, check: sh`grub_check`, apply: sh`update-grub && forgotten` });

/** The same for the boot entries that systemd's kernel-install makes. */
export const updateEntries = handler("kernel-install", { timeout: 300, uses: bootEntries, check: sh`entries_check`, apply: sh`entries_apply` });

/**
 * Reboots when the running kernel has other arguments than the declared ones. nats-server leaves in lame duck mode first. The
 * reboot comes seconds after the step has reported; whether the host came back right is for the playbook to see.
 */
export const reboot = handler("reboot", {
  rolling: true,
  reboots: true,
  timeout: 900,
  uses: rebootLibraries,
  check: sh`reboot_check`,
  apply: sh`reboot_apply`,
});
