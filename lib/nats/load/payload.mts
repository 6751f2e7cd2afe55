/**
 * Every message begins with 12 bytes, little endian: tag of the run, sequence number from 0, microseconds after the run's
 * epoch at which it was due (a u32 holds 71 minutes).
 */
export const HEADER = 12;

const u32 = (b: Uint8Array, at: number): number => (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;

function put(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
  b[at + 2] = value >>> 16;
  b[at + 3] = value >>> 24;
}

/** @returns the sequence number, or -1 when the message isn't of this run */
export const sequenceOf = (data: Uint8Array, tag: number): number => (data.length >= HEADER && u32(data, 0) === tag ? u32(data, 4) : -1);

/** @returns milliseconds after the epoch at which the message was due */
export const dueOf = (data: Uint8Array): number => u32(data, 8) / 1000;

/**
 * Payload buffers used in turn, one ring per connection, so that sending allocates nothing.
 *
 * nats.js keeps references until it flushes: on the next microtask or at 32 KiB of outbound data (its FLUSH_THRESHOLD). A
 * message takes 40 bytes there at least, so fewer than 820 are ever waiting, and a ring of 1024 isn't overwritten too early,
 * as long as nothing is published on a connection that is down.
 */
export class PayloadRing {
  readonly #tag: number;
  readonly #buffers: Uint8Array[];
  #next = 0;

  constructor(tag: number, bytes: number) {
    this.#tag = tag;
    const slab = new Uint8Array(1024 * bytes).fill(0x78);
    this.#buffers = Array.from({ length: 1024 }, (_, i) => slab.subarray(i * bytes, (i + 1) * bytes));
  }

  /** @param due milliseconds after the epoch */
  take(sequence: number, due: number): Uint8Array {
    const buffer = this.#buffers[this.#next]!;
    this.#next = (this.#next + 1) & 1023;
    put(buffer, 0, this.#tag);
    put(buffer, 4, sequence);
    put(buffer, 8, due * 1000);
    return buffer;
  }
}

/** A message of its own, for loads that are too slow to need a ring: tag and number, no time. */
export function message(tag: number, sequence: number, bytes: number): Uint8Array {
  const data = new Uint8Array(bytes).fill(0x78);
  put(data, 0, tag);
  put(data, 4, sequence);
  put(data, 8, 0);
  return data;
}
