import { metaGroup, peerId } from "../../lib/nats/jetstream/peers.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { Cluster } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { withSys } from "./standing.mts";

/** What to do about members that the inventory doesn't have. */
export const ghostNext = (names: readonly string[]): string =>
  `put ${names.length > 1 ? "them" : "it"} back into hosts.yml and run scale.mts --remove ${names.join(",")}; or, if gone for good, replace-node.mts --dead ${names.join(",")}`;

/**
 * A host that only vanished from hosts.yml is still a member of the running cluster: taking its routes away would make a ghost of it that
 * counts for the quorum. Looked at when servers are about to be told of a change.
 * @returns whether the roll may begin; what is wrong has been reported
 */
export async function membersKnown(run: SiteRun, clusters: readonly Cluster[]): Promise<boolean> {
  const due = run.mode === "check" ? Object.values(run.recap).some((c) => c.drift) : [...run.due.values()].some((steps) => steps.length);
  if (!due || run.stopped) return true;
  for (const cluster of clusters) {
    const known = cluster.target.nodes.map((n) => n.name);
    const group = await withSys(cluster, (sys) => metaGroup(sys, known)).catch(() => undefined);
    const ghosts = (group?.members ?? []).filter((m) => !known.some((name) => m.id === peerId(name))).map((m) => m.name);
    if (!ghosts.length) continue;
    const what = `${ghosts.join(", ")} ${ghosts.length > 1 ? "are members" : "is a member"} of the cluster, but not of the inventory`;
    await clusterPhase(
      run,
      "members",
      {
        kind: "cluster",
        name: "cluster-config",
        list: () => ["members"],
        *tasks() {
          yield { task: "members", at: cluster.originOf([]), run: async () => ({ status: "failed", failure: { what, next: ghostNext(ghosts) } }) };
        },
      },
      [cluster],
    );
    return false;
  }
  return true;
}
