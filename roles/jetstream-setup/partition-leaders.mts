import { setTimeout as sleep } from "node:timers/promises";
import type { Location } from "../../lib/engine/resource.mts";
import { evenOut } from "../../lib/nats/jetstream/even-out.mts";
import { partitionGroups } from "../../lib/nats/jetstream/partitions.mts";
import { nextPartitionLeader, unevenPartitions } from "../../lib/nats/jetstream/spread.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { isPartitioned, type PartitionedSpec } from "./partitions.mts";

export const leadersOf = ({ name }: PartitionedSpec): string => `leaders of ${name}`;

/** How long partitions that were just made, or moved, may take until all their replicas have caught up, ms. */
const CAUGHT_UP_MS = 15_000;

/** The leaders of a stream's partitions, and of each of their consumers, spread evenly over the nodes that run. */
export function leadersTask({ name: lane, target, connect, emit }: Cluster, stream: PartitionedSpec, at: Location): ClusterTask {
  const task = leadersOf(stream);
  const uneven = (state: ClusterState) => unevenPartitions(state).filter((u) => u.of === stream.name);
  const only = (state: ClusterState): ClusterState => ({ ...state, streams: partitionGroups(state).find((g) => g.name === stream.name)?.streams ?? [] });
  return {
    task,
    at,
    async run(mode, signal): Promise<TaskResult> {
      const state = mode === "check" ? await observe(target, connect) : await caughtUp(() => observe(target, connect).then(only), signal);
      const found = uneven(state);
      const changes = found.map(({ name, leads }) => ({ attribute: name, current: leads, desired: "evenly" }));
      if (!found.length) return { status: "ok" };
      if (mode === "check") return { status: "drift", changes };
      await evenOut(target, {
        connect,
        next: (now, stay) => nextPartitionLeader(only(now), stay),
        say: (text) => emit({ type: "task_progress", lane, role: "jetstream-setup", task, text }),
        signal,
      });
      for (const { name, leads } of uneven(await observe(target, connect)))
        emit({ type: "warning", text: `${lane}: the partitions of ${name} are led by ${leads}, as the elections went; run again to spread them` });
      return { status: "changed", changes };
    },
  };
}

/** A replica that hasn't caught up can't lead, so an uneven set would look as even as can be. */
async function caughtUp(look: () => Promise<ClusterState>, signal: AbortSignal): Promise<ClusterState> {
  for (const until = Date.now() + CAUGHT_UP_MS; ; await sleep(200, undefined, { signal })) {
    const state = await look();
    const behind = state.streams.some((s) => [s, ...s.consumers].some((a) => !a.leader || a.replicas.some((p) => !p.offline && !p.current)));
    if (!behind || Date.now() > until) return state;
  }
}

const spread: ClusterRole<Cluster> = {
  kind: "cluster",
  name: "jetstream-setup",
  list: ({ hosts: [first] }) => first!.vars.streams.filter(isPartitioned).map(leadersOf),
  *tasks(cluster) {
    for (const stream of cluster.hosts[0]!.vars.streams.filter(isPartitioned)) yield leadersTask(cluster, stream, cluster.originOf(["streams"]));
  },
};

/** After nodes were restarted one by one: the last of them leads nothing. */
export async function leadersSpread(run: SiteRun, clusters: readonly Cluster[]): Promise<void> {
  const concerned = clusters.filter((c) => spread.list(c).length > 0);
  if (concerned.length) await clusterPhase(run, "partition leaders", spread, concerned);
}
