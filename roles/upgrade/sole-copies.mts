import type { ClusterState } from "../../lib/nats/state.mts";

/** A stream or durable consumer that one server holds alone. Ephemeral consumers are their clients' affair: these make a new one. */
export interface SoleCopy {
  asset: string;
  /** inventory name of its host */
  node: string;
}

export function soleCopies(state: ClusterState): SoleCopy[] {
  const lane = (server: string): string => state.nodes.find((n) => n.node.name === server)?.node.lane ?? (server || "a node that is down");
  return state.streams.flatMap((s) => {
    const consumers = s.consumers.filter((c) => c.config.durable_name);
    if (s.config.num_replicas === 1) {
      const suffix = consumers.length ? ` with ${consumers.map((c) => c.name).join(", ")}` : "";
      return [{ asset: `stream ${s.name}${suffix}`, node: lane(s.leader || s.copies[0]?.server || "") }];
    }
    return consumers.filter((c) => c.replicaCount === 1).map((c) => ({ asset: `consumer ${s.name} > ${c.name}`, node: lane(c.leader) }));
  });
}
