import { createHistogram } from "node:perf_hooks";
import type { Latency } from "./types.mts";

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
    if (h.count === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
    const at = (p: number): number => h.percentile(p) / 1000;
    return { count: h.count, mean: h.mean / 1000, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: h.max / 1000 };
  }
}
