import { milliseconds } from "../../lib/inventory/units.mts";
import type { BenchResult } from "../../lib/nats/bench/types.mts";
import type { Vars } from "../schema.mts";

/** Lines about the goals of the inventory that weren't reached; the medians count. */
export function missed({ summary }: Pick<BenchResult, "summary">, goals: Vars["bench"]["goals"]): string[] {
  return summary.flatMap(({ kind, rate, latency }) => {
    const { rate: least, p99 } = goals[kind];
    const lines: string[] = [];
    if (least !== undefined && rate.delivered.median < least)
      lines.push(`${kind}: ${Math.round(rate.delivered.median)} msg/s delivered, goal ${least} (bench.goals.${kind}.rate)`);
    if (p99 !== undefined && latency.delivery.p99.median > milliseconds(p99))
      lines.push(`${kind}: p99 ${latency.delivery.p99.median.toFixed(1)} ms, goal ${p99} (bench.goals.${kind}.p99)`);
    return lines;
  });
}
