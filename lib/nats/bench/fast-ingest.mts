import { type Template, template } from "./frames.mts";
import type { Frame } from "./wire.mts";

/** What a message does in its batch; the reply subject says so (ADR-50 of nats-architecture-and-design). */
const OP = { start: 0, append: 1, end: 3 };
/** Groups of messages without an acknowledgement: one is being stored while the other is being sent. */
const GROUPS = 2;
const MOST_FLOW = 1000;

export interface FastIngestOptions {
  inbox: string;
  /** by partition: what the messages' subjects begin with */
  prefixes: readonly string[];
  /** subjects of a partition */
  subjects: number;
  tag: number;
  payload: number;
  /** messages of this publisher under way at most */
  window: number;
}

/** What the server told of a batch. */
export type Told =
  /** all up to here are stored: locals from, to, step */
  { kind: "stored"; first: number; last: number; step: number } | { kind: "refused"; reason: string } | undefined;

interface Batch {
  generation: number;
  /** messages sent, and of these acknowledged, from 1 */
  sent: number;
  acked: number;
  /** the first one's number among the publisher's own */
  first: number;
  /** messages from one acknowledgement to the next, as the server wants it; 0: it hasn't told yet */
  flow: number;
  start: Template[];
  append: Template[];
}

/**
 * Publishes into streams with `allow_batched` (2.14): a batch per partition, acknowledged every so many messages instead of one by one. A
 * gap ends the batch (`fail`), so an acknowledgement means that all up to it are stored, as for single publishes.
 */
export class FastIngest {
  readonly #o: FastIngestOptions;
  readonly #batches: Batch[];
  readonly #flow: number;

  constructor(o: FastIngestOptions) {
    this.#o = o;
    this.#flow = Math.min(MOST_FLOW, Math.max(1, Math.floor(o.window / o.prefixes.length / GROUPS)));
    this.#batches = o.prefixes.map((_, p) => this.#open(p, 0));
  }

  /** Whether the server lets the next message of a partition come. */
  room(partition: number): boolean {
    const { sent, acked, flow } = this.#batches[partition]!;
    return flow ? sent - acked < GROUPS * flow : sent === 0;
  }

  /** @param local the message's number among the publisher's own. @returns its frame, and its number in the batch */
  next(partition: number, subject: number, local: number): { frame: Template; sequence: number } {
    const batch = this.#batches[partition]!;
    if (batch.sent++ === 0) batch.first = local;
    return { frame: (batch.sent === 1 ? batch.start : batch.append)[subject]!, sequence: batch.sent };
  }

  /** Ends all batches: what isn't acknowledged yet then is. @returns frames */
  end(): Buffer[] {
    return this.#batches.flatMap((batch, p) => {
      if (!batch.sent) return [];
      const reply = `${this.#reply(p, batch.generation)}.${batch.sent + 1}.${OP.end}.$FI`;
      return [Buffer.from(`PUB ${this.#o.prefixes[p]!}.0 ${reply} 0\r\n\r\n`)];
    });
  }

  /** After a lost connection: what was under way isn't spoken of any more. */
  restart(): void {
    for (const [p, { generation }] of this.#batches.entries()) this.#batches[p] = this.#open(p, generation + 1);
  }

  answer({ data, subjectFrom, subjectTo, bodyFrom, bodyTo }: Frame): Told {
    const id = data.toString("latin1", subjectFrom + this.#o.inbox.length + 1, subjectTo).split(".")[0]!;
    const [p, generation] = id.split("g").map((part) => Number(part.replace(/^.*b/, ""))) as [number, number];
    const batch = this.#batches[p];
    if (!batch || batch.generation !== generation) return undefined;
    const body = data.toString("utf8", bodyFrom, bodyTo);
    const said = read(body);
    if (said?.type === "ack") {
      batch.flow = said.msgs || this.#flow;
      return this.#stored(batch, said.seq ?? 0);
    }
    if (said?.type === "gap") return undefined;
    this.#batches[p] = this.#open(p, generation + 1);
    if (said?.batch !== undefined && !said.error) return this.#stored(batch, said.count ?? 0);
    if (said?.error) return { kind: "refused", reason: `${said.error.description} (${said.error.code})` };
    return { kind: "refused", reason: body === "" ? "no server answers for the stream (503)" : `an answer that isn't fast ingest's: ${body}` };
  }

  #stored(batch: Batch, sequence: number): Told {
    const step = this.#batches.length;
    const from = batch.acked;
    batch.acked = Math.max(from, Math.min(sequence, batch.sent));
    if (batch.acked === from) return undefined;
    return { kind: "stored", first: batch.first + from * step, last: batch.first + (batch.acked - 1) * step, step };
  }

  #open(p: number, generation: number): Batch {
    const { prefixes, subjects, tag, payload } = this.#o;
    const frames = (op: number): Template[] =>
      Array.from({ length: subjects }, (_, i) => template(`${prefixes[p]!}.${i}`, this.#reply(p, generation), tag, payload, `.${op}.$FI`));
    return { generation, sent: 0, acked: 0, first: 0, flow: 0, start: frames(OP.start), append: frames(OP.append) };
  }

  /** The token before the flow is the batch's id, of which a stream may have no two. */
  #reply(p: number, generation: number): string {
    const { inbox } = this.#o;
    return `${inbox}.${inbox.replaceAll(/\W/g, "")}b${p}g${generation}.${this.#flow}.fail`;
  }
}

interface Answer {
  type?: string;
  seq?: number;
  msgs?: number;
  batch?: string;
  count?: number;
  error?: { code: number; description: string };
}
function read(body: string): Answer | undefined {
  try {
    return JSON.parse(body) as Answer;
  } catch {
    return undefined;
  }
}
