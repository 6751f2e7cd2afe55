import { milliseconds } from "../../lib/inventory/units.mts";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import { drillCopyGone, drillHealed } from "../../lib/resources/drill.mts";
import type { Cluster } from "../cluster.mts";
import { gateFailure } from "../gate.mts";
import { unheldIn } from "../scale/standing.mts";
import type { Fault } from "./faults.mts";
import { type Done, type Hands, onEach } from "./hands.mts";
import type { DrillOptions } from "./options.mts";
import { rehearse, type Stage } from "./rehearse.mts";
import { broken, forPage, type Line, powerLoss, summary, table } from "./report.mts";

const LEFTOVERS = "what an earlier drill left",
  READY = "the cluster is whole";
/** How long it may take to get whole before anything is broken, ms. */
const READY_MS = 30_000;
// asked for by no line of the inventory
const at = { file: "", line: 0 };

/** Breaks a cluster, one fault after another, under load; each from a whole cluster to a whole cluster. The first that fails is the last. */
export const drill = (handsFor: (cluster: Cluster) => Hands, options: DrillOptions): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "drill",
  list: () => [LEFTOVERS, READY, ...planned(options).map((p) => p.label)],

  async *tasks(cluster, signal) {
    const hands = handsFor(cluster);
    const names = cluster.target.nodes.map((n) => n.name);
    const lines: Line[] = [];
    let fit = true;
    const task = (name: string, run: ClusterTask["run"]): ClusterTask => ({
      task: name,
      at,
      run: async (mode) => {
        fit = false;
        const result = await run(mode, signal);
        fit = result.status !== "failed";
        return result;
      },
    });
    const each = (what: Parameters<Hands["on"]>[1], mode: "apply" | "check", which: readonly string[] = names): Promise<Done[]> =>
      onEach(hands, which, what, mode);

    yield task(LEFTOVERS, async (mode) => {
      const found = (await each(({ store }) => drillHealed(store), mode)).flatMap((d, i) =>
        d.changes.map((c) => ({ ...c, attribute: `${names[i]}: ${c.attribute}` })),
      );
      return found.length ? { status: mode === "check" ? "drift" : "changed", changes: found } : { status: "ok" };
    });
    if (!fit) return;
    yield task(READY, async (mode) => {
      const unfit = (await ready(cluster, signal, mode === "check" ? 0 : READY_MS)) ?? (await allHeld(cluster));
      if (!unfit && mode === "apply") await each(({ store }) => drillCopyGone(store), mode);
      return unfit ?? { status: "ok" };
    });
    try {
      for (const { fault, label } of planned(options)) {
        if (!fit) return;
        yield task(label, (mode) => one(fault, label, mode));
      }
    } finally {
      if (lines.length) cluster.emit({ type: "table", title: `${cluster.name}: drill`, ...table(lines) });
      for (const event of forPage(cluster.name, lines)) cluster.emit(event);
      powerLoss(cluster, lines);
    }

    async function one(fault: Fault, label: string, mode: "apply" | "check"): Promise<TaskResult> {
      const state = await observe(cluster.target, cluster.connect);
      const { able, why } = await possible(fault, state);
      if (!able.length) {
        lines.push({ label, fault, skipped: why });
        return { status: "skipped", reason: why };
      }
      if (mode === "check") {
        // Who leads the load's stream is known only when there is one.
        const known = fault.victims(state, "").filter((name) => able.includes(name));
        const where = fault.every ? able.join(", ") : (known.length ? known : able).join(" or ");
        return {
          status: "drift",
          changes: [{ attribute: where, current: "serves", desired: fault.does }],
          reason: `${fault.who}; then: ${fault.back}; goes on when every replica is current`,
        };
      }
      const rehearsal = await rehearse(fault, able, stage(cluster, label));
      lines.push({ label, fault, ...rehearsal });
      signal.throwIfAborted();
      const failure = broken(rehearsal);
      if (failure) return { status: "failed", failure };
      // Kept until here: it is what is left of the node's past.
      if (fault.then) await each(({ store }) => drillCopyGone(store), mode, rehearsal.hit);
      return { status: "changed", reason: summary(rehearsal) };
    }

    /** Servers that can be hit without harm to what is not the drill's. */
    async function possible(fault: Fault, state: ClusterState): Promise<{ able: string[]; why: string }> {
      const harmed = state.streams.filter(fault.destroys);
      const spared = names.filter((name) => !harmed.some((s) => s.copies.some((c) => c.server === name)));
      const destroyed = `it would destroy ${harmed.map((s) => s.name).join(", ")} (too few replicas, or in memory)`;
      if (fault.every ? spared.length < names.length : !spared.length) return { able: [], why: destroyed };
      const looks = await each((place) => fault.make(fault.name, place, 0), "check", spared);
      const able = spared.filter((_, i) => looks[i]!.status !== "skipped");
      return { able, why: looks.find((l) => l.reason)?.reason ?? destroyed };
    }

    function stage({ target, connect, emit, name, hosts }: Cluster, label: string): Stage {
      return {
        target,
        connect,
        hands,
        unheld: () => unheldIn(cluster, target, false),
        signal,
        rate: options.rate,
        holdMs: options.holdMs,
        settleMs: milliseconds(hosts[0]!.vars.verify.settle),
        progress: (text) => emit({ type: "task_progress", lane: name, role: "drill", task: label, text }),
      };
    }
  },
});

const planned = ({ faults, rounds }: DrillOptions): { fault: Fault; label: string }[] =>
  Array.from({ length: rounds }, (_, i) => faults.map((fault) => ({ fault, label: rounds > 1 ? `${fault.name} ${i + 1}/${rounds}` : fault.name }))).flat();

/** What an earlier drill moved aside may be the only copy of a stream that nobody holds. @returns what is wrong */
async function allHeld(cluster: Cluster): Promise<TaskResult | undefined> {
  const alone = await unheldIn(cluster, cluster.target, false);
  if (!alone.length) return undefined;
  return {
    status: "failed",
    failure: {
      what: `${alone.join(", ")}: no server holds it`,
      next: "bring back the store that has it, or delete it; a drill removes what an earlier one moved aside, and that may be its only copy",
    },
  };
}

/** Three nodes with JetStream, all well: else any fault is an outage. @returns what is wrong */
async function ready({ target, connect, hosts }: Cluster, signal: AbortSignal, timeoutMs: number): Promise<TaskResult | undefined> {
  const able = target.nodes.filter((n) => n.jetstream).length;
  if (able < 3)
    return {
      status: "failed",
      failure: {
        what: `a drill takes three nodes with JetStream, and here ${able === 1 ? "is 1" : `are ${able}`}: every fault would be an outage`,
        next: "grow the cluster first",
      },
    };
  try {
    await waitUntilSafe(target, {}, { connect, signal, timeoutMs, settleMs: timeoutMs ? milliseconds(hosts[0]!.vars.verify.settle) : 0 });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return { status: "failed", failure: gateFailure(error) };
  }
}
