import { cpuText } from "../../lib/inventory/units.mts";
import type { CpuSample } from "./cpu-sample.mts";

export interface Isolation {
  verdict: "helps" | "hurts" | "neither" | "unknown";
  /** in plain words, with figures */
  why: string;
  /** what to do, when it hurts */
  next: string | undefined;
  /** one for each of the server's CPUs, one for all others */
  rows: readonly CpuRow[];
}
export interface CpuRow {
  cpus: readonly number[];
  /** percent of the time */
  busy: number;
  /** nats-server's threads whose last CPU it was, and their part of all its work, in percent */
  threads: number;
  work: number;
  /** timer interrupts, and those of devices, a second */
  ticks: number;
  interrupts: number;
}

/** Below this part of its CPUs a server does too little to be judged. */
const ENOUGH_LOAD = 0.02;
/** One CPU with this much of the work while another idles. */
const PILED_UP = 0.8;
const IDLE = 20;
const FULL = 85;
/** Waiting for a CPU as part of all time that a thread wants one: none to speak of; and too much, while CPUs idle. */
const LITTLE_WAIT = 0.1;
const MUCH_WAIT = 0.25;
/** Timer interrupts for each busy second: a CPU without nohz_full has CONFIG_HZ of them, 250 on most kernels, 100 at the least. */
const FEW_TICKS = 50;
/** Interrupts of devices a second that are nothing beside the work. */
const FEW_INTERRUPTS = 20;

/**
 * What setting CPUs apart does to nats-server, from two looks with load in between.
 * @param apart the CPUs that the inventory gives to the server (`cpus`), or, without it, those that the kernel's arguments set apart
 */
export function judgeIsolation(before: CpuSample, after: CpuSample, apart: readonly number[]): Isolation {
  const seconds = Math.max(after.uptime - before.uptime, 0.01);
  const work = workOf(before, after);
  const all = [...after.cpus.keys()];
  const rows = [...apart.map((cpu) => [cpu]), all.filter((cpu) => !apart.includes(cpu))]
    .filter((cpus) => cpus.length > 0)
    .map((cpus) => rowOf(cpus, before, after, work, seconds));
  const mine = rows.filter((r) => r.cpus.every((cpu) => apart.includes(cpu)));
  const say = (verdict: Isolation["verdict"], why: string, next?: string): Isolation => ({ verdict, why, next, rows });

  const strays = [...after.threads.values()].filter((t) => t.allowed.some((cpu) => !apart.includes(cpu))).length;
  if (strays > 0)
    return say(
      "hurts",
      `${strays} of nats-server's ${after.threads.size} threads may run on other CPUs than ${cpuText(apart)}, which are set apart and left to nobody`,
      `set cpus: "${cpuText(apart)}" in the inventory, and run site.mts`,
    );
  if (work.ran / 1000 / seconds / apart.length < ENOUGH_LOAD)
    return say("unknown", `nats-server used ${percent(work.ran / 10 / seconds)} of one CPU: too little to tell; offer more (verify.rate, verify.seconds)`);

  const share = work.waited / (work.ran + work.waited);
  const waiting = `its threads waited ${percent(share * 100)} of their time for a CPU`;
  const spread = `its work was spread ${mine.map((r) => `${percent(r.work)} on CPU ${r.cpus[0]}`).join(", ")}`;
  const [top] = [...mine].sort((a, b) => b.work - a.work);
  const idle = mine.filter((r) => r.busy < IDLE && r !== top);
  const domain = after.isolated.filter((cpu) => apart.includes(cpu));
  if (top && top.work > PILED_UP * 100 && idle.length > 0 && domain.length > 0)
    return say(
      "hurts",
      `${percent(top.work)} of its work was on CPU ${top.cpus[0]} (busy ${percent(top.busy)}) while CPU ${cpuText(idle.flatMap((r) => r.cpus))} had nothing to do, and ${waiting}: isolcpus with domain has no load balancing`,
      `write isolcpus: "managed_irq,${cpuText(apart)}", or leave it out`,
    );
  if (share > MUCH_WAIT && mine.some((r) => r.busy < IDLE * 2))
    return say("hurts", `${waiting}, though there was room: ${spread}`, "compare with a run without isolcpus and nohz_full");
  if (share > MUCH_WAIT && mine.every((r) => r.busy > FULL))
    return say(
      "hurts",
      `${waiting}: its ${apart.length} CPUs are too few (busy ${mine.map((r) => percent(r.busy)).join(", ")})`,
      "give it more CPUs: widen cpus, or leave it out",
    );

  const ticks = ticksOf(before, after);
  const noise = sum(mine.map((r) => r.interrupts));
  const figures = [
    spread,
    waiting,
    ...(after.nohzFull.length ? [`${ticks.toFixed(0)} ticks for each second of work on the nohz_full CPUs`] : []),
    `${noise.toFixed(0)} interrupts of devices a second on its CPUs${noise > FEW_INTERRUPTS ? ` (${loudest(before, after, apart)})` : ""}`,
  ].join("; ");
  const tickless = after.nohzFull.length > 0 && ticks < FEW_TICKS;
  if (after.nohzFull.length > 0 && !tickless)
    return say(
      "neither",
      `nohz_full spares no ticks, as more than one thread shares a CPU, and makes each system call dearer; ${figures}`,
      "compare p99 and the rate with a run without nohz_full",
    );
  if (share < LITTLE_WAIT && noise < FEW_INTERRUPTS) return say("helps", figures);
  return say("neither", figures);
}

