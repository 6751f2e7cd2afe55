import { metaGroup, peerId } from "../../lib/nats/jetstream/peers.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterRole } from "../../lib/playbook/role.mts";
import { pool } from "../../lib/pool.mts";
import type { Cluster } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { withSys } from "./standing.mts";

/** What to do about members that the inventory doesn't have. */
export const ghostNext = (names: readonly string[]): string =>
  `put ${names.length > 1 ? "them" : "it"} back into hosts.yml and run scale.mts --remove ${names.join(",")}; or, if gone for good, replace-node.mts --dead ${names.join(",")}`;

/**
 * A host that only vanished from hosts.yml is still a member of the running cluster: taking its routes away would make a ghost of it that
 * counts for the quorum. Looked at when servers are about to be told of a change.
 * @returns the clusters on which the run may go on; what is wrong with the others has been reported, and their hosts are left alone
 */
export async function membersKnown(run: SiteRun, clusters: readonly Cluster[]): Promise<readonly Cluster[]> {
  const due = run.mode === "check" ? Object.values(run.recap).some((c) => c.drift) : [...run.due.values()].some((steps) => steps.length);
  if (!due || run.stopped) return clusters;
  const ghosts = new Map<string, string[]>();
  await pool(clusters, run.config.options.forks, async (cluster) => {
    const known = cluster.target.nodes.map((n) => n.name);
    const group = await withSys(cluster, (sys) => metaGroup(sys, known)).catch(() => undefined);
    const names = (group?.members ?? []).filter((m) => !known.some((name) => m.id === peerId(name))).map((m) => m.name);
    if (names.length) ghosts.set(cluster.name, names);
  });
  const haunted = clusters.filter((c) => ghosts.has(c.name));
  for (const { hosts } of haunted) for (const h of hosts) run.out.add(h.name);
  await clusterPhase(run, "members", told(ghosts), haunted);
  return clusters.filter((c) => !ghosts.has(c.name));
}

const told = (ghosts: ReadonlyMap<string, readonly string[]>): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "cluster-config",
  list: () => ["members"],
  *tasks(cluster) {
    const names = ghosts.get(cluster.name)!;
    const what = `${names.join(", ")} ${names.length > 1 ? "are members" : "is a member"} of the cluster, but not of the inventory`;
    yield { task: "members", at: cluster.originOf([]), run: async () => ({ status: "failed", failure: { what, next: ghostNext(names) } }) };
  },
});
