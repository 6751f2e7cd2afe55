import type { Host } from "../../lib/inventory/types.mts";
import { connectApp, connectSys, type NatsConnection } from "../../lib/nats/connect.mts";
import { heldBy } from "../../lib/nats/jetstream/move.mts";
import { type Member, type MetaGroup, memberOf, metaGroup } from "../../lib/nats/jetstream/peers.mts";
import { unheld } from "../../lib/nats/jetstream/unheld.mts";
import { observe } from "../../lib/nats/observe.mts";
import { probe } from "../../lib/nats/probe.mts";
import type { ClusterState, StreamState } from "../../lib/nats/state.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import { closeAll, connectAccounts } from "../backup/accounts.mts";
import type { Cluster } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import type { Change, Leaver } from "./choose.mts";

/** A host or server, and how the cluster knows it now. */
export interface Standing extends Leaver {
  /** the meta group counts it */
  member?: Member;
  /** its server answers: over the mesh, or on its own port */
  runs: boolean;
  /** streams it holds something of, as far as servers that run tell */
  holds: readonly StreamState[];
}

/** The cluster before the change. */
export interface Before {
  state: ClusterState;
  group?: MetaGroup;
  stays: readonly Standing[];
  joins: readonly Standing[];
  leaving: readonly Standing[];
  /** members whom neither the inventory nor the change knows */
  ghosts: readonly Member[];
  /** streams and durables that no running server holds: their only replicas are on servers that are down; asked for when a member leaves */
  unheld: readonly string[];
  /** why they couldn't be asked for */
  unasked?: string;
}

/** Looks who is in the cluster. Never throws for a sick one: then `group` is missing. */
export async function lookAt(change: Change, cluster: Cluster): Promise<Before> {
  const { target, connect } = cluster;
  const state = await observe(target, connect);
  const group = await withSys(cluster, (sys) =>
    metaGroup(
      sys,
      state.servers.map((s) => s.name),
    ),
  ).catch(() => undefined);
  const standing = async (leaver: Leaver): Promise<Standing> => ({
    ...leaver,
    member: group && memberOf(group, leaver.server),
    holds: heldBy(state, leaver.server),
    runs: state.servers.some((s) => s.name === leaver.server && s.inMesh) || (await greets(target, leaver)),
  });
  const rest = await Promise.all(change.rest.hosts.map((host) => standing({ server: host.vars.server_name, host })));
  const leaving = await Promise.all(change.leaving.map(standing));
  const settled = (s: Standing): boolean => s.member !== undefined || (!s.host!.vars.jetstream.enabled && s.runs);
  const asked =
    group && leaving.some((l) => l.member)
      ? await unheldIn(cluster, target).then(
          (found) => ({ unheld: found }),
          (error: Error) => ({ unheld: [], unasked: error.message.split("\n")[0]! }),
        )
      : { unheld: [] };
  const known = new Set([...rest, ...leaving].flatMap((s) => s.member?.id ?? []));
  return {
    state,
    group,
    leaving,
    stays: rest.filter(settled),
    joins: rest.filter((s) => !settled(s)),
    ghosts: (group?.members ?? []).filter((m) => !known.has(m.id)),
    ...asked,
  };
}

/** On its own port, straight from here. */
async function greets(target: ClusterTarget, { server, host }: Leaver): Promise<boolean> {
  if (!host) return false;
  const { greeting } = await probe(target, nodeOf(host));
  return greeting?.server_name === server;
}

export const nodeOf = (h: Host<Vars>): ClusterTarget["nodes"][number] => ({
  name: h.vars.server_name,
  lane: h.name,
  host: h.connection.address,
  port: h.vars.port,
  jetstream: h.vars.jetstream.enabled,
});

/** The cluster's target with only these servers. */
export const only = (target: ClusterTarget, servers: readonly { server: string; host?: Host<Vars> }[]): ClusterTarget => ({
  ...target,
  nodes: servers.flatMap(({ host }) => (host ? [nodeOf(host)] : [])),
});

/** What no running server of `there` holds anything of, in all accounts. @throws Error with what couldn't be asked */
export async function unheldIn(cluster: Cluster, there: ClusterTarget, consumers = true): Promise<string[]> {
  const accounts = await connectAccounts(cluster);
  try {
    return await unheld(accounts, () => observe(there, cluster.connect), consumers);
  } finally {
    await closeAll(accounts);
  }
}

export async function withSys<T>({ target, connect }: Cluster, work: (sys: NatsConnection) => Promise<T>): Promise<T> {
  const nc = await connectSys(target, connect);
  try {
    return await work(nc);
  } finally {
    await nc.close();
  }
}

export async function withApp<T>({ target, connect }: Cluster, work: (app: NatsConnection) => Promise<T>): Promise<T> {
  const nc = await connectApp(target, connect);
  try {
    return await work(nc);
  } finally {
    await nc.close();
  }
}
