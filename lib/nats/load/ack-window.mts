import { createInbox } from "nats";
import type { LoadConnection } from "./types.mts";

/** What became of a published message: `refusal` is absent when the stream has stored it. */
export type Answered = (sequence: number, due: number, refusal?: string) => void;

/**
 * Publishes into a stream with a bounded number of unanswered messages, without a request object per message: one inbox
 * per connection, its last token the slot that the message occupies until its PubAck comes.
 */
export class AckWindow {
  readonly #connection: LoadConnection;
  readonly #replies: { reply: string }[];
  readonly #free: number[];
  readonly #sequences: Uint32Array;
  readonly #dues: Float64Array;
  readonly #prefix: number;
  readonly #answered: Answered;
  readonly #inbox: { unsubscribe(): void };

  constructor(connection: LoadConnection, slots: number, answered: Answered) {
    const inbox = createInbox();
    this.#connection = connection;
    this.#replies = Array.from({ length: slots }, (_, i) => ({ reply: `${inbox}.${i}` }));
    this.#free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.#sequences = new Uint32Array(slots);
    this.#dues = new Float64Array(slots);
    this.#prefix = inbox.length + 1;
    this.#answered = answered;
    this.#inbox = connection.nc.subscribe(`${inbox}.*`, {
      callback: (error, message) => {
        if (!error) this.#answer(Number(message.subject.slice(this.#prefix)), message.data);
      },
    });
  }

  /** Only while not `full`. */
  publish(subject: string, data: Uint8Array, sequence: number, due: number): void {
    const slot = this.#free.pop()!;
    this.#sequences[slot] = sequence;
    this.#dues[slot] = due;
    this.#connection.nc.publish(subject, data, this.#replies[slot]!);
  }

  get full(): boolean {
    return this.#free.length === 0;
  }

  close(): void {
    this.#inbox.unsubscribe();
  }

  #answer(slot: number, data: Uint8Array): void {
    this.#free.push(slot);
    this.#answered(this.#sequences[slot]!, this.#dues[slot]!, refusal(data));
  }
}

/** A PubAck is `{"stream":…}` or `{"error":…}`: told apart by its third byte, parsed only when it refuses. */
function refusal(data: Uint8Array): string | undefined {
  if (data[2] === 0x73 /* s */) return undefined;
  if (data.length === 0) return "no server answers for the stream (503)";
  const answer = JSON.parse(new TextDecoder().decode(data)) as { error?: { code: number; description: string } };
  return answer.error && `${answer.error.description} (${answer.error.code})`;
}
