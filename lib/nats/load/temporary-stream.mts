import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";

const DESCRIPTION = "sampan: temporary, removed by the run that made it or by the next";
const NAME = /^_sampan_(verify|load|bench)_[a-z0-9]+$/;

/** Runs publish all the time: a stream that got nothing for so long was left behind by one that was killed. */
const LEFT_BEHIND_MS = 10 * 60_000;

export const streamName = (id: string, purpose: "verify" | "load" | "bench" = "verify"): string => `_sampan_${purpose}_${id}`;

/** nats.js's manager; each call ends within ten seconds. */
export const manager = (nc: NatsConnection): Promise<JetStreamManager> => jetstreamManager(nc, { timeout: 10_000, checkAPI: false });

export interface Temporary {
  name: string;
  subject: string;
  replicas: number;
  /** what the messages may take on each replica; the server reserves it */
  bytes: number;
  durable: string;
  /** ms */
  ackWait: number;
  maxAckPending: number;
  /** For a run without an end: messages leave after so many ms, or when there is no room. Else a full stream refuses. */
  keepMs?: number;
  /** ms in which a repeated Nats-Msg-Id is a duplicate; default the server's own (two minutes) */
  duplicatesMs?: number;
  /** default file */
  storage?: "file" | "memory";
  /** takes fast ingest (2.14) */
  batched?: boolean;
  /** default explicit */
  ack?: "explicit" | "all" | "none";
}

/**
 * Makes the stream and its durable. Both end by themselves too, should nobody be left to remove them: the messages by age
 * and size, the consumer when unused.
 */
export async function createTemporary(jsm: JetStreamManager, o: Temporary): Promise<void> {
  try {
    await jsm.streams.add({
      name: o.name,
      description: DESCRIPTION,
      subjects: [o.subject],
      storage: o.storage ?? "file",
      num_replicas: o.replicas,
      max_bytes: o.bytes,
      // Unless the run knows that they go, a full stream must refuse and not drop in silence: that would look like loss.
      discard: o.keepMs === undefined ? "new" : "old",
      max_age: (o.keepMs ?? LEFT_BEHIND_MS) * 1e6,
      ...(o.batched && { allow_batched: true }),
      ...(o.duplicatesMs !== undefined && { duplicate_window: o.duplicatesMs * 1e6 }),
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new Error(`the temporary stream ${o.name} on ${o.subject} can't be made: ${error.message}${NEXT[error.code] ?? ""}`, { cause: error });
  }
  await jsm.consumers.add(o.name, {
    durable_name: o.durable,
    ack_policy: o.ack ?? "explicit",
    deliver_policy: "all",
    // Without acknowledgements there is nothing to wait for, and the server refuses to be told how long.
    ...(o.ack !== "none" && { ack_wait: o.ackWait * 1e6, max_ack_pending: o.maxAckPending }),
    inactive_threshold: LEFT_BEHIND_MS * 1e6,
  });
}

/** Removes the stream of this run; tries three times, since a node may just have gone or a leader be elected. @throws when it can't */
export async function removeTemporary(connect: () => Promise<JetStreamManager>, name: string): Promise<void> {
  for (let left = 2; ; left--) {
    try {
      await (await connect()).streams.delete(name);
      return;
    } catch (error) {
      if (notFound(error)) return;
      if (left === 0)
        throw new Error(`the temporary stream ${name} could not be removed (${(error as Error).message}); the next verify or bench removes it`, {
          cause: error,
        });
    }
  }
}

/**
 * Removes temporary streams that a killed run left behind: those with our name and our description that were made, and got
 * their last message, more than ten minutes ago by the server's own clock (ours before 2.10, which doesn't tell). No other stream is touched.
 * @returns their names
 */
export async function sweep(jsm: JetStreamManager, olderThanMs = LEFT_BEHIND_MS): Promise<string[]> {
  const swept: string[] = [];
  for await (const name of jsm.streams.names()) {
    if (!NAME.test(name)) continue;
    try {
      const info = await jsm.streams.info(name);
      const age = (info.ts ? Date.parse(info.ts) : Date.now()) - Math.max(Date.parse(info.created), Date.parse(info.state.last_ts));
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
