import t, { type Test } from "tap";
import type { Facts } from "../../../lib/engine/facts.mts";
import { skip, testLab } from "../../lab/fixture.mts";
import { type Ran, run, sessionWith } from "../../resources/host.mts";
import { resourcesOf } from "./fixture.mts";

const DROP_IN = "/etc/default/grub.d/90-sampan.cfg";
const SET = `kernel-args ${DROP_IN}`;
/** A boot loader's view of a lab host: facts say bare metal, and GRUB's own tool is played by a script of the same habits. */
const METAL: Partial<Facts> = {
  container: "",
  bootLoader: "grub",
  kernelConfig: ["CONFIG_NO_HZ_FULL", "CONFIG_CPU_ISOLATION", "CONFIG_RCU_NOCB_CPU"],
  cpus: [0, 1, 2, 3],
};
const UPDATE_GRUB = `#!/bin/sh
[ ! -e /root/no-space ] || { echo "grub-mkconfig: no space left on device" >&2; exit 1; }
echo run >>/root/update-grub.log
. /etc/default/grub
for f in /etc/default/grub.d/*.cfg; do [ ! -e "$f" ] || . "$f"; done
{
  echo '### BEGIN /etc/grub.d/10_linux ###'
  echo "	linux	/boot/vmlinuz-6.1.0 root=/dev/sda1 ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"
  echo "		linux	/boot/vmlinuz-6.1.0 root=/dev/sda1 ro single $GRUB_CMDLINE_LINUX"
  echo '### END /etc/grub.d/10_linux ###'
  echo '	linux	/boot/memtest86+x64.bin'
} >/boot/grub/grub.cfg`;

