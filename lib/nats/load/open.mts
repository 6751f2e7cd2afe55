import { connectApp } from "../connect.mts";
import type { ClusterTarget, ConnectOptions, Node } from "../target.mts";
import type { LoadConnection, LoadConnections } from "./types.mts";

/** Connections of a load run, each staying with its own node. Close them when done. */
export interface OpenLoad extends LoadConnections {
  close(): Promise<void>;
}

/**
 * Opens `publishers` and `workers` connections in the app account, spread over the nodes in their order.
 * @param options.publishers default one per node
 * @throws NatsConnectError when a node can't be reached; nothing stays open then
 */
export async function openLoad(target: ClusterTarget, options: { publishers?: number; workers: number; connect?: ConnectOptions }): Promise<OpenLoad> {
  const open = (role: string, count: number): Promise<LoadConnection>[] =>
    Array.from({ length: count }, async (_, i) => {
      const node = target.nodes[i % target.nodes.length] as Node;
      // A target of one node: it must not reconnect elsewhere, or the shares per node would lie.
      const nc = await connectApp({ ...target, nodes: [node] }, { ...options.connect, name: `sampan load ${role} ${i + 1}` });
      return { node: node.name, nc };
    });
  const publishers = open("publisher", options.publishers ?? target.nodes.length);
  const workers = open("worker", options.workers);
  const settled = await Promise.allSettled([...publishers, ...workers]);
  const close = async (): Promise<void> => {
    await Promise.all(settled.map(async (s) => s.status === "fulfilled" && s.value.nc.close()));
  };
  const failed = settled.find((s) => s.status === "rejected");
  if (failed) {
    await close();
    throw failed.reason;
  }
  return { publishers: await Promise.all(publishers), workers: await Promise.all(workers), close };
}
