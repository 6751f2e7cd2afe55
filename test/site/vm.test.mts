import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cacheDir } from "../../lib/lab/paths.mts";
import { vmName } from "../../lib/lab/region.mts";
import { SYSCTLS } from "../../roles/kernel-tuning/sysctls.mts";
import { labSync, skip, traces } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

// Software emulation on a busy machine: two boots, and everything on the host is twenty times slower.
t.setTimeout(1_150_000);

const ARGUMENTS = ["isolcpus=managed_irq,2-3", "nohz_full=2-3", "rcu_nocbs=2-3"];
const KERNEL = `kernel_args: { isolcpus: "managed_irq,2-3", nohz_full: 2-3, rcu_nocbs: 2-3 }\nkernel_reboot: rolling\n`;
const REST = `lame_duck_grace_period: 1s
verify: { rate: 500, seconds: 2 }
cpus: 2-3
irq_affinity: 0-1
read_ahead_kb: 256
rps_cpus: 0-1
xps_cpus: 0-1
nic_ring: 256
limits: { nofile: 123456 }
`;

/** NAME=VALUE lines of what the running host says, by name. */
const LOOK = `
pid=$(systemctl show -P MainPID nats-server)
say() { printf '%s=%s\\n' "$1" "$2"; }
say boot_id "$(cat /proc/sys/kernel/random/boot_id)"
say cmdline "$(cat /proc/cmdline)"
say nohz_full "$(cat /sys/devices/system/cpu/nohz_full)"
say thp "$(cat /sys/kernel/mm/transparent_hugepage/enabled)"
say nofile "$(grep 'Max open files' /proc/$pid/limits | tr -s ' ' | cut -d' ' -f4,5)"
say affinity "$(grep -h Cpus_allowed_list /proc/$pid/task/*/status | cut -f2 | sort -u)"
say threads "$(ls /proc/$pid/task | wc -l)"
say scheduler "$(cat /sys/block/vdb/queue/scheduler)"
say read_ahead "$(cat /sys/block/vdb/queue/read_ahead_kb)"
say mount "$(grep ' /data ' /proc/mounts)"
say rps "$(cat /sys/class/net/e*/queues/rx-*/rps_cpus | sort -u)"
say ring "$(ethtool -g $(basename /sys/class/net/e*) | sed -n '/Current/,$p' | grep -E '^(RX|TX):' | tr -d '\\t' | tr '\\n' ' ')"
say banned "$(tr '\\0' '\\n' </proc/$(pidof irqbalance)/environ | grep BANNED)"
for irq in $(grep -E 'virtio[0-9]+-(input|output)' /proc/interrupts | cut -d: -f1); do say "irq$irq" "$(cat /proc/irq/$irq/smp_affinity_list)"; done
say grub "$(sed -n '/BEGIN .*10_linux/,/END .*10_linux/p' /boot/grub/grub.cfg | grep -c 'linux.*/boot/vmlinuz')"
say grub_isolated "$(grep -c nohz_full /boot/grub/grub.cfg)"
`;