t.test("on a host", { skip }, async (t) => {
  const lab = testLab(t, "ktune");
  await lab.up({ nodes: 1 });
  const session = await sessionWith(t, lab, "nats-node-1");
  const sh = async (script: string): Promise<string> => (await lab.exec("nats-node-1", ["sh", "-c", script])).stdout.trim();
  const changed = (ran: Ran): string[] =>
    Object.values(ran.tasks)
      .filter((e) => e.status !== "ok" && e.status !== "skipped")
      .map((e) => `${e.task} ${e.status}`);

  t.test("the role in a container: --check writes nothing, the first run sets what can be set, the second changes nothing", async (t) => {
    const resources = () => resourcesOf({ kernel_args: { nohz_full: "1" } }, session.facts);
    const checked = await run(session, resources(), "check");
    t.ok(checked.outcome.counts.drift > 3);
    t.equal(await sh("ls /etc/sysctl.d/99-sampan.conf /etc/security/limits.d/90-sampan-nats.conf 2>/dev/null; cat /var/log/sampan/audit.log 2>/dev/null"), "");
    const first = await run(session, resources());
    t.ok(first.outcome.ok);
    t.equal(first.outcome.counts.changed, checked.outcome.counts.drift, "what --check foresaw");
    t.match(first.statuses, {
      "sysctl net.core.somaxconn": "changed",
      "sysctl vm.swappiness": "skipped: not settable in a container (systemd-nspawn)",
      [SET]: "skipped: a container (systemd-nspawn) boots no kernel of its own",
    });
    t.same(changed(await run(session, resources())), []);
    t.same(changed(await run(session, resources(), "check")), []);
    t.equal(await sh(`ls ${DROP_IN} /etc/tmpfiles.d/90-sampan-kernel.conf /etc/udev/rules.d/90-sampan* 2>/dev/null`), "");
  });

  t.test("the file in sysctl.d is what boot applies", async (t) => {
    await sh("echo 128 >/proc/sys/net/core/somaxconn; systemctl restart systemd-sysctl");
    t.equal(await sh("cat /proc/sys/net/core/somaxconn; systemctl is-active systemd-sysctl"), "65535\nactive");
  });

  t.test("limits are those of a login of nats", async (t) => {
    // a number that this machine allows its containers
    await run(session, resourcesOf({ limits: { nofile: 4321 } }, session.facts));
    await sh("useradd --system nats");
    t.equal(await sh("su -s /bin/sh nats -c 'ulimit -Sn; ulimit -Hn'"), "4321\n4321");
  });

  const kernel = (args: Record<string, string | true>, own: Record<string, unknown> = {}, facts: Partial<Facts> = {}) =>
    resourcesOf({ kernel_args: args, ...own }, { ...session.facts, ...METAL, ...facts }).filter((r) => r.type.startsWith("kernel-"));
  const cmdline = (text: string) => sh(`umount /proc/cmdline 2>/dev/null; printf '%s\\n' '${text}' >/root/cmdline; mount --bind /root/cmdline /proc/cmdline`);

  t.test("GRUB", async (t: Test) => {
    await lab.exec("nats-node-1", ["sh", "-c", "cat >/usr/local/sbin/update-grub; chmod +x /usr/local/sbin/update-grub"], { input: UPDATE_GRUB });
    await sh(`mkdir -p /boot/grub; printf 'GRUB_CMDLINE_LINUX="net.ifnames=0"\\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\\n' >/etc/default/grub; update-grub`);
    await cmdline("BOOT_IMAGE=/boot/vmlinuz-6.1.0 root=/dev/sda1 ro net.ifnames=0 quiet");
    const entries = () => sh("grep vmlinuz /boot/grub/grub.cfg");
    const runs = async () => Number(await sh("grep -c run /root/update-grub.log"));

    t.test("nothing declared: nothing is touched", async (t) => {
      const before = await runs();
      t.match((await run(session, kernel({}))).statuses, { [SET]: "ok", "handler update-grub": "ok", "kernel-reboot report": "ok" });
      t.equal(await runs(), before);
    });
    t.test("--check foresees the handler, and what depends on it", async (t) => {
      t.match((await run(session, kernel({ nohz_full: "2-3" }), "check")).statuses, {
        [SET]: "drift",
        "kernel-reboot report": `unknown: depends on ${SET}`,
        "handler update-grub": `drift: would run because of ${SET}`,
      });
      t.equal(await sh(`ls ${DROP_IN} 2>/dev/null`), "");
    });
    t.test("declared: drop-in, grub.cfg, and a word about the reboot", async (t) => {
      const ran = await run(session, kernel({ nohz_full: "2-3", nosmt: true }));
      t.match(ran.statuses, { [SET]: "changed", "handler update-grub": "changed" });
      t.match(ran.statuses["kernel-reboot report"], /^skipped: a reboot is needed: nohz_full=2-3 nosmt not in the running kernel/);
      t.match(ran.warnings, [/^nats-node-1: a reboot is needed: .*; reboot it, or set kernel_reboot: rolling$/]);
      for (const line of (await entries()).split("\n")) t.match(line, "net.ifnames=0 nohz_full=2-3 nosmt");
    });
    t.test("a second run changes nothing, and a pending reboot is no drift", async (t) => {
      const before = await runs();
      t.same(changed(await run(session, kernel({ nohz_full: "2-3", nosmt: true }))), []);
      t.equal(await runs(), before);
      t.same((await run(session, kernel({ nohz_full: "2-3", nosmt: true }), "check")).outcome.counts, {
        ok: 3,
        changed: 0,
        drift: 0,
        unknown: 0,
        skipped: 1,
        failed: 0,
      });
    });
    t.test("a boot entry that somebody's older update-grub made is mended", async (t) => {
      await sh("sed -i s/nohz_full=2-3// /boot/grub/grub.cfg");
      const ran = await run(session, kernel({ nohz_full: "2-3", nosmt: true }));
      t.same(changed(ran), ["handler update-grub changed"]);
      t.match(ran.tasks["handler update-grub"]?.changes, [{ attribute: "/boot/grub/grub.cfg", current: "without nohz_full=2-3" }]);
    });
    t.test("a failed update-grub stays due until it succeeds", async (t) => {
      await sh(": >/root/no-space");
      const failed = await run(session, kernel({ nohz_full: "1-3" }));
      t.match(failed.tasks["handler update-grub"], { status: "failed", failure: { output: /no space left/ } });
      await sh("rm /root/no-space");
      t.same(changed(await run(session, kernel({ nohz_full: "1-3" }))), ["handler update-grub changed"]);
      t.notMatch(await entries(), "nosmt");
    });
    t.test("after the reboot all is well", async (t) => {
      await cmdline("root=/dev/sda1 ro net.ifnames=0 nohz_full=1-3 quiet");
      await sh("rm -r /run/sampan");
      t.match(await run(session, kernel({ nohz_full: "1-3" })), {
        statuses: { [SET]: "ok", "handler update-grub": "ok", "kernel-reboot report": "ok" },
        warnings: [],
      });
    });
    t.test("the same argument from elsewhere is a failure that names the file", async (t) => {
      for (const [file, line] of [
        ["/etc/default/grub.d/95-tuned.cfg", `GRUB_CMDLINE_LINUX_DEFAULT="quiet nohz_full=3"`],
        ["/etc/default/grub.d/10-cloud.cfg", `GRUB_CMDLINE_LINUX="nohz_full=3"`],
        ["/etc/tuned/bootcmdline", `TUNED_BOOT_CMDLINE="skew_tick=1 nohz_full=3"`],
      ] as const) {
        await sh(`mkdir -p /etc/tuned; echo '${line}' >${file}`);
        t.match((await run(session, kernel({ nohz_full: "1-3" }))).statuses, {
          "kernel-support nohz_full": `failed: ${file} gives the kernel nohz_full=3 besides sampan's nohz_full=1-3`,
        });
        await sh(`echo '# ${line}' >${file}`);
        t.match((await run(session, kernel({ nohz_full: "1-3" }), "check")).statuses, { "kernel-support nohz_full": "ok" }, "a comment says nothing");
        await sh(`rm ${file}`);
      }
      await sh(`echo 'GRUB_CMDLINE_LINUX="quiet"' >/etc/default/grub.d/99-own.cfg`);
      t.match((await run(session, kernel({ nohz_full: "1-3" }))).statuses, {
        "kernel-support nohz_full": `failed: /etc/default/grub.d/99-own.cfg is read after ${DROP_IN} and sets GRUB_CMDLINE_LINUX anew`,
      });
      await sh("rm /etc/default/grub.d/99-own.cfg; update-grub");
    });
    t.test("an argument that only grub.cfg has", async (t) => {
      await sh("sed -i 's/nohz_full=1-3/& nohz_full=3/' /boot/grub/grub.cfg");
      t.match((await run(session, kernel({ nohz_full: "1-3" }))).statuses, {
        "handler update-grub": "failed: /boot/grub/grub.cfg gives the kernel nohz_full=3 besides sampan's nohz_full=1-3",
      });
      await sh("update-grub");
    });
    t.test("a /boot that is mounted read-only stops what would have to be written there, and nothing else", async (t) => {
      await sh("mount --bind /boot /boot; mount -o remount,bind,ro /boot");
      t.same(changed(await run(session, kernel({ nohz_full: "1-3" }))), []);
      t.match((await run(session, kernel({ nohz_full: "2-3" }))).statuses, {
        "kernel-support nohz_full": "failed: /boot is mounted read-only, and the arguments have to go into it",
      });
      await sh("umount /boot");
    });
    t.test("taken out of the inventory, they go out of GRUB, and then out of the kernel", async (t) => {
      t.match((await run(session, kernel({}), "check")).tasks, {
        [SET]: { status: "drift", changes: [{ attribute: "arguments", current: "nohz_full=1-3", desired: "" }] },
      });
      const ran = await run(session, kernel({}));
      t.match(ran.statuses, { [SET]: "changed", "handler update-grub": "changed" });
      t.match(ran.warnings, [/a reboot is needed: nohz_full=1-3 still in the running kernel/]);
      t.notMatch(await entries(), "nohz_full");
      t.equal(await sh(`ls ${DROP_IN} /var/lib/sampan/kernel-args.removed 2>/dev/null`), "");
      t.same(changed(await run(session, kernel({}))), []);
      await sh("rm -r /run/sampan"); // the reboot, into a kernel that somebody else gives the same argument
      t.match(await run(session, kernel({})), { statuses: { "kernel-reboot report": "ok" }, warnings: [] });
    });
    t.test("a host that doesn't boot by its GRUB", async (t) => {
      await sh("mv /boot/grub /boot/grub.away");
      t.match((await run(session, kernel({ nosmt: true }))).statuses["handler update-grub"], /^failed: there is no \/boot\/grub/);
      await sh(`mv /boot/grub.away /boot/grub; rm ${DROP_IN}`);
    });
    t.test("`rolling`: the reboot is due, and left to the playbook", async (t) => {
      const { outcome } = await run(session, kernel({ nohz_full: "2-3" }, { kernel_reboot: "rolling" }));
      t.same(
        outcome.due.map((s) => s.task),
        ["handler reboot"],
      );
    });
    t.test("what can't work fails before anything is written", async (t) => {
      await sh(`rm -f ${DROP_IN}`);
      const { statuses } = await run(session, kernel({ nohz_full: "2-7" }));
      t.same(statuses, { "kernel-support nohz_full": "failed: nohz_full=2-7 names CPU 4, 5, 6, 7, but the host has 4 (0 to 3)" });
      t.equal(await sh(`ls ${DROP_IN} 2>/dev/null`), "");
    });
  });

  t.test("systemd's kernel-install", async (t: Test) => {
    await sh(`mkdir -p /boot/loader/entries /usr/lib/modules/6.1.0; echo kernel >/boot/vmlinuz-6.1.0; echo 'root=/dev/sda1 ro quiet' >/etc/kernel/cmdline
      mkdir -p /boot/$(cat /etc/machine-id); printf 'layout=bls\\nBOOT_ROOT=/boot\\n' >/etc/kernel/install.conf; kernel-install add 6.1.0 /boot/vmlinuz-6.1.0`);
    const boot = { bootLoader: "systemd-boot" } as const;
    const options = () => sh("sed -n 's/^options *//p' /boot/loader/entries/*.conf");
    t.match(await options(), "root=/dev/sda1 ro quiet");

    const set = "kernel-args /etc/kernel/cmdline";
    t.match((await run(session, kernel({ nohz_full: "2-3" }, {}, boot), "check")).tasks[set]?.changes, [
      { current: "root=/dev/sda1 ro quiet", desired: "root=/dev/sda1 ro quiet nohz_full=2-3" },
    ]);
    t.match((await run(session, kernel({ nohz_full: "2-3" }, {}, boot))).statuses, { [set]: "changed", "handler kernel-install": "changed" });
    t.match(await options(), "root=/dev/sda1 ro quiet nohz_full=2-3");
    t.same(changed(await run(session, kernel({ nohz_full: "2-3" }, {}, boot))), [], "once");

    await run(session, kernel({ nohz_full: "1-3" }, {}, boot));
    t.match(await options(), /quiet nohz_full=1-3 *(systemd|$)/, "changed");
    await sh("echo 'root=/dev/sda1 ro quiet nohz_full=1-3 panic=5' >/etc/kernel/cmdline");
    t.same(changed(await run(session, kernel({ nohz_full: "1-3" }, {}, boot))), [], "what others add is theirs");
    await run(session, kernel({}, {}, boot));
    t.equal(await sh("cat /etc/kernel/cmdline"), "root=/dev/sda1 ro quiet panic=5");
    t.match(await options(), /quiet panic=5 *(systemd|$)/, "taken back");
    t.same(changed(await run(session, kernel({}, {}, boot))), []);
  });
});
