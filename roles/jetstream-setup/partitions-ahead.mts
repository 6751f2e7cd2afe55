import { connectApp } from "../../lib/nats/connect.mts";
import { beyond, partitionGroups, partitionName } from "../../lib/nats/jetstream/partitions.mts";
import { items } from "../../lib/nats/jetstream/reconcile.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterRole, TaskResult } from "../../lib/playbook/role.mts";
import { type Cluster, clustersOf } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";
import { leadersTask } from "./partition-leaders.mts";
import { feeders, rivals } from "./partition-rivals.mts";
import { indexes, isPartitioned, oneByOne, type PartitionedSpec } from "./partitions.mts";
import type { StreamSpec } from "./stream.mts";
import { location, reconciled } from "./tasks.mts";

const NAME = "cluster-config";

/** A stream whose partitions aren't those of the inventory. */
interface Refusal {
  name: string;
  what: string;
  next: string;
}

/** Partitions that exist and that the declared mappings would send no message any more: what they hold would be forgotten. Pure. */
function stranded(state: ClusterState, streams: readonly StreamSpec[]): Refusal[] {
  return partitionGroups(state).flatMap(({ name, streams: exist }) => {
    const declared = streams.find((s) => s.name === name);
    const former = beyond(exist, name, declared?.partitions ?? 0);
    if (!former.length) return [];
    const held = former.reduce((sum, s) => sum + (s.copies[0]?.messages ?? 0), 0);
    const names = former.map((s) => s.name);
    const now = declared?.partitions ? `declares ${declared.partitions}` : declared ? "declares it without any" : "doesn't declare it any more";
    return [
      {
        name,
        what: `stream ${name} has ${exist.length} partitions on the servers and the inventory ${now}: ${names.join(", ")} would get no message any more, and ${held} messages would be left in ${names.length > 1 ? "them" : "it"}. Nothing was changed`,
        next: `write partitions: ${exist.length}; or let the consumers of ${names.join(", ")} finish, back up what you want to keep, delete ${names.length > 1 ? "them" : "it"} yourself (nats stream rm) and run again`,
      },
    ];
  });
}

/** Streams that get more partitions, or their first, while messages come in: the new ones must be there before any server sends something to them. */
const growing = (state: ClusterState, vars: Vars, unheld: readonly string[] = []): PartitionedSpec[] =>
  vars.streams.filter(isPartitioned).filter((stream) => {
    const away = indexes(stream.partitions).filter((i) => unheld.some((u) => u.split(" ")[1] === partitionName(stream.name, i) && u.startsWith("stream ")));
    const exist = (partitionGroups(state).find((g) => g.name === stream.name)?.streams.length ?? 0) + away.length;
    return exist < stream.partitions && (exist > 0 || state.streams.some((s) => s.name === stream.name) || feeders(state, vars, stream).length > 0);
  });

/**
 * What of the partitions site.mts has to see to before another playbook may tell servers of their mappings. Pure.
 * @param unheld what only servers that are down hold (`stream LOGS-1`): those partitions are there too
 */
export const otherPartitions = (state: ClusterState, vars: Vars, unheld: readonly string[] = []): Refusal[] => [
  ...rivals(state, vars),
  ...stranded(state, vars.streams),
  ...growing(state, vars, unheld).map(({ name, partitions }) => ({
    name,
    what: `stream ${name} doesn't have its ${partitions} partitions yet`,
    next: "run site.mts first, which makes them before any server sends messages there",
  })),
];

/** The same on the run's clusters. @returns whether it may go on; what is wrong has been reported */
export async function partitionsMade(run: SiteRun): Promise<boolean> {
  for (const cluster of await clustersOf(run)) {
    const refused = otherPartitions(await observe(cluster.target, cluster.connect), cluster.hosts[0]!.vars);
    if (refused.length) await clusterPhase(run, "partitions", partitions(refused, []), [cluster]);
    if (run.stopped || refused.length) return false;
  }
  return true;
}

/** What a run has to be told before servers hear of their mappings. @param left hosts that won't hear of them now. Pure. */
export function doubts({ failure, nodes }: ClusterState, { streams }: Vars, left: readonly string[]): string[] {
  const names = streams.filter(isPartitioned).map((s) => s.name);
  const unasked = failure !== undefined && names.length > 0 && nodes.some((n) => n.probe.greeting);
  return [
    ...(unasked
      ? [
          `servers run, but their system account can't be asked, so nobody knows whether the streams that are there go with the partitions of ${names.join(", ")}: ${failure}`,
        ]
      : []),
    ...(left.length
      ? [
          `${left.join(", ")} keep${left.length > 1 ? "" : "s"} the former mapping, as --limit leaves ${left.length > 1 ? "them" : "it"} out: one key goes to one partition through some nodes and to another through these, until a run without --limit`,
        ]
      : []),
  ];
}

/**
 * Looks, before any host is touched, whether the running cluster's partitions go with those of the inventory: refuses where some would be
 * left behind, and makes those that are missing. Says nothing where nothing is to be done.
 * @returns whether the run may go on
 */
export async function partitionsReady(run: SiteRun): Promise<boolean> {
  if (!run.wants({ kind: "cluster", name: NAME, list: () => [], tasks: () => [] })) return true;
  // While the hosts are connected to.
  const look = async (cluster: Cluster) => ({ cluster, state: await observe(cluster.target, { ...cluster.connect, quick: true }) });
  const [looks] = await Promise.all([clustersOf(run).then((clusters) => Promise.all(clusters.map(look))), run.reach()]);
  for (const { cluster, state } of looks) {
    const { vars } = cluster.hosts[0]!;
    const refused = [...rivals(state, vars), ...stranded(state, vars.streams)];
    const grown = growing(state, vars);
    const left = cluster.hosts.filter((host) => !run.config.hosts.some((h) => h.name === host.name)).map((h) => h.name);
    for (const text of doubts(state, vars, grown.length ? left : [])) run.emit({ type: "warning", text: `${cluster.name}: ${text}` });
    for (const { name } of grown.filter((g) => state.streams.some((s) => s.name === g.name)))
      run.emit({
        type: "warning",
        text: `${cluster.name}: stream ${name} stays beside its partitions with what it holds; new messages go to the partitions, and workers must pull from both until ${name} is empty`,
      });
    if (!refused.length && (!grown.length || run.mode === "check")) continue;
    await clusterPhase(run, "partitions", partitions(refused, grown), [cluster]);
    if (run.stopped || run.recap[cluster.name]?.failed) return false;
  }
  return true;
}

const partitions = (refused: readonly Refusal[], grown: readonly PartitionedSpec[]): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: NAME,
  list: () => [...refused, ...grown].map(({ name }) => `partitions of ${name}`),
  async *tasks(cluster) {
    for (const { name, what, next } of refused) {
      const at = location(cluster, name);
      yield { task: `partitions of ${name}`, at, run: async (): Promise<TaskResult> => ({ status: "failed", failure: { what, next } }) };
    }
    if (refused.length || !grown.length) return;
    const nc = await connectApp(cluster.target, cluster.connect);
    try {
      for (const item of items(nc, oneByOne(grown)))
        if ((await item.assess()).action === "create") yield reconciled(item, cluster, location(cluster, item.asset));
      // Now, while they get nothing: a stream that changes its leader takes no message for a moment.
      for (const stream of grown) yield leadersTask(cluster, stream, location(cluster, stream.name));
    } finally {
      await nc.close();
    }
  },
});
