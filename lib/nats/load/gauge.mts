import { performance } from "node:perf_hooks";
import type { Latencies } from "./latency.mts";
import type { GeneratorLoad } from "./types.mts";

/** Starts to measure what this process itself takes; call the result when the load is over. */
export function gauge(): (late: Latencies) => GeneratorLoad {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const start = performance.now();
  return (late) => {
    const used = process.cpuUsage(cpu);
    const utilization = performance.eventLoopUtilization(loop).utilization;
    return {
      cpu: (used.user + used.system) / 1000 / (performance.now() - start),
      loop: utilization,
      late: late.summary().p99,
      // A loop that is busy nine tenths of the time can't be trusted to have offered and read in time.
      bottleneck: utilization > 0.9,
    };
  };
}
