import type { EventInput } from "../../../lib/engine/events.mts";
import type { ClusterTarget } from "../../../lib/nats/target.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { load } from "../../inventory/fixture.mts";

/** Running servers as the cluster roles see them: an inventory of the same nodes, with these group variables. */
export function clusterWith(target: ClusterTarget, vars: string, events: EventInput[] = []): Cluster {
  const inventory = load({
    "hosts.yml": `nats:\n  hosts:\n${target.nodes.map((n, i) => `    ${n.name}: { address: 10.0.0.${i + 1} }\n`).join("")}`,
    "group_vars/all.yml": vars,
  });
  return {
    name: target.name || target.nodes[0]!.name,
    region: "test",
    hosts: inventory.hosts,
    target,
    connect: {},
    outputs: new Map(),
    originOf: (path) => ({ file: "all.yml", line: Number(path[1] ?? 0) + 1 }),
    emit: (event) => {
      events.push(event);
    },
  };
}
