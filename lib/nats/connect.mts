import type { NatsConnection } from "nats";
import { UsageError } from "../inventory/types.mts";
import { type ConnectFailure, classify, NatsConnectError } from "./errors.mts";
import type { ClusterTarget, ConnectOptions, Credential, Node } from "./target.mts";
import { identityOf } from "./tls-identity.mts";

export type { NatsConnection } from "nats";

const TIMEOUT_MS = 3000;

/** Connects as the user of the account that holds the streams. @throws NatsConnectError with a line per node; UsageError for a seed that is none */
export const connectApp = (target: ClusterTarget, options: ConnectOptions = {}): Promise<NatsConnection> => connectAs("app", target, options);

/** Connects as the user of the system account. @throws NatsConnectError with a line per node; UsageError for a seed that is none */
export const connectSys = (target: ClusterTarget, options: ConnectOptions = {}): Promise<NatsConnection> => connectAs("sys", target, options);

/**
 * Tries the nodes in their order and stays with the first that lets us in; the others are where it reconnects to, for ever, until
 * closed. The cluster's own gossip is ignored: what it advertises need not be reachable from here.
 */
async function connectAs(role: "app" | "sys", target: ClusterTarget, options: ConnectOptions): Promise<NatsConnection> {
  const { connect } = await import("nats");
  const credential = await authenticate(role, target[role]);
  const failures: ConnectFailure[] = [];
  const places = await reach(target.nodes, options, failures);
  const tls = target.tls && { ca: target.tls.ca, checkServerIdentity: identityOf(target.nodes) };
  for (const { node, address } of places) {
    try {
      const connection = await connect({
        ...credential,
        servers: [address],
        ...(tls && { tls }),
        name: options.name ?? "sampan",
        timeout: options.timeoutMs ?? TIMEOUT_MS,
        ...(options.pingMs !== undefined && { pingInterval: options.pingMs }),
        ignoreClusterUpdates: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        // While a node restarts its users may be refused for a moment; a roll must outlive that.
        ignoreAuthErrorAbort: true,
        noRandomize: true,
      });
      connection.setServers(places.map((p) => p.address));
      return connection;
    } catch (error) {
      failures.push(classify(node, error));
    }
  }
  throw new NatsConnectError(role, failures);
}

/** Addresses of all nodes as seen from here, in their order; a node whose dial fails is a failure and left out. */
async function reach(nodes: readonly Node[], { dial }: ConnectOptions, failures: ConnectFailure[]): Promise<{ node: Node; address: string }[]> {
  const tried = await Promise.allSettled(nodes.map(async (node) => (dial ? dial(node) : node)));
  return tried.flatMap((result, i) => {
    const node = nodes[i]!;
    if (result.status === "fulfilled") return [{ node, address: hostPort(result.value) }];
    failures.push(classify(node, result.reason));
    return [];
  });
}

const hostPort = ({ host, port }: { host: string; port: number }) => `${host.includes(":") ? `[${host}]` : host}:${port}`;

async function authenticate(role: string, credential: Credential) {
  if ("user" in credential) return { user: credential.user, pass: credential.password.reveal() };
  const { nkeyAuthenticator, nkeys } = await import("nats");
  const seed = new TextEncoder().encode(credential.nkeySeed.reveal());
  try {
    nkeys.fromSeed(seed);
  } catch {
    throw new UsageError(`the nkey seed of user ${role} is none (it starts with SU and has 58 characters); look at the region's .env`);
  }
  return { authenticator: nkeyAuthenticator(seed) };
}
