import type { BenchResult, FlowSummary, LatencyResult, Percentile, RoundResult, Spread } from "./types.mts";

const PERCENTILES = ["p50", "p90", "p99", "p999", "max"] as const satisfies Percentile[];

/** The middle of the rounds: of an even number the lower of the two in the middle, so that it is a figure that was measured. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, least: sorted[0] ?? 0, most: sorted.at(-1) ?? 0 };
}

/** All rounds together. */
export function summarize(rounds: readonly RoundResult[]): Pick<BenchResult, "summary" | "generator"> {
  const kinds = rounds[0]?.flows.map((f) => f.kind) ?? [];
  return {
    summary: kinds.map((kind, i): FlowSummary => {
      const flows = rounds.map((r) => r.flows[i]!);
      const sum = (of: (f: (typeof flows)[number]) => number): number => flows.reduce((n, f) => n + of(f), 0);
      const over = (of: (f: (typeof flows)[number]) => number): Spread => spread(flows.map(of));
      return {
        kind,
        rate: { offered: flows[0]!.rate.offered, sent: over((f) => f.rate.sent), acked: over((f) => f.rate.acked), delivered: over((f) => f.rate.delivered) },
        latency: {
          publish: kind === "pull" ? percentiles(flows.map((f) => f.latency.publish!)) : null,
          delivery: percentiles(flows.map((f) => f.latency.delivery)),
        },
        sent: sum((f) => f.sent),
        unsent: sum((f) => f.unsent),
        acked: sum((f) => f.acked),
        rejected: sum((f) => f.rejected),
        unacked: sum((f) => f.unacked),
        delivered: sum((f) => f.delivered),
        duplicates: sum((f) => f.duplicates),
        redelivered: sum((f) => f.redelivered),
        lost: sum((f) => f.lost),
      };
    }),
    generator: {
      cpu: spread(rounds.map((r) => r.generator.cpu)),
      loop: spread(rounds.map((r) => Math.max(0, ...r.generator.threads.map((t) => t.loop)))),
      bottleneck: rounds.some((r) => r.generator.bottleneck),
    },
  };
}

const percentiles = (latencies: readonly LatencyResult[]): Record<Percentile, Spread> =>
  Object.fromEntries(PERCENTILES.map((p) => [p, spread(latencies.map((l) => l[p]))])) as Record<Percentile, Spread>;
