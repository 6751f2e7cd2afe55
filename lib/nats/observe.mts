import { connectSys, type NatsConnection } from "./connect.mts";
import { probe, type Probe } from "./probe.mts";
import { serverState } from "./server-state.mts";
import type { ClusterState, ServerState } from "./state.mts";
import { streamStates, type JszByServer } from "./stream-state.mts";
import { ask, type Question } from "./system.mts";
import type { ClusterTarget, ConnectOptions, Node } from "./target.mts";

export interface ObserveOptions extends ConnectOptions {
  /** a connection of the system account to use; else one is made and closed again */
  connection?: NatsConnection;
  /** also try to get in without credentials (leaves an authentication error in each server's log) */
  anonymous?: boolean;
}

/** Between two readings of a stream whose replicas differ: what a replica lacked at the first it must have at the second. */
const SECOND_LOOK_MS = 150;

/**
 * Looks at the whole cluster once: every node's own port, and all servers through the system account. A server that answers on its
 * own port but not over the mesh is asked directly. Never throws for a sick cluster; what can't be asked is missing from the state.
 */
export async function observe(target: ClusterTarget, options: ObserveOptions = {}): Promise<ClusterState> {
  const at = Date.now();
  const probing = Promise.all(target.nodes.map((node) => probe(target, node, options)));
  const own = options.connection ? undefined : await connectSys(target, options).catch((error: Error) => error);
  const connection = options.connection ?? (own instanceof Error ? undefined : own);
  let failure = own instanceof Error ? own.message : undefined;
  try {
    const expected = target.nodes.map((n) => n.name);
    const asked = connection ? await round(connection, expected, true, options).catch((error: Error) => { failure = error.message; return nothing(); }) : nothing();
    const probes = await probing;
    const islands = await Promise.all(strays(probes, asked.servers).map((p) => alone(target, p.node, options)));
    const servers = dedupe([asked, ...islands].flatMap((r) => r.servers));
    const nodes = target.nodes.map((node, i) => ({ node, probe: probes[i]!, server: serverOf(node, probes[i]!, servers) }));
    let streams = streamStates(asked.jsz);
    if (connection && streams.some((s) => new Set(s.copies.map((c) => c.lastSeq)).size > 1)) {
      await new Promise((resolve) => setTimeout(resolve, SECOND_LOOK_MS));
      const again = await jszOf(connection, expected, options).catch(() => undefined);
      if (again) streams = streamStates(again, streams);
    }
    return { at, target, nodes, servers, streams, ...(failure && { failure }) };
  } finally {
    if (own && !(own instanceof Error)) await own.close();
  }
}

interface Round { servers: ServerState[]; jsz: JszByServer }
const nothing = (): Round => ({ servers: [], jsz: [] });

async function round(nc: NatsConnection, expected: readonly string[], inMesh: boolean, { timeoutMs }: ConnectOptions): Promise<Round> {
  const all = <Q extends Question>(question: Q) => ask(nc, question, expected, { timeoutMs });
  const [varz, routez, jsz, healthz] = await Promise.all([all("VARZ"), all("ROUTEZ"), all("JSZ"), all("HEALTHZ")]);
  const of = <T,>(answers: { server: { id: string }; data: T }[], id: string) => answers.find((a) => a.server.id === id)?.data;
  const servers = varz.map((v) => {
    const id = v.server.id;
    return serverState(v, inMesh, of(routez, id), of(jsz, id), of(healthz, id));
  });
  return { servers, jsz: jsz.map((j) => ({ server: j.server.name, jsz: j.data })) };
}

const jszOf = async (nc: NatsConnection, expected: readonly string[], { timeoutMs }: ConnectOptions): Promise<JszByServer> =>
  (await ask(nc, "JSZ", expected, { timeoutMs })).map((j) => ({ server: j.server.name, jsz: j.data }));

/** Nodes that greet with a server id which nobody on the mesh has. */
const strays = (probes: readonly Probe[], servers: readonly ServerState[]) =>
  probes.filter((p) => p.greeting && !servers.some((s) => s.id === p.greeting!.server_id));

async function alone(target: ClusterTarget, node: Node, options: ObserveOptions): Promise<Round> {
  const nc = await connectSys({ ...target, nodes: [node] }, options).catch(() => undefined);
  try {
    return nc ? await round(nc, [nc.info!.server_name], false, options) : nothing();
  } catch {
    return nothing();
  } finally {
    await nc?.close();
  }
}

/** By the id it greets with; by name only where its port can't be reached from here. */
const serverOf = (node: Node, { greeting }: Probe, servers: readonly ServerState[]) =>
  servers.find((s) => (greeting ? s.id === greeting.server_id : s.name === node.name));

const dedupe = (servers: readonly ServerState[]) => servers.filter((s, i) => servers.findIndex((o) => o.id === s.id) === i);
