import type { NatsConnection } from "nats";
import { JetStreamApiError } from "../errors.mts";
import { requestOnce, type StreamInfo } from "./api.mts";
import type { SnapshotHead } from "./snapshot.mts";

export interface RestoreOptions {
  /** the server has taken the name for it: what stands there from now on is this copy */
  begun?: () => void;
  /** bytes taken by the server so far */
  progress?: (bytes: number) => void;
  /** how long the server may take over one chunk, ms (default 60000) */
  chunkMs?: number;
  /** how long it may take after the last one, ms (default 10 min) */
  finishMs?: number;
  signal?: AbortSignal;
}

/** Well below max_payload, and so many on their way at once: each is answered, and the server gives up after 5 s without one. */
const CHUNK = 64 * 1024,
  WINDOW = 8;
/** nats-server's err_code for a name that is taken, or still is after a restore that broke off */
export const NAME_TAKEN = 10130;

/**
 * Creates a stream from its snapshot, with `head.config` as its configuration (num_replicas and subjects may be others than they were).
 * The name must be free.
 * @returns the stream as the server told it right after
 * @throws JetStreamApiError when refused; Error when it broke off: the server then drops what it has, a few seconds later
 */
export async function restore(nc: NatsConnection, head: SnapshotHead, content: AsyncIterable<Buffer>, options: RestoreOptions = {}): Promise<StreamInfo> {
  const { begun = () => {}, progress = () => {}, chunkMs = 60_000, finishMs = 600_000, signal } = options;
  const asset = `stream ${head.config.name}`;
  const { deliver_subject: to } = await requestOnce<{ deliver_subject: string }>(
    nc,
    asset,
    `STREAM.RESTORE.${head.config.name}`,
    { config: head.config, state: head.state },
    20_000,
  );
  begun();
  let bytes = 0;
  const sending = new Set<Promise<void>>();
  const send = async (chunk: Buffer): Promise<void> => {
    const answer = await nc.request(to, chunk, { timeout: chunkMs }).catch((error: Error) => {
      throw new Error(`${asset}: the restore broke off after ${bytes} bytes: ${error.message}. Run again`);
    });
    if (answer.data.length > 0) refuse(asset, answer.json());
    progress((bytes += chunk.length));
  };
  let failed: unknown;
  for await (const chunk of pieces(content)) {
    signal?.throwIfAborted();
    const one = send(chunk)
      .catch((error: unknown) => {
        failed ??= error;
      })
      .finally(() => sending.delete(one));
    sending.add(one);
    if (sending.size >= WINDOW) await Promise.race(sending);
    if (failed) break;
  }
  await Promise.all(sending);
  if (failed) throw failed;
  const answer = await nc.request(to, "", { timeout: finishMs }).catch((error: Error) => {
    throw new Error(`${asset}: nats-server doesn't say that the restore is done: ${error.message}. Look whether the stream is there, then run again`);
  });
  const info = answer.json<StreamInfo & { error?: never }>();
  if (info.error) refuse(asset, info);
  return info;
}

function refuse(asset: string, { error }: { error?: { code: number; err_code: number; description: string } }): never {
  throw new JetStreamApiError(asset, error ?? { code: 0, err_code: 0, description: "the restore was refused without a reason" });
}

/** Cut into chunks. */
async function* pieces(content: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  for await (const part of content) for (let at = 0; at < part.length; at += CHUNK) yield part.subarray(at, at + CHUNK);
}
