import type { NatsConnection } from "./connect.mts";
import { ask, askServer, type Connz } from "./system.mts";

/** A client that is connected by a user's public key. */
export interface ConnectedClient { server: string; name: string; ip: string }

/** Connections of a page: nats-server's own default. */
const PAGE = 1024;

/** Who is connected by this nkey. Servers filter by user names only, so all connections are looked at. @param nc a connection of the system account */
export async function connectedBy(nc: NatsConnection, nkey: string, servers: readonly string[]): Promise<ConnectedClient[]> {
  const first = await ask(nc, "CONNZ", servers, { timeoutMs: 3000, body: page(0) });
  const all = await Promise.all(first.map(async ({ server, data }) => {
    const connections = [...data.connections];
    for (let more = data; more.connections.length === PAGE;) {
      more = await askServer(nc, server.id, "CONNZ", { timeoutMs: 3000, body: page(connections.length) });
      connections.push(...more.connections);
    }
    return connections.filter((c: Connz["connections"][number]) => c.authorized_user === nkey).map((c) => ({ server: server.name, name: c.name ?? "", ip: c.ip }));
  }));
  return all.flat();
}

const page = (offset: number): Record<string, unknown> => ({ auth: true, sort: "cid", limit: PAGE, offset });
