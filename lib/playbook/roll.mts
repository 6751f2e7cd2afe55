import { compile, forRoll } from "../engine/compile.mts";
import type { Handler } from "../engine/resource.mts";
import type { Host } from "../inventory/types.mts";
import { pool } from "../pool.mts";
import { toFailure } from "./cluster-phase.mts";
import { comeBack } from "./reboot.mts";
import type { Run } from "./run.mts";

/** What makes it safe to take one host at a time out of service. */
export interface Gate<V> {
  /** hosts that have nothing to do with each other, apart: the clusters. Left out: all belong together */
  apart?(hosts: readonly Host<V>[]): readonly (readonly Host<V>[])[];
  /** of hosts that belong together: the order in which they may go */
  order(hosts: readonly Host<V>[]): Promise<readonly Host<V>[]>;
  /** resolves when the others can do without this host. @throws with what is missing */
  before(host: Host<V>, progress: (detail: string) => void): Promise<void>;
  /** resolves when all is well again with it. @throws with what is missing */
  after(host: Host<V>, progress: (detail: string) => void): Promise<void>;
}

/**
 * Runs a rolling handler where it is due, node by node behind the gate. A failure ends the roll of its cluster: what is due stays
 * due, as it is a fact of the hosts, and the next run goes on from there. This run does nothing more on these hosts.
 *
 * Of several clusters one goes first, alone: whatever is wrong with the change, it meets one cluster only. Then the others roll side
 * by side, --forks at once. The first one is a sound one: a cluster with a dead host holds up nobody else.
 */
export async function roll<V>(run: Run<V>, handler: Handler, gate: Gate<V>): Promise<void> {
  const hosts = run.config.hosts.filter((h) => !run.out.has(h.name) && stepsOf(run, h, handler).length > 0);
  if (!hosts.length || run.mode === "check" || run.stopsBefore(handler.name)) return;
  const phase = handler.name;
  const since = performance.now();
  run.emit({ type: "phase_start", phase, lanes: hosts.map((h) => h.name), tasks: Object.fromEntries(hosts.map((h) => [h.name, 1])) });
  if (run.config.options.allAtOnce) {
    const results = await pool(hosts, run.config.options.forks, (host) => apply(run, handler, host));
    for (const [i, host] of hosts.entries()) if (results[i] !== "not due" && !(await gated(run, host, "after", gate))) break;
  } else {
    await sideBySide(run, handler, hosts, gate);
  }
  run.emit({ type: "phase_end", phase, ms: performance.now() - since });
}

async function sideBySide<V>(run: Run<V>, handler: Handler, due: readonly Host<V>[], gate: Gate<V>): Promise<void> {
  const clusters = (gate.apart?.(run.config.hosts) ?? [run.config.hosts])
    .map((hosts) => ({ hosts: hosts.filter((h) => due.includes(h)), sound: hosts.every((h) => !run.out.has(h.name)) }))
    .filter(({ hosts }) => hosts.length);
  const first = clusters.length > 1 ? clusters.find((c) => c.sound) : undefined;
  const others = clusters.filter((c) => c !== first);
  if (first && !(await oneByOne(run, handler, first.hosts, gate)) && !run.stopped) {
    const left = others.flatMap((c) => c.hosts);
    for (const h of left) run.out.add(h.name);
    run.emit({
      type: "warning",
      text: `${handler.name}: the first cluster to roll has failed, so the ${left.length} hosts of the others are left as they are; what is due there stays due for the next run`,
    });
    return;
  }
  await pool(others, run.config.options.forks, ({ hosts }) => oneByOne(run, handler, hosts, gate));
}

/** @returns whether all went well */
async function oneByOne<V>(run: Run<V>, handler: Handler, hosts: readonly Host<V>[], gate: Gate<V>): Promise<boolean> {
  let left = [...hosts];
  let well = true;
  while (well && left.length && !run.stopped && !run.givesUp()) {
    // asked anew each time: the leader moves when a node goes
    const [host] = await gate.order(left).catch(() => left);
    if (!host) return false;
    left = left.filter((h) => h !== host);
    well = await through(run, handler, host, gate);
    if (!well) for (const h of [host, ...left]) run.out.add(h.name);
  }
  // Also when it was stopped while a host was waited for.
  if (run.stopped && left.length) run.noteStop(`${handler.name}: before ${left.map((h) => h.name).join(", ")}`);
  return well && left.length === 0;
}

/** One host, there and back. @returns whether the next may follow */
async function through<V>(run: Run<V>, handler: Handler, host: Host<V>, gate: Gate<V>): Promise<boolean> {
  if (!(await gated(run, host, "before", gate))) return false;
  const result = await apply(run, handler, host);
  return result === "not due" || (result === "done" && (await gated(run, host, "after", gate)));
}

/** What was due when the host was looked at may not be any more: a reboot restarts its services too. Then there is nothing to wait for. */
async function apply<V>(run: Run<V>, handler: Handler, host: Host<V>): Promise<"done" | "not due" | "failed"> {
  const session = await run.connections.to(host);
  if (!session) return "failed";
  const { diff } = run.config.options;
  const steps = stepsOf(run, host, handler);
  const outcome = await session.run(compile(forRoll(steps), { mode: "apply", diff }), handler.name, run.emit);
  if (!outcome.ok) run.out.add(host.name);
  if (!outcome.ok) return "failed";
  if (!outcome.counts.changed) return "not due";
  return !handler.reboots || (await comeBack(run, host, steps, session.facts.bootId)) ? "done" : "failed";
}

async function gated<V>(run: Run<V>, host: Host<V>, side: "before" | "after", gate: Gate<V>): Promise<boolean> {
  const since = performance.now();
  const about = { type: "gate", lane: host.name, gate: side === "before" ? "the others can do without it" : "healthy again" } as const;
  try {
    await gate[side](host, (detail) => run.emit({ ...about, status: "waiting", ms: performance.now() - since, detail }));
    run.emit({ ...about, status: "passed", ms: performance.now() - since, detail: "" });
    return true;
  } catch (error) {
    if (run.stopped) run.noteStop(`${host.name}: waiting until ${about.gate}`);
    else run.emit({ ...about, status: "failed", ms: performance.now() - since, detail: "", failure: toFailure(error) });
    return false;
  }
}

const stepsOf = <V,>(run: Run<V>, host: Host<V>, handler: Handler) => (run.due.get(host.name) ?? []).filter((s) => s.handler === handler);
