import { createHistogram } from "node:perf_hooks";
import type { Latency } from "./types.mts";

/** Dense where it matters: each of the last points halves, about, what is left beyond it. */
const POINTS = [
  0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.25, 99.5, 99.7, 99.8, 99.9, 99.95, 99.97, 99.98, 99.99, 99.995, 99.998, 99.999,
];

/** A latency histogram (HDR, three significant figures, one microsecond to ten minutes). */
export class Latencies {
  // Node's own histogram is an HdrHistogram: no dependency needed.
  readonly #histogram = createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 });

  record(ms: number): void {
    // 0 isn't recordable, and clocks of publishers and workers are one (clock.mts), so nothing is ever earlier than its send.
    this.#histogram.record(ms > 0.001 ? Math.min(Math.round(ms * 1000), 600_000_000) : 1);
  }

  summary(): Latency {
    const h = this.#histogram;
    if (h.count === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0, curve: [] };
    const at = (p: number): number => h.percentile(p) / 1000;
    // Beyond the last message there is nothing to tell.
    const told = POINTS.filter((p) => (1 - p / 100) * h.count >= 1);
    const curve = [...told.map((p): [number, number] => [p, p === 0 ? h.min / 1000 : at(p)]), [100, h.max / 1000] as [number, number]];
    return { count: h.count, mean: h.mean / 1000, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: h.max / 1000, curve };
  }
}
