import { connectApp } from "../connect.mts";
import type { ClusterTarget, ConnectOptions } from "../target.mts";
import type { OpenLoad } from "./open.mts";
import type { LoadConnection } from "./types.mts";

/** So soon does a client notice that its server hangs without having closed the connection: after two of them, ms. */
const PING_MS = 2000;

/**
 * Opens one publisher and one worker per node, as customers' clients are: each begins at its own node, and goes on to another
 * when that one goes. One node that lets us in is enough.
 * @throws NatsConnectError when none does; nothing stays open then
 */
export async function roam(target: ClusterTarget, connect: ConnectOptions = {}): Promise<OpenLoad & { reconnects: () => number }> {
  const { nodes } = target;
  let reconnects = 0;
  const open = async (role: string, i: number): Promise<LoadConnection> => {
    const nc = await connectApp(
      { ...target, nodes: [...nodes.slice(i), ...nodes.slice(0, i)] },
      { ...connect, pingMs: PING_MS, name: `sampan load ${role} ${i + 1}` },
    );
    const connection = { nc, node: nc.info!.server_name };
    void (async () => {
      for await (const { type } of nc.status()) {
        if (type !== "reconnect") continue;
        reconnects++;
        connection.node = nc.info?.server_name ?? connection.node;
      }
    })();
    return connection;
  };
  const settled = await Promise.allSettled(nodes.flatMap((_, i) => [open("publisher", i), open("worker", i)]));
  const close = async (): Promise<void> => {
    await Promise.all(settled.map(async (s) => s.status === "fulfilled" && s.value.nc.close()));
  };
  const failed = settled.find((s) => s.status === "rejected");
  if (failed) {
    await close();
    throw failed.reason;
  }
  const all = settled.map((s) => (s as PromiseFulfilledResult<LoadConnection>).value);
  return { publishers: all.filter((_, i) => i % 2 === 0), workers: all.filter((_, i) => i % 2 === 1), reconnects: () => reconnects, close };
}
