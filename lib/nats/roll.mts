import type { NatsConnection } from "./connect.mts";
import { JetStreamApiError } from "./errors.mts";
import type { ClusterState, NodeState } from "./state.mts";
import { ask } from "./system.mts";
import type { Node } from "./target.mts";

/** Who leads the meta group, by its own word; undefined while nobody does, and on a server that isn't clustered. */
export const metaLeader = (state: ClusterState): string | undefined => state.servers.find((s) => s.inMesh && s.jetstream?.meta?.leader === s.name)?.name;

/**
 * The order in which to touch nodes one at a time: first those that are out of the cluster already (touching another one would take a
 * second replica away), then followers, the meta leader last, so that leadership moves once. Else the given order is kept.
 */
export function rollOrder<N extends Pick<Node, "name">>(state: ClusterState, nodes: readonly N[]): N[] {
  const leader = metaLeader(state);
  const rank = ({ name }: N) => {
    const node = state.nodes.find((n) => n.node.name === name);
    return !node || out(node) ? 0 : name === leader ? 2 : 1;
  };
  return nodes
    .map((node) => ({ node, rank: rank(node) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ node }) => node);
}

const out = ({ server }: NodeState) => !server?.inMesh || server.healthz?.ok === false;

/**
 * Makes the meta leader hand over, to `preferred` (a server name) where the servers can (2.11+), and waits until another one leads.
 * @param nc a connection of the system account
 * @returns the new leader's name
 * @throws JetStreamApiError when refused; Error when nobody else leads in time
 */
export async function stepDownMeta(nc: NatsConnection, state: ClusterState, options: { preferred?: string; timeoutMs?: number } = {}): Promise<string> {
  const { preferred, timeoutMs = 20_000 } = options;
  const until = Date.now() + timeoutMs;
  const before = metaLeader(state);
  const able = state.servers.every((s) => atLeast(s.version, 2, 11));
  const body = preferred && able ? { placement: { preferred } } : {};
  const answer = (await nc.request("$JS.API.META.LEADER.STEPDOWN", JSON.stringify(body), { timeout: 5000 })).json<{
    error?: { code: number; err_code: number; description: string };
  }>();
  if (answer.error) throw new JetStreamApiError("meta leader", answer.error);
  const names = state.nodes.map((n) => n.node.name);
  while (Date.now() < until) {
    const views = (await ask(nc, "JSZ", names, { timeoutMs: 1000, body: {} })).map((j) => ({
      server: j.server.name,
      leader: j.data.meta_cluster?.leader ?? "",
    }));
    const leader = views.find((v) => v.leader === v.server)?.leader;
    if (leader && leader !== before && views.every((v) => v.leader === leader)) return leader;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(
    `${before ?? "the meta leader"} stepped down and no other server leads after ${timeoutMs / 1000} s. Check that a majority of the JetStream nodes runs`,
  );
}

/** Is `version` (2.10.27, 2.15.0-dev) at least major.minor? */
export function atLeast(version: string, major: number, minor: number): boolean {
  const [have = 0, and = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return have > major || (have === major && and >= minor);
}
