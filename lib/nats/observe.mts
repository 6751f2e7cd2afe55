import { connectSys, type NatsConnection } from "./connect.mts";
import { type Probe, probe } from "./probe.mts";
import { serverState } from "./server-state.mts";
import type { ClusterState, ServerState, StreamState } from "./state.mts";
import { type JszByServer, streamStates } from "./stream-state.mts";
import { ask, type Question } from "./system.mts";
import type { ClusterTarget, ConnectOptions, Node } from "./target.mts";

export interface ObserveOptions extends ConnectOptions {
  /** a connection of the system account to use; else one is made and closed again */
  connection?: NatsConnection;
  /** also try to get in without credentials (leaves an authentication error in each server's log) */
  anonymous?: boolean;
  /** don't wait on the mesh for a node that is silent on its own port: for a screen, which has to come also when a host is off */
  quick?: boolean;
}

/** Between two readings of a stream whose replicas differ: what a replica lacked at the first it must have at the second. */
const SECOND_LOOK_MS = 150;

/**
 * Looks at the whole cluster once: every node's own port, and all servers through the system account. A server that answers on its
 * own port but not over the mesh is asked directly; the largest connected part counts as the mesh. Never throws for a sick cluster:
 * what can't be asked is missing from the state.
 */
export async function observe(target: ClusterTarget, options: ObserveOptions = {}): Promise<ClusterState> {
  const at = Date.now();
  const probing = Promise.all(target.nodes.map((node) => probe(target, node, options)));
  const own = options.connection ? undefined : await connectSys(target, options).catch((error: Error) => error);
  const probes = await probing;
  // Who refuses connections won't answer over the mesh either: not waited for.
  const names = probes.filter((p) => p.failure?.fault !== "refused" && (p.greeting || !options.quick)).map((p) => p.node.name);
  let failure = own instanceof Error ? own.message : undefined;
  const connection = options.connection ?? (own instanceof Error ? undefined : own);
  const asked = Date.now();
  const first = connection
    ? await part(connection, names, options).catch((error: Error) => {
        failure = error.message;
        return NOTHING;
      })
    : NOTHING;
  if (own && !(own instanceof Error)) await own.close();
  const unheard = names.filter((name) => !first.servers.some((s) => s.name === name));
  const islands = await Promise.all(
    strays(probes, first.servers).map(({ node }) => island({ ...target, nodes: [node] }, unheard, options).catch(() => NOTHING)),
  );
  const mesh = [first, ...islands].reduce((largest, one) => (one.servers.length > largest.servers.length ? one : largest));
  const servers = dedupe([mesh, first, ...islands].flatMap((p) => p.servers.map((s) => ({ ...s, inMesh: p === mesh }))));
  const nodes = target.nodes.map((node, i) => ({ node, probe: probes[i]!, server: serverOf(node, probes[i]!, servers) }));
  return { at, asked, target, nodes, servers, streams: mesh.streams, ...(failure && { failure }) };
}

/** A connected part of the cluster, as seen from one connection. */
interface Part {
  servers: Omit<ServerState, "inMesh">[];
  streams: StreamState[];
}
const NOTHING: Part = { servers: [], streams: [] };

async function part(nc: NatsConnection, expected: readonly string[], options: ConnectOptions): Promise<Part> {
  const all = <Q extends Question>(question: Q) => ask(nc, question, expected, { timeoutMs: options.timeoutMs });
  const holdings = (answers: Awaited<ReturnType<typeof all<"JSZ">>>): JszByServer => answers.map((j) => ({ server: j.server.name, jsz: j.data }));
  const [varz, routez, jsz, healthz] = await Promise.all([all("VARZ"), all("ROUTEZ"), all("JSZ"), all("HEALTHZ")]);
  const of = <T,>(answers: { server: { id: string }; data: T }[], id: string) => answers.find((a) => a.server.id === id)?.data;
  const servers = varz.map((v) => serverState(v, of(routez, v.server.id), of(jsz, v.server.id), of(healthz, v.server.id)));
  const streams = streamStates(holdings(jsz));
  if (!streams.some(unsettled)) return { servers, streams };
  await new Promise((resolve) => setTimeout(resolve, SECOND_LOOK_MS));
  return { servers, streams: streamStates(holdings(await all("JSZ")), streams) };
}

async function island(target: ClusterTarget, expected: readonly string[], options: ConnectOptions): Promise<Part> {
  const nc = await connectSys(target, options);
  return part(nc, expected, options).finally(() => nc.close());
}

/** Replicas differ or are said to lag: traffic, or trouble. A second reading tells which. */
const unsettled = (s: StreamState) =>
  new Set(s.copies.map((c) => c.lastSeq)).size > 1 || [s, ...s.consumers].some((asset) => asset.replicas.some((p) => p.lag > 0 || !p.current));

/** Nodes that greet with a server id which nobody in this part has. */
const strays = (probes: readonly Probe[], servers: readonly { id: string }[]): { node: Node }[] =>
  probes.filter((p) => p.greeting && !servers.some((s) => s.id === p.greeting!.server_id));

/** By the id it greets with; by name only where its port can't be reached from here. */
const serverOf = (node: Node, { greeting }: Probe, servers: readonly ServerState[]) =>
  servers.find((s) => (greeting ? s.id === greeting.server_id : s.name === node.name));

const dedupe = (servers: readonly ServerState[]) => servers.filter((s, i) => servers.findIndex((o) => o.id === s.id) === i);
