import t from "tap";
import { compile, plan } from "../../../lib/engine/compile.mts";
import { TYPICAL } from "../../../lib/engine/facts.mts";
import { idOf, type Resource } from "../../../lib/engine/resource.mts";
import { reboot, updateEntries, updateGrub } from "../../../roles/kernel-tuning/handlers.mts";
import { obstacles } from "../../../roles/kernel-tuning/kernel-args.mts";
import { SYSCTLS } from "../../../roles/kernel-tuning/sysctls.mts";
import { CONTAINER, find, resourcesOf } from "./fixture.mts";

/** As inventory/hk declares them. */
const HK = { kernel_args: { isolcpus: "managed_irq,2-7", nohz_full: "2-7", rcu_nocbs: "2-7" } };
const DROP_IN = "kernel-args /etc/default/grub.d/90-sampan.cfg";
const AT_BOOT = "file /etc/tmpfiles.d/90-sampan-kernel.conf";
const content = (resources: readonly Resource[], task: string): string => find(resources, task)?.content ?? "";

t.test("every default sysctl is set now and stands in the file with its reason", async (t) => {
  const resources = resourcesOf();
  const file = content(resources, "file /etc/sysctl.d/99-sampan.conf");
  for (const { name, value, why } of SYSCTLS) {
    t.ok(find(resources, `sysctl ${name}`), name);
    t.match(file, `# ${why}\n${name} = ${value}\n`);
  }
});

