import { memberOf, metaGroup, removeMember } from "../../lib/nats/jetstream/peers.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import type { Cluster } from "../cluster.mts";
import type { Way } from "./leave.mts";
import { refusal, type Step } from "./stage.mts";
import { type Standing, unheldIn, withSys } from "./standing.mts";

/** Takes a stopped server out of the meta group. */
export const expel = ({ server }: Standing, { cluster, without, acceptLoss }: Way): Step => {
  const expected = without.nodes.map((n) => n.name);
  return {
    task: `${server} in the meta group`,
    changes: async () => {
      const group = await withSys(cluster, (sys) => metaGroup(sys, expected));
      return !group || memberOf(group, server) ? [{ attribute: server, current: "member", desired: "removed" }] : [];
    },
    work: async (_say, signal) => {
      if (!acceptLoss) await nothingLost(server, cluster, without);
      await withSys(cluster, (sys) => removeMember(sys, server, expected, { signal }));
    },
  };
};

/** How long the others may take to tell what they hold, ms. */
const TELLING_MS = 10_000;

/**
 * The removal makes a stream or durable anew, empty, whose only replica is on the removed server: one that somebody created there after its
 * streams had been moved off. Nothing is lost yet when this says no.
 */
async function nothingLost(server: string, cluster: Cluster, without: ClusterTarget): Promise<void> {
  for (const until = Date.now() + TELLING_MS; ; await new Promise((resolve) => setTimeout(resolve, 500))) {
    const lost = await unheldIn(cluster, without).catch((error: Error) => {
      throw refusal(
        `what the store of ${server} alone holds can't be told: ${error.message.split("\n")[0]}`,
        "nothing was removed; when the others answer, run again",
      );
    });
    if (!lost.length) return;
    if (Date.now() > until) {
      throw refusal(
        `${lost.join(", ")}: the only replica is in the store of ${server}, and would be lost by the removal`,
        `on ${server}: move nats-server.conf.retired and jetstream.retired-… back to their names, and systemctl start nats-server; then run again, it moves what is there first`,
      );
    }
  }
}
