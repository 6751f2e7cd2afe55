import type { Facts } from "../../lib/engine/facts.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import { cpuNumbers } from "../../lib/inventory/units.mts";
import { absent } from "../../lib/resources/absent.mts";
import { ioScheduler, READ_AHEAD_RULES, readAhead, SCHEDULER_RULES } from "../../lib/resources/io-scheduler.mts";
import { irqAffinity } from "../../lib/resources/irq-affinity.mts";
import { nicRing } from "../../lib/resources/nic-ring.mts";
import { nicSteering, rulesOf } from "../../lib/resources/nic-steering.mts";
import { skipped } from "../../lib/resources/skipped.mts";
import { storeMount, storeTrim } from "../../lib/resources/store-mount.mts";
import type { Vars } from "../schema.mts";

/** The disk under the store, the network cards, and where their interrupts go. What a host's device doesn't have is skipped with the reason. */
export function devices(vars: Vars, facts: Facts): Resource[] {
  const { device, mount } = facts.store;
  const container = facts.container ? `not settable in a container (${facts.container})` : undefined;
  const { io_scheduler: scheduler, read_ahead_kb: kib, nic_ring: size } = vars;
  const set: [Resource | undefined, string][] = [
    [scheduler === "leave" ? undefined : ioScheduler({ device, mount, scheduler }), SCHEDULER_RULES],
    [kib === undefined ? undefined : readAhead({ device, mount, kib }), READ_AHEAD_RULES],
    [size === "leave" ? undefined : nicRing({ size }), rulesOf("ring")],
    ...(["rps_cpus", "xps_cpus"] as const).map((what): [Resource | undefined, string] => [steering(what, vars[what]), rulesOf(what)]),
  ];
  return [
    ...set.map(([resource, path]) => (resource ? skipped(container, resource) : absent({ path }))),
    skipped(container, storeMount({ mount, options: vars.mount_options })),
    ...(vars.discard === "fstrim" ? [skipped(container, storeTrim({ device, mount }))] : []),
    skipped(container, interrupts(vars.irq_affinity, facts)),
  ];
}

const steering = (what: "rps_cpus" | "xps_cpus", list: string | undefined): Resource | undefined =>
  list === undefined ? undefined : nicSteering({ what, cpus: cpuNumbers(list) ?? [] });

function interrupts(cpus: string | undefined, facts: Facts): Resource {
  const wanted = cpuNumbers(cpus ?? "") ?? [];
  return irqAffinity({ cpus, banned: facts.cpus.filter((cpu) => !wanted.includes(cpu)).join(",") });
}
