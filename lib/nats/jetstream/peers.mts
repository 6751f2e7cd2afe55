import { createHash } from "node:crypto";
import type { NatsConnection } from "nats";
import { JetStreamApiError } from "../errors.mts";
import { ask, type PeerInfo } from "../system.mts";
import { request } from "./api.mts";

/** One member of the meta group, as its leader sees it. */
export interface Member {
  /** server name; another text when no server remembers it */
  name: string;
  /** the group's own id of it, which follows from its name */
  id: string;
  offline: boolean;
}

export interface MetaGroup {
  leader: string;
  size: number;
  members: Member[];
}

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
  const { name } = leading.server;
  return {
    leader: name,
    size,
    members: [
      { name, id: peerId(name), offline: false },
      ...replicas.map((p: PeerInfo): Member => ({ name: p.name, id: p.peer, offline: p.offline ?? false })),
    ],
  };
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/** The id that nats-server derives from a server's name (getHash in server/util.go): eight digits of its SHA-256. */
export const peerId = (name: string): string => [...createHash("sha256").update(name).digest().subarray(0, 8)].map((byte) => DIGITS[byte % 62]).join("");

/** The member that bears this name; by its id, as nobody remembers the name when all have restarted since it was there. */
export const memberOf = (group: MetaGroup, name: string): Member | undefined => group.members.find((m) => m.id === peerId(name));

/**
 * Takes a stopped server out of the meta group for good; its streams get other replicas where there are servers for them. Idempotent.
 * @throws JetStreamApiError when refused; Error when the group still counts it after `timeoutMs` (default 60 s)
 */
export async function removeMember(
  nc: NatsConnection,
  name: string,
  expected: readonly string[],
  { timeoutMs = 60_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  for (const until = Date.now() + timeoutMs; ; ) {
    // By id: names are what the leader happens to remember of servers that are gone.
    await request(nc, `server ${name}`, "SERVER.REMOVE", { peer: name, peer_id: peerId(name) }).catch((error: unknown) => {
      if (!(error instanceof JetStreamApiError) || ![NOT_A_MEMBER, CHANGE_IN_PROGRESS].includes(error.errCode)) throw error;
    });
    for (const look = Date.now() + 3000; Date.now() < look; ) {
      signal?.throwIfAborted();
      const group = await metaGroup(nc, expected);
      if (group && !memberOf(group, name)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (Date.now() > until)
      throw Object.assign(new Error(`the meta group still counts ${name} after ${timeoutMs / 1000} s`), {
        next: `see that ${name} is stopped and that a majority of the others runs, then run again`,
      });
  }
}
