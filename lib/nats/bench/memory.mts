import { Histogram } from "./histogram.mts";
import type { FlowKind, FlowSpec } from "./types.mts";

/** What is known of a message: one byte of the ledger. */
export const ACKED = 1;
export const DELIVERED = 2;
export const REJECTED = 4;
/** its publisher waits for the stream's answer no longer */
export const GIVEN_UP = 8;

/** Counters of one thread; only it writes them. */
export const COUNTERS = ["sent", "acked", "rejected", "givenUp", "delivered", "duplicates", "redelivered", "foreign"] as const;
type Counter = (typeof COUNTERS)[number];
export const COUNTER = Object.fromEntries(COUNTERS.map((name, i) => [name, i])) as Record<Counter, number>;

/** What is counted second by second. */
export const SENT = 0;
export const STORED = 1;
export const TAKEN = 2;
const PER_SECOND = 3;

/** Seconds after the measured time for which arrivals are still told apart. */
export const DRAIN_SECONDS = 300;

/** Memory of one flow in one round, as it travels to the threads: only shared buffers and numbers. */
export interface FlowBuffers {
  kind: FlowKind;
  /** a byte per message */
  ledger: SharedArrayBuffer;
  /** per publisher: how many it has sent, and how many of these in the warm-up */
  publishers: SharedArrayBuffer;
  /** per worker: distinct messages */
  workers: SharedArrayBuffer;
  /** per thread */
  threads: { counters: SharedArrayBuffer; seconds: SharedArrayBuffer; publish: SharedArrayBuffer; delivery: SharedArrayBuffer; late: SharedArrayBuffer }[];
}

/** More than any cluster takes from here; pages that nobody writes to cost nothing. */
const MOST_PER_SECOND = 1_500_000;

export function flowBuffers(kind: FlowKind, spec: FlowSpec, seconds: number, threads: number): FlowBuffers {
  const messages = Math.ceil((spec.rate === "max" ? MOST_PER_SECOND : spec.rate) * seconds) + spec.publishers;
  return {
    kind,
    ledger: new SharedArrayBuffer(messages),
    publishers: new SharedArrayBuffer(16 * spec.publishers),
    workers: new SharedArrayBuffer(8 * spec.workers),
    threads: Array.from({ length: threads }, () => ({
      counters: new SharedArrayBuffer(8 * COUNTERS.length),
      seconds: new SharedArrayBuffer(8 * PER_SECOND * (seconds + DRAIN_SECONDS)),
      publish: new SharedArrayBuffer(Histogram.bytes),
      delivery: new SharedArrayBuffer(Histogram.bytes),
      late: new SharedArrayBuffer(Histogram.bytes),
    })),
  };
}

/** A flow's memory as one thread sees it: its own part to write, all to read. */
export class FlowMemory {
  readonly ledger: Uint8Array;
  /** of publisher p: [2p] sent, [2p + 1] of these in the warm-up */
  readonly publishers: Float64Array;
  readonly workers: Float64Array;
  readonly counters: Float64Array;
  readonly publish: Histogram;
  readonly delivery: Histogram;
  readonly late: Histogram;
  readonly #all: Float64Array[];
  readonly #seconds: Float64Array;

  constructor(buffers: FlowBuffers, thread: number) {
    const own = buffers.threads[thread]!;
    this.ledger = new Uint8Array(buffers.ledger);
    this.publishers = new Float64Array(buffers.publishers);
    this.workers = new Float64Array(buffers.workers);
    this.counters = new Float64Array(own.counters);
    this.publish = new Histogram(own.publish);
    this.delivery = new Histogram(own.delivery);
    this.late = new Histogram(own.late);
    this.#all = buffers.threads.map((t) => new Float64Array(t.counters));
    this.#seconds = new Float64Array(own.seconds);
  }

  /** Over all threads, as far as they have told. */
  sum(counter: Counter): number {
    let sum = 0;
    for (const counters of this.#all) sum += counters[COUNTER[counter]]!;
    return sum;
  }

  /** @param ms since the epoch of the round, which begins with the warm-up */
  second(ms: number, what: number, count = 1): void {
    const second = ms < 0 ? 0 : (ms / 1000) | 0;
    this.#seconds[Math.min(PER_SECOND * second + what, this.#seconds.length - PER_SECOND + what)]! += count;
  }
}

/** What was counted in a second by all threads. */
export function secondOf(buffers: FlowBuffers, second: number): [sent: number, acked: number, delivered: number] {
  const sum: [number, number, number] = [0, 0, 0];
  for (const { seconds } of buffers.threads) {
    const counts = new Float64Array(seconds, 8 * PER_SECOND * second, PER_SECOND);
    for (let i = 0; i < PER_SECOND; i++) sum[i]! += counts[i]!;
  }
  return sum;
}

/** The last second in which anything was counted. */
export function lastSecond(buffers: FlowBuffers): number {
  const all = buffers.threads.map(({ seconds }) => new Float64Array(seconds));
  for (let i = all[0]!.length - 1; i >= 0; i--) if (all.some((counts) => counts[i]! > 0)) return Math.floor(i / PER_SECOND);
  return 0;
}
