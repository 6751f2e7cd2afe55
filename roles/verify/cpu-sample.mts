import { cpuList } from "../../lib/engine/facts.mts";

interface Thread {
  /** where it ran last */
  cpu: number;
  /** ms on a CPU, and ms ready to run without one (/proc/PID/task/TID/schedstat) */
  ran: number;
  waited: number;
  allowed: readonly number[];
}

/** One look at a host's CPUs. Counters since boot, or since a thread's birth. */
export interface CpuSample {
  /** s since boot */
  uptime: number;
  /** taken out of load balancing (isolcpus with `domain`) */
  isolated: readonly number[];
  nohzFull: readonly number[];
  /** s by CPU */
  cpus: ReadonlyMap<number, { busy: number; ticks: number }>;
  /** nats-server's, by thread id */
  threads: ReadonlyMap<number, Thread>;
  /** devices' interrupts, by number and name: how many on each CPU, and where the next ones go */
  interrupts: ReadonlyMap<string, { counts: ReadonlyMap<number, number>; to: readonly number[] }>;
}

/** /proc counts CPU time in these, whatever CONFIG_HZ is (man 5 proc: USER_HZ) */
const TICKS_PER_SECOND = 100;
const NS_PER_MS = 1e6;

/** Reads what lib/resources/cpu-sample.mts tells: lines `FILE:TEXT`. */
export function readCpuSample(text: string): CpuSample {
  const files = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) files.set(line.slice(0, colon), [...(files.get(line.slice(0, colon)) ?? []), line.slice(colon + 1)]);
  }
  const first = (file: string): string => files.get(file)?.[0] ?? "";
  const cpuDir = "/sys/devices/system/cpu/";
  const { ticks, interrupts } = readInterrupts(files.get("/proc/interrupts") ?? [], (irq) => cpuList(first(`/proc/irq/${irq}/effective_affinity_list`)));
  const threads = new Map<number, Thread>();
  for (const file of files.keys()) {
    const task = /^(\/proc\/\d+\/task\/(\d+))\/stat$/.exec(file);
    if (!task) continue;
    const [, path = "", id = ""] = task;
    const [ran = 0, waited = 0] = first(`${path}/schedstat`).split(" ").map(Number);
    const allowed = /Cpus_allowed_list:\s*(\S+)/.exec(first(`${path}/status`))?.[1] ?? "";
    threads.set(Number(id), { cpu: lastCpu(first(file)), ran: ran / NS_PER_MS, waited: waited / NS_PER_MS, allowed: cpuList(allowed) });
  }
  return {
    uptime: Number(first("/proc/uptime").split(" ")[0]),
    isolated: cpuList(first(`${cpuDir}isolated`)),
    nohzFull: cpuList(first(`${cpuDir}nohz_full`)),
    cpus: new Map([...readBusy(files.get("/proc/stat") ?? [])].map(([cpu, busy]) => [cpu, { busy, ticks: ticks.get(cpu) ?? 0 }])),
    threads,
    interrupts,
  };
}

/** Field 39 of /proc/PID/stat; the name, in brackets before, may hold anything. */
const lastCpu = (stat: string): number => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[36]);

function readBusy(lines: readonly string[]): Map<number, number> {
  const busy = new Map<number, number>();
  for (const line of lines) {
    const found = /^cpu(\d+) (.*)$/.exec(line);
    if (!found) continue;
    // user nice system idle iowait irq softirq steal; guest time is in user
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = found[2]!.split(" ").map(Number);
    busy.set(Number(found[1]), (user + nice + system + irq + softirq) / TICKS_PER_SECOND);
  }
  return busy;
}

/** The head names the CPUs that are online; then a name, their counts, and what it is. Numbers are devices, LOC is the timer of each CPU. */
function readInterrupts([head = "", ...rows]: readonly string[], affinity: (irq: string) => number[]) {
  const cpus = head
    .trim()
    .split(/\s+/)
    .map((name) => Number(name.replace("CPU", "")));
  const ticks = new Map<number, number>();
  const interrupts = new Map<string, { counts: ReadonlyMap<number, number>; to: readonly number[] }>();
  for (const row of rows) {
    const [label = "", ...words] = row.trim().split(/\s+/);
    const name = label.replace(":", "");
    const counts = new Map(cpus.map((cpu, i) => [cpu, Number(words[i] ?? 0)]));
    if (name === "LOC") for (const [cpu, count] of counts) ticks.set(cpu, count);
    if (/^\d+$/.test(name)) interrupts.set(`${name} ${words.at(-1) ?? ""}`, { counts, to: affinity(name) });
  }
  return { ticks, interrupts };
}
