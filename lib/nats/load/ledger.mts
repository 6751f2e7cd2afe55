import { dueOf, sequenceOf } from "./payload.mts";

const ACKED = 1;
const DELIVERED = 2;

/** Accounts for every message of a run, one byte each: none is sampled, none is inferred from a counter. */
export class Ledger {
  readonly tag: number;
  readonly total: number;
  readonly #state: Uint8Array;
  sent = 0;
  acked = 0;
  delivered = 0;
  duplicates = 0;
  foreign = 0;

  constructor(total: number, tag: number) {
    this.#state = new Uint8Array(total);
    this.total = total;
    this.tag = tag;
  }

  ack(sequence: number): void {
    if ((this.#state[sequence]! & ACKED) !== 0) return;
    this.#state[sequence]! |= ACKED;
    this.acked++;
  }

  /** @returns milliseconds after the epoch at which the message was due, or -1 when this delivery doesn't count */
  deliver(data: Uint8Array): number {
    const sequence = sequenceOf(data, this.tag);
    if (sequence < 0 || sequence >= this.sent) {
      this.foreign++;
      return -1;
    }
    if ((this.#state[sequence]! & DELIVERED) !== 0) {
      this.duplicates++;
      return -1;
    }
    this.#state[sequence]! |= DELIVERED;
    this.delivered++;
    return dueOf(data);
  }

  /** Acknowledged by the stream (or, with `of: "sent"`, merely sent), and never delivered. */
  lost(of: "sent" | "acked"): { count: number; at: number[] } {
    const at: number[] = [];
    let count = 0;
    for (let i = 0; i < this.sent; i++) {
      const state = this.#state[i]!;
      if ((state & DELIVERED) !== 0 || (of === "acked" && (state & ACKED) === 0)) continue;
      if (count++ < 5) at.push(i);
    }
    return { count, at };
  }
}
