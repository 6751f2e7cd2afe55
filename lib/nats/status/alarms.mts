import type { Check } from "../health.mts";
import type { ClusterState } from "../state.mts";

export type Level = "ok" | "warning" | "critical" | "unknown";

/** One check that didn't pass. */
export interface Alarm {
  level: Exclude<Level, "ok">;
  id: string;
  title: string;
  asset: string | null;
  detail: string;
  next: string | null;
}

/**
 * What hurts most comes first: nodes and leaders that are gone, then what takes or gives no message any more, then what may run out;
 * last what is mostly the consequence of another (a dead node's replicas and routes). Kinds that aren't named keep the checks' order.
 */
const FIRST = [
  "node.reachable",
  "meta.leader",
  "jetstream.enabled",
  "stream.exists",
  "stream.unseen",
  "consumer.ack-pending",
  "stream.limits",
  "node.limits",
  "tls.expiry",
  "tls.ca",
  "auth.required",
];
const LAST = ["stream.replicas", "consumer.alive", "stream.sequences", "meta.peers", "meta.size", "mesh.routes"];
const rank = (id: string): number => (FIRST.includes(id) ? FIRST.indexOf(id) - FIRST.length : LAST.includes(id) ? 1 + LAST.indexOf(id) : 0);

/** The checks that didn't pass, worst first. Nothing is judged here: what fails a check is critical, what it warns of a warning. */
export function alarms(state: ClusterState, checks: readonly Check[]): Alarm[] {
  const blind = cantAsk(state);
  return checks
    .filter((c) => c.status !== "passed")
    .map(
      (c): Alarm => ({
        level: blind ? "unknown" : c.status === "failed" ? "critical" : "warning",
        id: c.id,
        title: c.title,
        asset: c.asset ?? null,
        detail: c.detail,
        next: c.next ?? null,
      }),
    )
    .sort((a, b) => severity(b.level) - severity(a.level) || rank(a.id) - rank(b.id));
}

/** Servers greet, and none of them lets us ask: the fault may be ours alone. */
const cantAsk = (state: ClusterState): boolean => state.servers.length === 0 && state.nodes.some((n) => n.probe.greeting);

export const severity = (level: Level): number => ["ok", "unknown", "warning", "critical"].indexOf(level);

export const worst = (levels: Iterable<Level>): Level => [...levels].reduce((a, b) => (severity(b) > severity(a) ? b : a), "ok" as Level);

/** Alarms of one kind told together: a dead node isn't two hundred streams' own trouble. */
export interface AlarmGroup extends Omit<Alarm, "asset"> {
  assets: string[];
  /** further details than the first one's */
  others: number;
}

export function grouped(all: readonly Alarm[]): AlarmGroup[] {
  const groups = new Map<string, AlarmGroup & { details: Set<string> }>();
  for (const { asset, ...alarm } of all) {
    const key = `${alarm.level} ${alarm.id}`;
    const group = groups.get(key) ?? { ...alarm, assets: [], others: 0, details: new Set() };
    if (asset !== null) group.assets.push(asset);
    group.details.add(alarm.detail);
    groups.set(key, { ...group, others: group.details.size - 1 });
  }
  return [...groups.values()].map(({ details: _, ...group }) => group);
}
