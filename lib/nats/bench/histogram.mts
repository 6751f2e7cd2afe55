import type { LatencyResult } from "./types.mts";

/** Microseconds up to which a value can be told, a little over nine minutes; what is longer counts as this. */
const MOST = 2 ** 29 - 1;
/** Values of one power of two share 1024 buckets, so that a value is told to a thousandth; below 2048 µs each has its own. */
const SHIFT = 10;
const BUCKETS = (28 - SHIFT + 2) << SHIFT;

/**
 * A latency histogram after HdrHistogram (log-linear buckets) in memory that threads share: each thread writes its own, and they are
 * added up by whoever wants to know.
 */
export class Histogram {
  static readonly bytes = 4 * BUCKETS;
  readonly counts: Uint32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Histogram.bytes)) {
    this.counts = new Uint32Array(memory);
  }

  /** @param ms less than nothing counts as nothing */
  record(ms: number): void {
    const us = ms <= 0 ? 0 : ms >= MOST / 1000 ? MOST : (ms * 1000 + 0.5) | 0;
    const shift = us < 2048 ? 0 : 31 - Math.clz32(us) - SHIFT;
    this.counts[(shift << SHIFT) + (us >>> shift)]!++;
  }

  add(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.counts[i]! += other.counts[i]!;
  }

  /** Milliseconds. A bucket is told by its highest value, so that no latency is told too low. */
  summary(): LatencyResult {
    let count = 0;
    let sum = 0;
    let last = 0;
    for (let i = 0; i < BUCKETS; i++) {
      const n = this.counts[i]!;
      if (n === 0) continue;
      count += n;
      sum += n * highest(i);
      last = i;
    }
    if (count === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0, distribution: [] };
    const at = this.#percentiles(count, [50, 90, 99, 99.9, ...POINTS]);
    const [p50, p90, p99, p999] = at as [number, number, number, number];
    return {
      count,
      mean: sum / count / 1000,
      p50,
      p90,
      p99,
      p999,
      max: highest(last) / 1000,
      distribution: POINTS.map((percentile, i) => ({ percentile, ms: at[4 + i]! })),
    };
  }

  #percentiles(count: number, wanted: readonly number[]): number[] {
    const order = wanted.map((p, i) => ({ rank: Math.max(1, Math.ceil((p / 100) * count - 1e-9)), i })).sort((a, b) => a.rank - b.rank);
    const found = wanted.map(() => 0);
    let seen = 0;
    let next = 0;
    for (let i = 0; i < BUCKETS && next < order.length; i++) {
      seen += this.counts[i]!;
      while (next < order.length && seen >= order[next]!.rank) found[order[next++]!.i] = highest(i) / 1000;
    }
    return found;
  }
}

/** Where a chart of the distribution has its points: denser towards the end, as what is rare is what hurts. */
const POINTS = [0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.995, 99.999, 100];

/** The highest of a bucket's values, µs. */
function highest(index: number): number {
  if (index < 2048) return index;
  const shift = (index >>> SHIFT) - 1;
  return ((index - (shift << SHIFT) + 1) << shift) - 1;
}
