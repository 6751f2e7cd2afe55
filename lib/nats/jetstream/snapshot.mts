import type { Msg, NatsConnection } from "nats";
import { requestOnce } from "./api.mts";
import type { Config } from "./desired.mts";

export interface StreamRange {
  [field: string]: unknown;
  messages: number;
  bytes: number;
  first_seq: number;
  last_seq: number;
}

/** What nats-server answers before it sends a snapshot; a restore needs both. */
export interface SnapshotHead {
  config: Config & { name: string; num_replicas: number };
  state: StreamRange;
}

export interface SnapshotOptions {
  /** bytes received so far */
  progress?: (bytes: number) => void;
  /** how long the server may stay silent, ms (default 60000: it may check all messages before it begins) */
  silenceMs?: number;
  signal?: AbortSignal;
}

/** A snapshot that began and didn't come to its end, as when the stream's leader goes. Another try may do. */
export class SnapshotBrokenError extends Error {}

/** The server's own default; a chunk must fit into max_payload. */
const CHUNK = 128 * 1024;

/**
 * Takes a snapshot of a stream with its consumers. `write` gets the chunks one after another; the next ones are asked for when it has
 * resolved, so that the server's window of 8 MB bounds what is held here.
 * @returns the answer that went before
 * @throws JetStreamApiError when refused (streams in memory, before 2.15); SnapshotBrokenError: what was written is then of no use
 */
export async function snapshot(
  nc: NatsConnection,
  stream: string,
  write: (chunk: Uint8Array) => Promise<void> | void,
  options: SnapshotOptions = {},
): Promise<SnapshotHead> {
  const { progress = () => {}, silenceMs = 60_000, signal } = options;
  const { createInbox } = await import("nats");
  const inbox = createInbox();
  const arrived: Msg[] = [];
  let wake = (): void => {};
  const sub = nc.subscribe(inbox, {
    callback: (_error, message) => {
      arrived.push(message);
      wake();
    },
  });
  const broken = (why: string): Error => new SnapshotBrokenError(`the snapshot of stream ${stream} broke off: ${why}. Run again`);
  let lost = "";
  void nc.closed().then(() => {
    lost = "the connection to NATS was closed";
    wake();
  });
  const stop = (): void => wake();
  signal?.addEventListener("abort", stop);
  try {
    const head = await requestOnce<SnapshotHead>(
      nc,
      `stream ${stream}`,
      `STREAM.SNAPSHOT.${stream}`,
      { deliver_subject: inbox, chunk_size: CHUNK, jsck: true },
      silenceMs,
    );
    let bytes = 0,
      chunks = 0;
    for (;;) {
      signal?.throwIfAborted();
      if (lost) throw broken(lost);
      const message = arrived.shift();
      if (!message) {
        if (
          !(await new Promise<boolean>((resolve) => {
            const timer = setTimeout(() => resolve(false), silenceMs);
            wake = () => {
              clearTimeout(timer);
              resolve(true);
            };
          }))
        )
          throw broken(`nothing came for ${silenceMs / 1000} s`);
        continue;
      }
      if (message.data.length === 0) {
        const { code = 0, description = "" } = message.headers ?? {};
        if (code !== 0 && code !== 204) throw broken(`nats-server ended it with ${code} ${description}`);
        return head;
      }
      // …ACK.<stream>.<id>.<length>.<number>; the last chunk has no such address, and what is cut off with it the archive's own end tells
      const [length, number] = message.reply ? message.reply.split(".").slice(-2).map(Number) : [message.data.length, chunks + 1];
      if (number !== ++chunks || length !== message.data.length) throw broken(`chunk ${chunks} is missing`);
      await write(message.data);
      if (message.reply) message.respond();
      progress((bytes += message.data.length));
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    sub.unsubscribe();
  }
}
