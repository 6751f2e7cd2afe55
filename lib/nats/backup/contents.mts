import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { ArchivedConsumer, Visitor, Walk } from "./archive.mts";
import { walkV1 } from "./archive-v1.mts";
import { MAGIC, walkV2 } from "./archive-v2.mts";
import { S2File } from "./s2.mts";
import { Source } from "./source.mts";
import { type Subjects, SubjectTally } from "./subjects.mts";

/** What is in a stream's snapshot, found by reading all of it. */
export interface Contents {
  /** 1: written by nats-server before 2.15, 2: from 2.15 on. Older servers can't read 2 */
  format: 1 | 2;
  messages: number;
  /** of the stream; `last + 1` when it holds no message */
  first: number;
  last: number;
  subjects: Subjects;
  consumers: ArchivedConsumer[];
  /** of the file */
  sha256: string;
  bytes: number;
}

export interface ReadOptions {
  /** the stream's range when the snapshot was asked for: format 1 still holds records of messages before it */
  range: { first: number; last: number };
  /** bytes of the file read so far */
  progress?: (bytes: number) => void;
  signal?: AbortSignal;
}

/**
 * Reads a snapshot from end to end: each frame's checksum, each record's shape, the archive's own end. Takes bounded memory, but 8
 * bytes or so for each message that was deleted from the middle of a stream in format 1.
 * @throws BadArchive
 */
export async function readContents(path: string, { range, progress = () => {}, signal }: ReadOptions): Promise<Contents> {
  const gone = new Set<number>();
  const first = await pass(path, range, gone, progress, signal);
  if (first.buried === 0) return first.contents;
  // Deleted later than they stand in the file: only now it is known which.
  return (await pass(path, range, gone, () => {}, signal)).contents;
}

async function pass(
  path: string,
  range: ReadOptions["range"],
  gone: Set<number>,
  progress: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<{ contents: Contents; buried: number }> {
  const hash = createHash("sha256");
  const fd = openSync(path, "r");
  try {
    const file = new S2File(fd, (bytes) => hash.update(bytes));
    const source = new Source(file);
    const tally = new SubjectTally(),
      consumers: ArchivedConsumer[] = [];
    const second = gone.size > 0;
    let { first, last } = range,
      messages = 0,
      buried = 0,
      lowest = Infinity;
    const visitor: Visitor = {
      message(seq, subject, erased) {
        if (seq > last) last = seq;
        if (erased || seq < first || gone.has(seq)) return;
        if (seq < lowest) lowest = seq;
        messages++;
        tally.add(subject);
      },
      deleted(seq) {
        if (seq > last) last = seq;
        if (seq < first) return;
        if (!second) buried++;
        gone.add(seq);
      },
      consumer(consumer) {
        consumers.push(consumer);
      },
      state(state) {
        ({ first_seq: first, last_seq: last } = state);
      },
    };
    const format = source.peek(MAGIC.length).toString("latin1") === MAGIC ? 2 : 1;
    const walk: Walk = format === 2 ? walkV2(source, visitor) : walkV1(source, visitor);
    for (let step = walk.next(), told = 0; !step.done; step = walk.next()) {
      if (file.position - told < 1 << 22) continue;
      progress((told = file.position));
      signal?.throwIfAborted();
      await turn();
    }
    consumers.sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      buried,
      contents: {
        format,
        messages,
        first: messages > 0 ? Math.max(first, lowest) : last + 1,
        last,
        subjects: tally.result,
        consumers,
        sha256: hash.digest("hex"),
        bytes: file.position,
      },
    };
  } finally {
    closeSync(fd);
  }
}
