import { UsageError } from "../../lib/inventory/types.mts";
import { type RunOptions, runBench } from "../../lib/nats/bench/run.mts";
import type { BenchResult, BenchSpec } from "../../lib/nats/bench/types.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterRole } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { topologyOf } from "../verify/shown.mts";
import { missed } from "./goals.mts";
import { progressLine, show, showPlan, told } from "./show.mts";

// asked for by no line of the inventory
const at = { file: "", line: 0 };

export interface Asked {
  specOf: (cluster: Cluster) => BenchSpec;
  /** the host on which the generator runs; absent: this machine */
  from?: string;
  start?: RunOptions["start"];
}

/** Offers a cluster load and measures what becomes of it. Temporary subjects and streams, which it removes. */
export const bench = ({ specOf, from, start }: Asked): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "bench",
  list: (cluster) => [told(specOf(cluster))],

  *tasks(cluster, signal) {
    const spec = specOf(cluster);
    const task = told(spec);
    yield {
      task,
      at,
      async run(mode) {
        if (mode === "check") {
          showPlan(cluster, spec, from);
          return { status: "skipped", reason: "offers load, so not under --check" };
        }
        const result = await measure();
        show(cluster, result);
        // Only the page shows it: nothing is lost where the servers can't be asked from here.
        const state = await observe(cluster.target, cluster.connect).catch(() => undefined);
        if (state) cluster.emit(topologyOf(cluster.name, state));
        const wrong = [...result.verdict.filter((v) => v.status === "failed").map((v) => v.text), ...missed(result, cluster.hosts[0]!.vars.bench.goals)];
        if (wrong.length) return { status: "failed", failure: { what: wrong.join("; "), next: nextStep(result) } };
        return { status: "ok", reason: result.verdict.flatMap((v) => (v.status === "ok" ? [v.text] : [])).join(" · ") };
      },
    };

    function measure(): Promise<BenchResult> {
      return runBench(cluster.target, spec, {
        signal,
        start,
        // From a host of the cluster's own network its nodes are where they find each other.
        connect: start ? undefined : cluster.connect,
        progress: (p) => cluster.emit({ type: "task_progress", lane: cluster.name, role: "bench", task, text: progressLine(spec, p) }),
      }).catch((error: unknown) => {
        if (error instanceof UsageError) throw Object.assign(new Error(error.lines.join("; ")), { failure: { what: error.lines.join("; ") } });
        throw error;
      });
    }
  },
});

function nextStep({ generator, verdict }: BenchResult): string {
  if (generator.bottleneck) return "give the generator more --threads or a machine of its own (--from HOST) before the figures are believed";
  const piled = verdict.some((v) => v.status === "failed" && /keep up/.test(v.text));
  return piled
    ? "offer less, or spread the pull side (--partitions, --workers, --batch); what bounds it shows in the nodes' CPU"
    : "look at the servers' logs (journalctl -u nats-server) from the time of this run";
}
