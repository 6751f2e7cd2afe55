import { createInbox, headers, type Msg } from "nats";
import { now } from "./clock.mts";
import type { LoadConnection } from "./types.mts";

/** How long an answer may take until the message goes out again, ms: through another connection, as its server may be the one that hangs. */
const ANSWER_MS = 1000;
/** After a refusal, which is an answer: while there is no leader, say. */
const REFUSED_MS = 100;

interface Waiting {
  data: Uint8Array;
  again: number;
  attempts: number;
}

export interface OutboxOptions {
  publishers: readonly LoadConnection[];
  /** index of the publisher to use, -1 when none is connected */
  turn: (sequence: number) => number;
  subject: string;
  /** begins the Nats-Msg-Id of each message */
  id: string;
  /** stored, under this sequence number of the stream */
  stored: (number: number, sequence: number) => void;
  /** why one was refused; it is tried again */
  refused: (reason: string) => void;
}

/**
 * Publishes into a stream as a careful client does: every message is sent again, under the same Nats-Msg-Id, until the stream
 * has acknowledged it. So each is stored once, or the publisher knows that it doesn't know.
 */
export class Outbox {
  readonly #o: OutboxOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #inboxes: { prefix: string; close(): void }[];

  constructor(o: OutboxOptions) {
    this.#o = o;
    this.#inboxes = o.publishers.map(({ nc }) => {
      const prefix = createInbox();
      const subscription = nc.subscribe(`${prefix}.*`, {
        callback: (error, message) => {
          if (!error) this.#answer(message);
        },
      });
      return {
        prefix,
        close: () => {
          subscription.unsubscribe();
        },
      };
    });
  }

  /** messages without an acknowledgement */
  get size(): number {
    return this.#waiting.size;
  }

  send(number: number, data: Uint8Array): void {
    const waiting = { data, again: 0, attempts: 0 };
    this.#waiting.set(number, waiting);
    this.#publish(number, waiting);
  }

  /** Sends again what is due. */
  again(): void {
    const at = now();
    for (const [number, waiting] of this.#waiting) if (waiting.again <= at) this.#publish(number, waiting);
  }

  close(): void {
    for (const inbox of this.#inboxes) inbox.close();
  }

  #publish(number: number, waiting: Waiting): void {
    const turn = this.#o.turn(number + waiting.attempts);
    waiting.again = now() + (turn < 0 ? REFUSED_MS : ANSWER_MS);
    if (turn < 0) return;
    waiting.attempts++;
    const id = headers();
    id.set("Nats-Msg-Id", `${this.#o.id}-${number}`);
    this.#o.publishers[turn]!.nc.publish(this.#o.subject, waiting.data, { headers: id, reply: `${this.#inboxes[turn]!.prefix}.${number}` });
  }

  #answer(message: Msg): void {
    const number = Number(message.subject.slice(message.subject.lastIndexOf(".") + 1));
    const answer = read(message);
    if (typeof answer === "number") {
      this.#waiting.delete(number);
      return this.#o.stored(number, answer);
    }
    this.#o.refused(answer);
    const waiting = this.#waiting.get(number);
    if (waiting) waiting.again = now() + REFUSED_MS;
  }
}

/** @returns the stream's sequence number, or why it refused */
function read(message: Msg): number | string {
  if (message.data.length === 0) return "no server answers for the stream (503)";
  const { seq, error } = message.json<{ seq?: number; error?: { code: number; description: string } }>();
  return seq || (error ? `${error.description} (${error.code})` : "an answer without a sequence number");
}
