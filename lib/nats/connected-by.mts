import type { NatsConnection } from "./connect.mts";
import { ask, askServer, type Connz } from "./system.mts";

/** A client that is connected by a user's public key. */
export interface ConnectedClient {
  server: string;
  name: string;
  ip: string;
}

/** Connections of a page: nats-server's own default. */
const PAGE = 1024;
/** How long a server may take to tell, ms. */
const TELLING_MS = 10_000;

/**
 * Who is connected by this nkey. Servers filter by user names only, so all connections are looked at.
 * @param nc a connection of the system account
 * @param servers names of all that must answer
 * @throws Error, with `next`, when one of them doesn't: nobody knows then who is connected there
 */
export async function connectedBy(nc: NatsConnection, nkey: string, servers: readonly string[]): Promise<ConnectedClient[]> {
  const first = await ask(nc, "CONNZ", servers, { timeoutMs: TELLING_MS, body: page(0) });
  const silent = servers.filter((name) => !first.some(({ server }) => server.name === name));
  if (silent.length)
    throw Object.assign(new Error(`${silent.join(", ")} did not tell within ${TELLING_MS / 1000} s who is connected`), {
      next: "see that it runs and has its routes (verify.mts), then run again",
    });
  const all = await Promise.all(
    first.map(async ({ server, data }) => {
      const connections = [...data.connections];
      for (let more = data; more.connections.length === PAGE; ) {
        more = await askServer(nc, server.id, "CONNZ", { timeoutMs: TELLING_MS, body: page(connections.length) });
        connections.push(...more.connections);
      }
      return connections
        .filter((c: Connz["connections"][number]) => c.authorized_user === nkey)
        .map((c) => ({ server: server.name, name: c.name ?? "", ip: c.ip }));
    }),
  );
  return all.flat();
}

const page = (offset: number): Record<string, unknown> => ({ auth: true, sort: "cid", limit: PAGE, offset });