t.test("a sysctl of the inventory takes the default's place, and null takes it away", async (t) => {
  const resources = resourcesOf({ sysctl: { "vm.swappiness": "10", "net.core.somaxconn": null, "net.ipv4.tcp_mtu_probing": 1 } });
  const file = content(resources, "file /etc/sysctl.d/99-sampan.conf");
  t.match(file, /sampan's default is 1\)\nvm.swappiness = 10\n/);
  t.match(file, /# set in the inventory\nnet.ipv4.tcp_mtu_probing = 1\n/);
  t.notMatch(file, "somaxconn");
  t.notOk(find(resources, "sysctl net.core.somaxconn"));
});

t.test("dirty limits in bytes replace those in percent, as the kernel knows only one of the two", async (t) => {
  const resources = resourcesOf({ sysctl: { "vm.dirty_bytes": 1 << 30 } });
  t.notOk(find(resources, "sysctl vm.dirty_ratio"));
  t.ok(find(resources, "sysctl vm.dirty_background_ratio"));
  t.notMatch(content(resources, "file /etc/sysctl.d/99-sampan.conf"), "vm.dirty_ratio");
});

t.test("limits are those of the user nats, soft and hard, memlock in KiB", async (t) => {
  const file = content(resourcesOf({ limits: { memlock: 1_000_000 } }), "file /etc/security/limits.d/90-sampan-nats.conf");
  t.same(file.split("\n").slice(1, -1), ["nats soft nofile 800000", "nats hard nofile 800000", "nats soft memlock 977", "nats hard memlock 977"]);
});

t.test("huge pages and governor come back at boot, each only where the host has it", async (t) => {
  t.same(
    content(resourcesOf({}, { governor: "schedutil" }), AT_BOOT)
      .split("\n")
      .slice(1, -1),
    ["w /sys/kernel/mm/transparent_hugepage/enabled - - - - madvise", "w /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor - - - - performance"],
  );
  t.notMatch(content(resourcesOf({}, { governor: undefined }), AT_BOOT), "scaling_governor");
});

t.test("`leave` touches nothing, and takes out what was there to persist it", async (t) => {
  const resources = resourcesOf({ transparent_hugepage: "leave", cpu_governor: "leave", io_scheduler: "leave" });
  t.same(
    resources.filter((r) => ["sysfs", "io-scheduler"].includes(r.type)),
    [],
  );
  t.ok(find(resources, "absent /etc/tmpfiles.d/90-sampan-kernel.conf"));
  t.ok(find(resources, "absent /etc/udev/rules.d/90-sampan-io-scheduler.rules"));
});

t.test("in a container nothing of the machine's own is touched, with the reason", async (t) => {
  const resources = resourcesOf(HK, CONTAINER);
  t.equal(find(resources, DROP_IN)?.skip, "a container (systemd-nspawn) boots no kernel of its own");
  for (const task of [AT_BOOT, "io-scheduler /"]) t.equal(find(resources, task)?.skip, "not settable in a container (systemd-nspawn)", task);
  t.notOk(find(resources, "kernel-support isolcpus nohz_full rcu_nocbs"), "what its kernel could do is of no interest");
  t.same(
    resources.flatMap((r) => r.notifies),
    [],
  );
});

t.test("devices: nothing that isn't asked for is set, and what was set before is taken back", async (t) => {
  const ours = ["irq-affinity", "nic-ring", "nic-steering", "read-ahead", "store-mount", "store-trim"];
  t.same(
    resourcesOf({}, { cpus: [0, 1, 2, 3] })
      .filter((r) => ours.includes(r.type))
      .map(idOf),
    ["store-mount /", "store-trim /", "irq-affinity leave"],
  );
  for (const what of ["ring", "rps", "xps"]) t.ok(find(resourcesOf(), `absent /etc/udev/rules.d/90-sampan-nic-${what}.rules`), what);
  const asked = resourcesOf({
    irq_affinity: "0-1",
    nic_ring: "max",
    rps_cpus: "0-1",
    xps_cpus: "0,33",
    read_ahead_kb: 64,
    mount_options: [],
    discard: "leave",
  });
  t.same(asked.filter((r) => ours.includes(r.type)).map(idOf), [
    "read-ahead /",
    "nic-ring max",
    "nic-steering rps_cpus",
    "nic-steering xps_cpus",
    "store-mount /",
    "irq-affinity 0-1",
  ]);
  t.match(find(asked, "nic-steering xps_cpus")?.check.text, / 2,00000001 /, "the kernel's mask, 32 CPUs in a word");
  t.match(find(asked, "irq-affinity 0-1")?.check.text, "IRQBALANCE_BANNED_CPULIST=2,3,4,5,6,7", "all others are banned");
  for (const task of ["store-mount /", "store-trim /", "irq-affinity leave"])
    t.equal(find(resourcesOf({}, CONTAINER), task)?.skip, "not settable in a container (systemd-nspawn)", task);
});

t.test("kernel arguments of hk on 8 cores", async (t) => {
  const resources = resourcesOf(HK);
  t.match(content(resources, DROP_IN), `GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX isolcpus=managed_irq,2-7 nohz_full=2-7 rcu_nocbs=2-7"\n`);
  t.same(find(resources, DROP_IN)?.notifies, [updateGrub]);
  t.same(obstacles(HK.kernel_args, TYPICAL), []);
});

t.test("arguments without a value, and other ones, go through as they are", async (t) => {
  t.match(content(resourcesOf({ kernel_args: { nosmt: true, mitigations: "auto" } }), DROP_IN), `$GRUB_CMDLINE_LINUX nosmt mitigations=auto"`);
});

t.test("the reboot is reported, or rolled", async (t) => {
  const report = resourcesOf(HK),
    rolling = resourcesOf({ ...HK, kernel_reboot: "rolling" });
  t.ok(find(report, "kernel-reboot report"));
  t.notOk(find(rolling, "kernel-reboot report"));
  t.same(find(rolling, DROP_IN)?.notifies, [updateGrub, reboot]);
  t.ok(reboot.rolling && reboot.reboots);
});

t.test("without kernel arguments the drop-in goes, where there is a GRUB", async (t) => {
  t.equal(find(resourcesOf(), DROP_IN)?.content, "");
  t.same(find(resourcesOf(), DROP_IN)?.notifies, [updateGrub]);
  t.same(
    resourcesOf({}, { bootLoader: undefined }).filter((r) => r.type.startsWith("kernel-")),
    [],
  );
});

t.test("systemd-boot has its own file and handler", async (t) => {
  const resources = resourcesOf(HK, { bootLoader: "systemd-boot" });
  t.same(find(resources, "kernel-args /etc/kernel/cmdline")?.notifies, [updateEntries]);
  t.notOk(find(resources, DROP_IN));
});

t.test("what can't work is one failure, before anything else of the role", async (t) => {
  const first = resourcesOf(HK, { cpus: [0, 1, 2, 3], kernelConfig: ["CONFIG_CPU_ISOLATION"], kernel: "5.4.0-42", bootLoader: undefined })[0]!;
  t.equal(first.type, "kernel-support");
  const text = first.check.text;
  t.match(text, /^cannot /);
  t.match(text, "nohz_full=2-7 names CPU 4, 5, 6, 7, but the host has 4 (0 to 3)");
  t.match(text, "the kernel 5.4.0-42 is built without CONFIG_NO_HZ_FULL, which nohz_full needs");
  t.match(text, "the kernel 5.4.0-42 is built without CONFIG_RCU_NOCB_CPU, which rcu_nocbs needs");
  t.match(text, /is older than 5.6 and doesn.*t know isolcpus=managed_irq/);
  t.match(text, "there is no boot loader that sampan knows");
});

t.test("obstacles", async (t) => {
  const cases: [string, Record<string, string>, object, RegExp][] = [
    ["the boot CPU", { nohz_full: "0-3" }, {}, /^nohz_full=0-3 takes CPU 0/],
    ["a CPU that is not there", { isolcpus: "managed_irq,6-8" }, {}, /^isolcpus=managed_irq,6-8 names CPU 8, but the host has 8 \(0 to 7\)$/],
    ["a kernel without it", { nohz_full: "2-7" }, { kernelConfig: [] }, /^the kernel 6.1.0 is built without CONFIG_NO_HZ_FULL, which nohz_full needs$/],
    ["no boot loader", { quiet: "" }, { bootLoader: undefined }, /^there is no boot loader/],
  ];
  for (const [name, args, facts, expected] of cases) {
    const found = obstacles(args, { ...TYPICAL, ...facts });
    t.equal(found.length, 1, name);
    t.match(found[0], expected, name);
  }
});

t.test("an unreadable kernel configuration is said to be unknown, and doesn't fail", async (t) => {
  const text = find(resourcesOf(HK, { kernelConfig: undefined }), "kernel-support isolcpus nohz_full rcu_nocbs")!.check.text;
  t.match(text, /warn 'whether the kernel supports isolcpus, nohz_full, rcu_nocbs is unknown/);
});

t.test("failures name the role's own files", async (t) => {
  for (const r of resourcesOf({ ...HK, kernel_reboot: "rolling" }))
    for (const at of [r.at, ...r.notifies.map((h) => h.at)]) t.match(at.file, "/roles/kernel-tuning/", idOf(r));
});

t.test("all of it is one program", async (t) => {
  const steps = plan([{ role: "kernel-tuning", resources: resourcesOf({ ...HK, kernel_reboot: "rolling" }) }]);
  t.equal(new Set(steps.map((s) => s.task)).size, steps.length, "no name twice");
  t.ok(compile(steps, { mode: "check", diff: true }).text.length < 40_000, "and not a big one");
});
