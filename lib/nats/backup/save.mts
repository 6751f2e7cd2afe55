import { type FileHandle, open } from "node:fs/promises";
import type { NatsConnection } from "nats";
import { JetStreamApiError } from "../errors.mts";
import { consumerNames, consumers, streamInfo } from "../jetstream/api.mts";
import type { Config } from "../jetstream/desired.mts";
import { unfrozen } from "../jetstream/freeze.mts";
import { SnapshotBrokenError, type SnapshotHead, snapshot } from "../jetstream/snapshot.mts";
import { readContents } from "./contents.mts";
import type { SavedStream, UnsavedStream } from "./manifest.mts";
import { PlainSize, pace } from "./pace.mts";
import { BadArchive } from "./s2.mts";

export interface SaveOptions {
  tell?: (text: string) => void;
  signal?: AbortSignal;
}

/** A file's name for a stream: the same on all file systems. */
export const fileName = (account: string, stream: string, taken: ReadonlySet<string>): string => {
  const plain = `${encodeURIComponent(account)}.${encodeURIComponent(stream)}`.slice(0, 180);
  for (let n = 1; ; n++) {
    const name = `${plain}${n > 1 ? `-${n}` : ""}.snapshot`;
    if (!taken.has(name.toLowerCase())) return name;
  }
};

/**
 * Saves one stream with its consumers into a new file, 0600, and proves it by reading the file to its end.
 * @returns its entry in the manifest; for a stream that nats-server gives no snapshot of, what is known of it, and no file
 * @throws JetStreamApiError; Error when what was written isn't whole
 */
export async function save(
  nc: NatsConnection,
  account: string,
  name: string,
  path: string,
  file: string,
  { tell = () => {}, signal }: SaveOptions = {},
): Promise<SavedStream | UnsavedStream> {
  const before = await streamInfo(nc, name);
  if (!before) throw new Error(`stream ${name} isn't there any more`);
  const known = await knownConsumers(nc, name);
  const handle = await open(path, "wx", 0o600);
  try {
    const head = await written(nc, name, handle, before.state.bytes, { tell, signal });
    const range = { first: head.state.first_seq, last: head.state.last_seq };
    const { size: bytes } = await handle.stat();
    const reading = pace((text) => tell(`reading it back: ${text}`), bytes);
    const found = await readContents(path, { range, progress: reading, signal });
    const { messages, first, last, subjects } = found;
    const gone = await deletedSince(nc, name, before.state);
    if (messages < head.state.messages - gone) throw new BadArchive(`it holds ${messages} of ${head.state.messages} messages`);
    await whole(
      nc,
      name,
      known.filter((k) => k.config["durable_name"] && !found.consumers.some((c) => c.name === k.name)).map((k) => k.name),
    );
    return {
      account,
      name,
      file,
      sha256: found.sha256,
      bytes: found.bytes,
      format: found.format,
      config: unfrozen(head.config),
      state: head.state,
      messages,
      first,
      last,
      deleted: found.format === 1 ? gone : 0,
      subjects,
      consumers: found.consumers.map((c) => ({ ...c, config: known.find((k) => k.name === c.name)?.config })),
    };
  } catch (error) {
    if (error instanceof BadArchive) throw new Error(`the snapshot of stream ${name} is no good: ${error.message}. Look at the server's log, then run again`);
    // "no impl": the store of streams in memory, before 2.15
    if (!(error instanceof JetStreamApiError) || before.config["storage"] !== "memory") throw error;
    return {
      account,
      name,
      why: "kept in memory, and this nats-server takes no snapshot of such streams",
      messages: before.state.messages,
      config: unfrozen(before.config),
      consumers: known.map((k) => k.config),
    };
  } finally {
    await handle.close();
  }
}

interface Known {
  name: string;
  config: Config;
}

/** How long a consumer may be without a leader, as in a roll. */
const PATIENCE_MS = 15_000;

/** All consumers with their configurations. @throws Error for one that doesn't answer: nobody could tell then whether the snapshot has it */
async function knownConsumers(nc: NatsConnection, stream: string): Promise<Known[]> {
  let silent: string[] | undefined;
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    const names = await consumerNames(nc, stream),
      known = (await consumers(nc, stream)).map((c) => ({ name: c.name, config: c.config }));
    // all the time: those that aren't durable come and go
    silent = (silent ?? names).filter((n) => names.includes(n) && !known.some((k) => k.name === n));
    if (silent.length === 0) return known;
    if (Date.now() > until)
      throw Object.assign(new Error(`stream ${stream} can't be saved whole: no answer from consumer ${silent.join(", ")}`), {
        next: "look with verify.mts which node is down; start it, or delete the consumer if its position may go",
      });
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** @throws Error when one of the durable consumers that the snapshot lacks is still there: before 2.15 it holds only those that the stream's leader has */
async function whole(nc: NatsConnection, stream: string, lacking: readonly string[]): Promise<void> {
  const there = lacking.length > 0 ? await consumerNames(nc, stream) : [];
  const lost = lacking.filter((name) => there.includes(name));
  if (lost.length > 0)
    throw Object.assign(
      new Error(`the snapshot of stream ${stream} lacks consumer ${lost.join(", ")}: it has fewer replicas than the stream, and none on the stream's leader`),
      { next: "give it as many replicas as the stream has (nats consumer edit --replicas), then run again" },
    );
}

/** A leader may go while it sends, e.g. in a roll: then the next one is asked. */
const TRIES = 3,
  BETWEEN_MS = 3000;

async function written(
  nc: NatsConnection,
  name: string,
  handle: FileHandle,
  expected: number,
  { tell = () => {}, signal }: SaveOptions,
): Promise<SnapshotHead> {
  for (let attempt = 1; ; attempt++) {
    await handle.truncate();
    const size = new PlainSize(),
      said = pace(tell, expected);
    let at = 0;
    try {
      const head = await snapshot(
        nc,
        name,
        async (chunk) => {
          await handle.write(chunk, 0, chunk.length, at);
          at += chunk.length;
          said(size.push(chunk));
        },
        { signal },
      );
      await handle.sync();
      return head;
    } catch (error) {
      if (!(error instanceof SnapshotBrokenError) || attempt === TRIES) throw error;
      tell(`${error.message.replace(/\. Run again$/, "")}; once more`);
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    }
  }
}

/** How many messages went since then, by acknowledgement, age or a limit. */
async function deletedSince(nc: NatsConnection, name: string, then: { messages: number; last_seq: number }): Promise<number> {
  const now = (await streamInfo(nc, name))?.state;
  return now ? Math.max(0, then.messages + (now.last_seq - then.last_seq) - now.messages) : then.messages;
}