t.test("a real kernel, GRUB and a reboot", { skip }, async (t) => {
  const site = await siteLab(t, "vm", 0, { vm: true });
  const look = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await site.sh(vmName, LOOK))
        .split("\n")
        .flatMap((line) => (/^(\w+)=(.*)$/.exec(line) ? [[line.split("=")[0]!, line.slice(line.indexOf("=") + 1)]] : [])),
    );
  site.vars(REST + KERNEL);
  const before = await site.sh(vmName, "cat /proc/sys/kernel/random/boot_id");

  await t.test("the lab knows it as one of its hosts", async (t) => {
    const region = ["--region", site.lab.region];
    t.match(labSync("status", ...region), { status: 0, stdout: /^nats-vm +198\.18\.\d+\.200 +up\n$/ });
    t.match(labSync("ssh", vmName, ...region, "--", "uname -n; systemd-detect-virt"), { stdout: /^nats-vm\n(qemu|kvm)\n/ });
  });

  await t.test("the whole of site.mts, with the reboot that the arguments need", async (t) => {
    const run = await site.run();
    exits(t, run, 0);
    t.ok(run.deviations.includes(`${vmName}: handler reboot changed`), run.deviations.join("\n"));
    t.ok(run.ends("ok").some((e) => e.task === "back after reboot"));
    t.ok(run.ends("ok").some((e) => e.role === "verify" && e.task === "pull from a stream"));
    t.match(
      run.ends("ok").find((e) => e.task === `CPU isolation: ${vmName}`)?.reason,
      /^(helps|hurts|neither helps nor hurts|can't be told): .*(%|too little)/,
      "verify says what the isolation does",
    );
  });

  await t.test("what was declared is what the running system has", async (t) => {
    const now = await look();
    t.not(now["boot_id"], before, "another boot");
    for (const argument of ARGUMENTS) t.ok(now["cmdline"]?.split(" ").includes(argument), argument);
    t.match(now, {
      nohz_full: "2-3",
      thp: "always [madvise] never",
      nofile: "123456 123456",
      affinity: "2-3",
      scheduler: /\[none\]/,
      read_ahead: "256",
      mount: /\bnoatime\b/,
      rps: "3",
      ring: "RX:256 TX:256 ",
      banned: "IRQBALANCE_BANNED_CPULIST=2,3",
    });
    t.ok(Number(now["threads"]) > 3, "several threads were asked");
    const irqs = Object.entries(now).filter(([name]) => /^irq\d+$/.test(name));
    t.ok(irqs.length > 2);
    for (const [name, cpus] of irqs) t.match(cpus, /^(0|1|0-1|0,1)$/, name);
    const values = await site.sh(vmName, `cd /proc/sys; for f in ${SYSCTLS.map((s) => s.name.replaceAll(".", "/")).join(" ")}; do echo $(cat $f); done`);
    t.same(
      values.split("\n"),
      SYSCTLS.map((s) => s.value),
      "sysctls",
    );
  });

  await t.test("a second run changes nothing", async (t) => {
    const run = await site.run();
    exits(t, run, 0);
    t.same(run.deviations, []);
    const skipped = Object.fromEntries(run.ends("skipped").map((e) => [e.task, e.reason]));
    t.match(skipped, {
      "sysfs /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor": "this kernel manages no CPU frequencies",
      "store-trim /data": "fstrim.timer is masked: somebody has locked it on purpose",
    });
  });

  await t.test("what can't work is told before anything is written", async (t) => {
    await site.sh(vmName, `echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX nohz_full=1-3"' >/etc/default/grub.d/50-cloudimg.cfg`);
    const rival = await site.run("--check", "--role", "kernel-tuning");
    exits(t, rival, 1);
    t.match(rival.ends("failed")[0]?.failure, {
      what: "/etc/default/grub.d/50-cloudimg.cfg gives the kernel nohz_full=1-3 besides sampan's nohz_full=2-3",
      next: "remove nohz_full=1-3 there, or take it out of kernel_args",
    });
    await site.sh(vmName, "rm /etc/default/grub.d/50-cloudimg.cfg; mount --bind /boot /boot; mount -o remount,bind,ro /boot");
    const readOnly = await site.run("--check", "--role", "kernel-tuning", "-e", "kernel_args.nohz_full=3");
    t.match(readOnly.ends("failed")[0]?.failure, { what: /^\/boot is mounted read-only/, next: /remount,rw/ });
    exits(t, await site.run("--check", "--role", "kernel-tuning"), 0);
    await site.sh(vmName, "umount /boot");
  });

  await t.test("taken out of the inventory: out of GRUB, and a word about the reboot that is left to do", async (t) => {
    site.vars(`${REST}kernel_reboot: report\n`);
    const run = await site.run("--role", "kernel-tuning");
    exits(t, run, 0);
    t.match(
      run
        .of("warning")
        .map((w) => w.text)
        .join("\n"),
      /a reboot is needed: .*nohz_full=2-3.* still in the running kernel/,
    );
    t.match(await look(), { grub: /^[1-9]/, grub_isolated: "0", nohz_full: "2-3" });
  });

  await t.test("a power cut, and down leaves nothing", async (t) => {
    await site.lab.powerCut(vmName);
    t.match(labSync("status", "--region", site.lab.region), { status: 1, stdout: /DOWN/ });
    await site.lab.down();
    t.same(traces(site.lab.region), []);
    t.notOk(readdirSync(join(cacheDir(), "lab")).includes(site.lab.region));
    t.equal(spawnSync("pgrep", ["-f", join(cacheDir(), "lab", site.lab.region)]).status, 1, "no process");
  });
});
