import t from "tap";
import { resource } from "../../lib/engine/resource.mts";
import { grubArgs, kernelCmdlineArgs, rebootReport } from "../../lib/resources/kernel-args.mts";
import { sysctlBoot } from "../../lib/resources/sysctl-boot.mts";
import { sysfs } from "../../lib/resources/sysfs.mts";
import { sh } from "../../lib/sh.mts";
import { updateGrub } from "../../roles/kernel-tuning/handlers.mts";
import { Disk, LocalHost, programOf, summary } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";

/** A host's folders of its own, seen by this shell only. The mount of /etc hides nothing that a program needs. */
const FOLDERS = `
for d in /boot /var/lib /usr/local /etc; do mount -t tmpfs tmpfs $d; done
mkdir -p /boot/grub /usr/local/sbin /etc/default /etc/sysctl.d /etc/kernel
echo 'root=/dev/sda1  ro' >/etc/kernel/cmdline
printf 'root:x:0:0::/:/bin/sh\\n' >/etc/passwd; printf 'root:x:0:\\n' >/etc/group
printf '#!/bin/sh\\nGRUB_CMDLINE_LINUX=\\nfor f in /etc/default/grub.d/*.cfg; do [ ! -e $f ] || . $f; done\\n{ echo "### BEGIN /etc/grub.d/10_linux ###"; echo "	linux /boot/vmlinuz $GRUB_CMDLINE_LINUX quiet"; echo "### END /etc/grub.d/10_linux ###"; } >/boot/grub/grub.cfg\\n' >/usr/local/sbin/update-grub
chmod +x /usr/local/sbin/update-grub; update-grub
printf 'net.core.somaxconn = 1\\n' >/etc/sysctl.d/99-z.conf
mkdir -p /boot/cpu0 /boot/cpu1; echo slow >/boot/cpu0/g; echo 'fast [slow]' >/boot/cpu1/g`;

for (const [name, argv, missing] of shells) {
  t.test(`the kernel's resources in ${name}`, { skip: missing || notRoot }, async (t) => {
    const host = new LocalHost(t, argv, new Disk(t), FOLDERS);
    const report = () => rebootReport({ needs: [] });
    const grub = (args: Record<string, string>) => programOf("apply", grubArgs({ args }).notify(updateGrub), report());
    const set = await host.run(grub({ nohz_full: "2-3", nosmt: "" }));
    t.same(summary(set.ends), ["kernel-args /etc/default/grub.d/90-sampan.cfg changed", "kernel-reboot report skipped", "handler update-grub changed"]);
    t.match(set.ends[1]?.reason, "a reboot is needed: nohz_full=2-3 nosmt not in the running kernel");
    t.same(
      summary((await host.run(grub({ nohz_full: "2-3", nosmt: "" }))).ends).filter((s) => s.endsWith("changed")),
      [],
      "once",
    );
    t.same(
      summary((await host.run(grub({}))).ends),
      ["kernel-args /etc/default/grub.d/90-sampan.cfg changed", "kernel-reboot report ok", "handler update-grub changed"],
      "taken back before any reboot: none is needed",
    );
    const entry = await host.run(
      programOf("apply", resource({ type: "look", name: "grub.cfg", check: sh`differs entry "$(grep vmlinuz /boot/grub/grub.cfg)" ''`, apply: sh`:` })),
    );
    t.equal(entry.ends[0]?.changes[0]?.current.trim(), "linux /boot/vmlinuz  quiet");

    const cmdline = (args: Record<string, string>) => programOf("apply", kernelCmdlineArgs({ args }));
    t.match((await host.run(cmdline({ nosmt: "" }))).ends, [
      { status: "changed", changes: [{ current: "root=/dev/sda1  ro", desired: "root=/dev/sda1 ro nosmt" }] },
    ]);
    t.match((await host.run(cmdline({ nosmt: "" }))).ends, [{ status: "ok" }]);
    t.match((await host.run(cmdline({}))).ends, [{ status: "changed", changes: [{ current: "root=/dev/sda1 ro nosmt", desired: "root=/dev/sda1 ro" }] }]);

    const governors = () => programOf("apply", sysfs({ path: "/boot/cpu*/g", value: "fast", absent: "none", readOnly: "no" }));
    t.match((await host.run(governors())).ends, [{ status: "changed", changes: [{ current: "slow", desired: "fast" }] }]);
    t.match((await host.run(governors())).ends, [{ status: "ok" }]);

    const boot = programOf("check", sysctlBoot({ name: "99-sampan.conf", values: { "net.core.somaxconn": "65535" } }));
    t.match((await host.run(boot)).ends, [{ status: "skipped", reason: "other files win at boot: /etc/sysctl.d/99-z.conf sets net.core.somaxconn = 1" }]);
  });
}
