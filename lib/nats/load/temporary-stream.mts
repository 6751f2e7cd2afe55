import { jetstreamManager, JetStreamApiError, StorageType, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";

const DESCRIPTION = "sampan verify: temporary, removed by the run that made it or by the next";
const NAME = /^_sampan_verify_[a-z0-9]+$/;

/** A run takes a few minutes at most; what is older was left behind by one that was killed. */
const LEFT_BEHIND_MS = 10 * 60_000;

export const streamName = (id: string): string => `_sampan_verify_${id}`;

/** nats.js's manager; each call ends within ten seconds. */
export const manager = (nc: NatsConnection): Promise<JetStreamManager> => jetstreamManager(nc, { timeout: 10_000, checkAPI: false });

/**
 * Makes the stream and its durable. Both end by themselves too, should nobody be left to remove them: the messages by age
 * and size, the consumer when unused.
 * @param o.bytes what the messages may take on each replica; the server reserves it
 * @param o.ackWait ms
 */
export async function createTemporary(
  jsm: JetStreamManager,
  o: { id: string; subject: string; replicas: number; bytes: number; durable: string; ackWait: number; maxAckPending: number },
): Promise<void> {
  try {
    await jsm.streams.add({
      name: streamName(o.id), description: DESCRIPTION, subjects: [o.subject], storage: StorageType.File, num_replicas: o.replicas,
      // A full stream must refuse, not drop in silence: that would look like loss.
      max_bytes: o.bytes, discard: "new", max_age: LEFT_BEHIND_MS * 1e6,
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new Error(`the temporary stream ${streamName(o.id)} on ${o.subject} can't be made: ${error.message}${NEXT[error.code] ?? ""}`, { cause: error });
  }
  await jsm.consumers.add(streamName(o.id), {
    durable_name: o.durable, ack_policy: "explicit", deliver_policy: "all", ack_wait: o.ackWait * 1e6,
    max_ack_pending: o.maxAckPending, inactive_threshold: LEFT_BEHIND_MS * 1e6,
  });
}

/** Removes the stream of this run; tries three times, since a node may just have gone or a leader be elected. @throws when it can't */
export async function removeTemporary(connect: () => Promise<JetStreamManager>, id: string): Promise<void> {
  for (let left = 2; ; left--) {
    try {
      await (await connect()).streams.delete(streamName(id));
      return;
    } catch (error) {
      if (notFound(error)) return;
      if (left === 0) throw new Error(`the temporary stream ${streamName(id)} could not be removed (${(error as Error).message}); the next verify removes it`, { cause: error });
    }
  }
}

/**
 * Removes temporary streams that a killed run left behind: those with our name and our description that are older than ten
 * minutes by the server's own clock (ours before 2.10, which doesn't tell). No other stream is touched.
 * @returns their names
 */
export async function sweep(jsm: JetStreamManager, olderThanMs = LEFT_BEHIND_MS): Promise<string[]> {
  const swept: string[] = [];
  for await (const name of jsm.streams.names()) {
    if (!NAME.test(name)) continue;
    try {
      const info = await jsm.streams.info(name);
      const age = (info.ts ? Date.parse(info.ts) : Date.now()) - Date.parse(info.created);
      if (info.config.description !== DESCRIPTION || !(age > olderThanMs)) continue;
      await jsm.streams.delete(name);
      swept.push(name);
    } catch (error) {
      // Removed by somebody else in the meantime.
      if (!notFound(error)) throw error;
    }
  }
  return swept;
}

/** By nats-server's error codes (server/errors.json). */
const NEXT: Record<number, string> = {
  10065: ". Another stream takes these subjects; narrow its subjects, or give the load another base",
  10047: ". Free storage on the nodes, or offer fewer messages",
  10005: ". Bring the missing nodes with JetStream back; if none is missing, restart the meta leader (it may keep an old word of a node)",
  10039: ". Enable JetStream for the account",
  10076: ". Enable JetStream on the nodes",
};

const notFound = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === 10059;
