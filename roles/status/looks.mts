import { connectSys, type NatsConnection } from "../../lib/nats/connect.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import { withUnseen } from "../../lib/nats/status/unseen.mts";
import type { Cluster } from "../cluster.mts";
import type { Ways } from "./ways.mts";

/** How long one node may take to greet, ms: its line may be long, and a screen has to come. */
const TIMEOUT_MS = 2000;

/** Looks at a cluster again and again over one connection, which is chosen anew whenever it leads nowhere. */
export class Looks {
  readonly #cluster: Cluster;
  readonly #ways: Ways;
  #connection: NatsConnection | undefined;

  constructor(cluster: Cluster, ways: Ways) {
    this.#cluster = cluster;
    this.#ways = ways;
  }

  /** Never throws for a sick cluster. */
  async look(): Promise<ClusterState> {
    const { target, connect } = this.#cluster;
    const options = { ...connect, timeoutMs: TIMEOUT_MS, name: "sampan status" };
    this.#connection ??= await connectSys(target, options).catch(() => undefined);
    // Without a connection `observe` tries to make one itself, and so learns why there is none.
    const state = await observe(target, { ...options, quick: true, connection: this.#connection });
    if (state.servers.length > 0) this.#ways.reached();
    for (const { node, probe } of state.nodes) if (probe.failure) this.#ways.broken(this.#cluster.hosts.find((h) => h.name === node.lane)!);
    if (state.nodes.some((n) => n.probe.greeting && !n.server)) await this.close();
    return withUnseen(state, options);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    // Goodbyes to a server that hangs may take for ever.
    await Promise.race([connection?.close(), new Promise((resolve) => setTimeout(resolve, 500).unref())]);
  }
}
