import t from "tap";
import type { Resource } from "../../lib/engine/resource.mts";
import { irqAffinity } from "../../lib/resources/irq-affinity.mts";
import { kernelSupport } from "../../lib/resources/kernel-support.mts";
import { nicSteering } from "../../lib/resources/nic-steering.mts";
import { Disk, LocalHost, programOf } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";

/** Two nodes of two cores with two threads each, as a machine with hyper-threading numbers them; and what interrupts it. */
const MACHINE = `
for d in /sys/devices/system/cpu /sys/devices/system/node /sys/class/net /proc/irq; do mount -t tmpfs tmpfs $d; done
for cpu in 0 1 2 3 4 5 6 7; do mkdir -p /sys/devices/system/cpu/cpu$cpu/topology; echo $((cpu % 4)),$((cpu % 4 + 4)) >/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list; done
mkdir /sys/devices/system/node/node0 /sys/devices/system/node/node1
echo 0-1,4-5 >/sys/devices/system/node/node0/cpulist; echo 2-3,6-7 >/sys/devices/system/node/node1/cpulist
mkdir -p /proc/irq/1/timer /proc/irq/7 /proc/irq/31/eth0-rx /proc/irq/32/nvme0q1 /proc/irq/33/eth0-tx
echo 0-7 >/proc/irq/7/smp_affinity_list; echo 0 >/proc/irq/1/smp_affinity_list; echo 0-7 >/proc/irq/31/smp_affinity_list
echo 6 >/proc/irq/32/smp_affinity_list; echo 1 >/proc/irq/33/smp_affinity_list; echo 32 >/run/sampan/irqs-fixed
mkdir -p /sys/class/net/eth0/queues/rx-0 /sys/class/net/eth0/queues/rx-1 /sys/class/net/eth0/device /sys/class/net/lo/queues/rx-0
echo 00000000,000000f3 >/sys/class/net/eth0/queues/rx-0/rps_cpus; echo 0 >/sys/class/net/eth0/queues/rx-1/rps_cpus; echo 0 >/sys/class/net/lo/queues/rx-0/rps_cpus`;

for (const [name, argv, missing] of shells) {
  t.test(`CPUs, interrupts and queues in ${name}`, { skip: missing || notRoot }, async (t) => {
    const host = new LocalHost(t, argv, new Disk(t), MACHINE);
    const look = async (resource: Resource) => {
      const { ends, events } = await host.run(programOf("check", resource));
      return { end: ends[0]!, warnings: events.flatMap((e) => (e.type === "warning" ? [e.text] : [])) };
    };
    const support = (apart: string) => look(kernelSupport({ args: [`nohz_full=${apart}`], apart, obstacles: [], unknown: undefined }));

    t.match(await support("2-3,6-7"), { end: { status: "ok" }, warnings: [] }, "whole cores of one node");
    const split = await support("2,3,6");
    t.match(split.end, { status: "ok" });
    t.match(split.warnings, [/CPUs 2,3,6 are set apart, but of the cores with the threads 3,7 only one: .* keep siblings together$/]);
    t.match((await support("1-3,5-7")).warnings, [/CPUs 1-3,5-7 lie on the NUMA nodes 0, 1: .* keep to one node$/]);

    const irqs = await look(irqAffinity({ cpus: "0-1,4-5", banned: "2,3,6,7" }));
    t.same(
      irqs.end.changes.filter((c) => c.attribute === "interrupts").map((c) => [c.current, c.desired]),
      [["eth0-rx on 0-7", "on 0-1,4-5"]],
      "not those without a device, nor those that can't be moved",
    );
    t.match((await look(irqAffinity({ cpus: undefined, banned: "" }))).end.status, "ok");

    const queues = await look(nicSteering({ what: "rps_cpus", cpus: [0, 1, 4, 5, 6, 7] }));
    t.same(
      queues.end.changes.map((c) => `${c.attribute}: ${c.current} → ${c.desired}`),
      ["eth0/queues/rx-1/rps_cpus: 0 → f3", "at boot:  → rps_cpus f3"],
    );
    t.match((await look(nicSteering({ what: "xps_cpus", cpus: [0] }))).end, { status: "skipped", reason: "no network card of this host has xps_cpus to set" });
  });
}
