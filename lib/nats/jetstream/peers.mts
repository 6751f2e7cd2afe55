import type { NatsConnection } from "nats";
import { JetStreamApiError } from "../errors.mts";
import { ask, type PeerInfo } from "../system.mts";
import { request } from "./api.mts";

/** One member of the meta group, as its leader sees it. */
export interface Member {
  /** server name; a made-up text while no server remembers it (the id then still names it) */
  name: string;
  /** the group's own id of it, derived from its name */
  id: string;
  offline: boolean;
}

export interface MetaGroup { leader: string; size: number; members: Member[] }

/** nats-server's err_code (server/errors.json): the server isn't a member (any more) */
const NOT_A_MEMBER = 10044;
/** one member at a time: another one is just coming in or going (2.12 and later) */
const CHANGE_IN_PROGRESS = 10202;
const POLL_MS = 300;

/**
 * The meta group by its leader's word; undefined while nobody leads.
 * @param nc a connection of the system account
 * @param expected server names whose answers are waited for
 */
export async function metaGroup(nc: NatsConnection, expected: readonly string[]): Promise<MetaGroup | undefined> {
  const answers = await ask(nc, "JSZ", expected, { body: {} });
  const leading = answers.find(({ server, data }) => data.meta_cluster?.leader === server.name);
  if (!leading) return undefined;
  const { cluster_size: size, replicas = [] } = leading.data.meta_cluster!;
  const id = (p: PeerInfo): Member => ({ name: p.name, id: p.peer, offline: p.offline ?? false });
  return { leader: leading.server.name, size, members: [{ name: leading.server.name, id: "", offline: false }, ...replicas.map(id)] };
}

/** The member that bears this name, also when only its id is known any more. */
export const memberOf = (group: MetaGroup, name: string): Member | undefined => group.members.find((m) => m.name === name);

/**
 * Takes a stopped server out of the meta group for good; its streams get other replicas where there are servers for them. Idempotent.
 * @throws JetStreamApiError when refused; Error when the group still counts it after `timeoutMs` (default 60 s)
 */
export async function removeMember(nc: NatsConnection, { name, id }: Pick<Member, "name" | "id">, expected: readonly string[], { timeoutMs = 60_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<void> {
  for (const until = Date.now() + timeoutMs; ;) {
    // By id: names are what the leader happens to remember of servers that are gone.
    await request(nc, `server ${name}`, "SERVER.REMOVE", { peer: name, ...(id && { peer_id: id }) }).catch((error: unknown) => {
      if (!(error instanceof JetStreamApiError) || ![NOT_A_MEMBER, CHANGE_IN_PROGRESS].includes(error.errCode)) throw error;
    });
    for (const look = Date.now() + 3000; Date.now() < look;) {
      signal?.throwIfAborted();
      const group = await metaGroup(nc, expected);
      if (group && !group.members.some((m) => m.name === name || (id && m.id === id))) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (Date.now() > until) throw Object.assign(new Error(`the meta group still counts ${name} after ${timeoutMs / 1000} s`), { next: `see that ${name} is stopped and that a majority of the others runs, then run again` });
  }
}