/** What nats-server's threads did in between, by thread, in ms. */
function workOf(before: CpuSample, after: CpuSample) {
  const threads = [...after.threads].map(([id, t]) => {
    const old = before.threads.get(id);
    return { cpu: t.cpu, ran: t.ran - (old?.ran ?? 0), waited: t.waited - (old?.waited ?? 0) };
  });
  return { threads, ran: sum(threads.map((t) => t.ran)), waited: sum(threads.map((t) => t.waited)) };
}

function rowOf(cpus: readonly number[], before: CpuSample, after: CpuSample, work: ReturnType<typeof workOf>, seconds: number): CpuRow {
  const since = (field: "busy" | "ticks"): number => sum(cpus.map((cpu) => (after.cpus.get(cpu)?.[field] ?? 0) - (before.cpus.get(cpu)?.[field] ?? 0)));
  const here = work.threads.filter((t) => cpus.includes(t.cpu));
  return {
    cpus,
    busy: (since("busy") / seconds / cpus.length) * 100,
    threads: here.length,
    work: (sum(here.map((t) => t.ran)) / Math.max(work.ran, 1)) * 100,
    ticks: since("ticks") / seconds,
    interrupts: sum([...since_(before, after).values()].map((counts) => sum(cpus.map((cpu) => counts.get(cpu) ?? 0)))) / seconds,
  };
}

/** Timer interrupts for each second that the nohz_full CPUs were busy. */
function ticksOf(before: CpuSample, after: CpuSample): number {
  const since = (field: "busy" | "ticks"): number =>
    sum(after.nohzFull.map((cpu) => (after.cpus.get(cpu)?.[field] ?? 0) - (before.cpus.get(cpu)?.[field] ?? 0)));
  return since("ticks") / Math.max(since("busy"), 0.01);
}

const since_ = (before: CpuSample, after: CpuSample): Map<string, Map<number, number>> =>
  new Map(
    [...after.interrupts].map(([name, { counts }]) => [
      name,
      new Map([...counts].map(([cpu, n]) => [cpu, n - (before.interrupts.get(name)?.counts.get(cpu) ?? 0)])),
    ]),
  );

/** The three devices that interrupt these CPUs most, or are bound to. */
function loudest(before: CpuSample, after: CpuSample, cpus: readonly number[]): string {
  return [...since_(before, after)]
    .map(([name, counts]) => ({ name, count: sum(cpus.map((cpu) => counts.get(cpu) ?? 0)), to: after.interrupts.get(name)?.to ?? [] }))
    .sort((a, b) => b.count - a.count)
    .slice(0, 3)
    .map(({ name, to }) => `${name}${to.length ? ` to CPU ${cpuText(to)}` : ""}`)
    .join(", ");
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const percent = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} %`;
