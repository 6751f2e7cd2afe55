import { milliseconds } from "../../lib/inventory/units.mts";
import type { Expectation } from "../../lib/nats/health.mts";
import { CONFIG_DIGEST } from "../../lib/resources/nats-config.mts";
import type { Cluster } from "../cluster.mts";
import { isPartitioned, oneByOne } from "../jetstream-setup/partitions.mts";

/** The streams and consumers that the inventory declares. */
export function declared({ hosts: [first] }: Cluster): Required<Pick<Expectation, "streams" | "partitions">> {
  const { streams } = first!.vars;
  return {
    streams: oneByOne(streams).map((s) => ({ name: s.name, replicas: s.num_replicas, consumers: s.consumers.map((c) => c.durable_name) })),
    partitions: streams.filter(isPartitioned).map((s) => ({ name: s.name, count: s.partitions })),
  };
}

/** All that the inventory asks of the running cluster, as far as its hosts were read back. */
export function expectation(cluster: Cluster): Expectation {
  const { thresholds } = cluster.hosts[0]!.vars.verify;
  return {
    version: Object.fromEntries(cluster.hosts.map((h) => [h.vars.server_name, h.vars.nats_version])),
    configDigest: Object.fromEntries(
      cluster.hosts.flatMap((h) => {
        const digest = cluster.outputs.get(h.name)?.get(CONFIG_DIGEST);
        return digest === undefined ? [] : [[h.vars.server_name, digest]];
      }),
    ),
    ...declared(cluster),
    bounds: { routeRtt: milliseconds(thresholds.route_rtt), ackPending: thresholds.ack_pending, certificate: milliseconds(thresholds.tls_expiry) },
  };
}
