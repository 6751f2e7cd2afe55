import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "nats";
import { JetStreamApiError } from "../errors.mts";
import { consumers, request, streamInfo } from "../jetstream/api.mts";
import type { Config } from "../jetstream/desired.mts";
import { freeze, isRestoring, open, ownMetadata, restoring, writable } from "../jetstream/freeze.mts";
import { untilReplicated } from "../jetstream/replicate.mts";
import { NAME_TAKEN, restore } from "../jetstream/restore.mts";
import { compareInTime, sendable } from "./compare.mts";
import type { SavedStream, UnsavedStream } from "./manifest.mts";
import { pace } from "./pace.mts";

/** Metadata of a stream that was put back with `mark`: the checksum of its file. By it a run that goes on knows what is done. */
const RESTORED = "sampan.restored";

export interface PutBackOptions {
  replicas: number;
  /** note at the stream from which file it is, until `unmark` */
  mark?: boolean;
  /** durable consumers that it shall have besides, before it takes messages */
  more?: readonly Config[];
  /** the name was free, and is taken by the copy now */
  begun?: () => void;
  tell?: (text: string) => void;
  signal?: AbortSignal;
}

/** A stream that was put back isn't what was saved. It stays as it is, closed to publishers, until it is put back anew. */
class NotTheSameError extends Error {
  readonly wrong: readonly string[];
  constructor(name: string, wrong: readonly string[]) {
    super(`stream ${name} isn't what was saved: ${wrong.join("; ")}`);
    this.wrong = wrong;
  }
}

/** A restore that broke off holds its name for some seconds. */
const PATIENCE_MS = 30_000;

/**
 * Puts a saved stream back under its own name, which must be free. It takes no message from publishers until it has all its replicas
 * and is proved to be what was saved.
 * @returns notes: what differs, and why it may
 * @throws NotTheSameError, JetStreamApiError, Error
 */
export async function putBack(
  nc: NatsConnection,
  dir: string,
  saved: SavedStream,
  { replicas, mark = false, more = [], begun, tell = () => {}, signal }: PutBackOptions,
): Promise<string[]> {
  const config = { ...sendable(saved.config), num_replicas: replicas };
  const head = { config: restoring(config), state: saved.state };
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    try {
      await restore(nc, head, createReadStream(join(dir, saved.file), { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>, {
        begun,
        progress: pace(tell, saved.bytes),
        signal,
      });
      break;
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.errCode !== NAME_TAKEN || Date.now() > until) throw error;
      // While it is half there it doesn't answer; later it may stand there, half.
      const there = await streamInfo(nc, saved.name, { patienceMs: 2000 }).catch(() => undefined);
      if (there && !isRestoring(there.config)) throw error;
      if (there) await remove(nc, saved.name).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  await untilReplicated(nc, saved.name, { progress: tell });
  await wakeConsumers(nc, saved.name);
  await untilReplicated(nc, saved.name, { progress: tell });
  const { wrong, notes } = await compareInTime(nc, saved.name, saved);
  if (wrong.length > 0) throw new NotTheSameError(saved.name, wrong);
  await createConsumers(nc, saved.name, more);
  if (mark && !saved.config["sealed"]) await open(nc, { ...config, metadata: { ...ownMetadata(saved.config), [RESTORED]: saved.sha256 } });
  else if (writable(config)) await open(nc, config);
  return notes;
}

/**
 * A consumer whose leader was elected before its server had the messages may sleep over them until the next one comes (seen on 2.10.27,
 * with a replica whose catch-up had stalled). A new leader looks anew.
 */
async function wakeConsumers(nc: NatsConnection, stream: string): Promise<void> {
  for (const { name, cluster } of await consumers(nc, stream)) {
    if (cluster?.replicas?.length) await request(nc, `consumer ${stream} > ${name}`, `CONSUMER.LEADER.STEPDOWN.${stream}.${name}`).catch(() => undefined);
  }
}

/** Whether a stream was put back with `mark` from this very file, whatever has happened to it since. */
export const isMarked = ({ metadata }: Config, saved: SavedStream): boolean => (metadata as Record<string, string> | undefined)?.[RESTORED] === saved.sha256;

/** Takes the mark away. */
export async function unmark(nc: NatsConnection, name: string): Promise<void> {
  const config = (await streamInfo(nc, name))?.config;
  const { [RESTORED]: mark, ...metadata } = (config?.["metadata"] ?? {}) as Record<string, string>;
  if (config && mark !== undefined) await open(nc, { ...config, metadata });
}

/** Creates a stream that no snapshot holds, and its consumers: empty. */
export async function recreate(nc: NatsConnection, { name, config, consumers }: UnsavedStream, replicas: number): Promise<void> {
  await request(nc, `stream ${name}`, `STREAM.CREATE.${name}`, { ...sendable(config), num_replicas: replicas });
  await createConsumers(nc, name, consumers);
}

/** The durable ones of them. */
async function createConsumers(nc: NatsConnection, stream: string, configs: readonly Config[]): Promise<void> {
  for (const config of configs) {
    const own = String(config["durable_name"] ?? "");
    if (own)
      await request(nc, `consumer ${stream} > ${own}`, `CONSUMER.CREATE.${stream}.${own}`, {
        stream_name: stream,
        config: { ...sendable(config), name: own },
        action: "create",
      });
  }
}

/** Removes a stream. Nothing there is fine. */
export async function remove(nc: NatsConnection, name: string): Promise<void> {
  if (await streamInfo(nc, name)) await request(nc, `stream ${name}`, `STREAM.DELETE.${name}`);
}

/** Removes what holds nothing of value: a copy that was never proved, or a stream that nobody ever wrote to. @throws Error when somebody just did */
export async function clear(nc: NatsConnection, name: string): Promise<void> {
  const info = await streamInfo(nc, name);
  if (!info) return;
  if (!isRestoring(info.config)) {
    const before = await freeze(nc, name);
    if ((await streamInfo(nc, name))?.state.last_seq !== 0) {
      if (before) await open(nc, before);
      throw new Error(`stream ${name} was empty and has been written to just now. Run again, and say whether it shall be replaced`);
    }
  }
  await remove(nc, name);
}
