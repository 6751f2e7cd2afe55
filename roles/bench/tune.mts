import { UsageError } from "../../lib/inventory/types.mts";
import { type RunOptions, runBench } from "../../lib/nats/bench/run.mts";
import { type Knob, mostTrials, type Search, type Setting, search, type Tuned } from "../../lib/nats/bench/tune.mts";
import type { BenchResult, BenchSpec, PullSpec } from "../../lib/nats/bench/types.mts";
import { type Flags, type Options, ownFlags } from "../../lib/playbook/cli.mts";
import type { ClusterRole, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { type Given, specOf } from "./options.mts";
import { progressLine } from "./show.mts";
import { showAdvice, showTrials, showTuning } from "./tune-show.mts";

export const tuneFlags = {
  tune: {
    type: "boolean",
    text: "find the window, batch, workers and partitions with which the pull way delivers most; what is given by flags stays as it is",
  },
} as const satisfies Flags;

/** Whether it is asked for. @throws UsageError for flags that don't go with it */
export function wantsTuning(options: Options, flags: Given): boolean {
  if (!ownFlags(tuneFlags, options).tune) return false;
  if (flags.flow.rate !== undefined) throw new UsageError("--tune finds the most that gets through; leave --rate out");
  if (flags.mode !== undefined && flags.mode !== "pull") throw new UsageError("--tune is about the pull way; leave --mode out");
  if (flags.run.rounds !== undefined) throw new UsageError("--tune takes as many rounds as it needs; leave --rounds out");
  return true;
}

const TASK = "tune the pull way";
/** Short, as there are many; long enough that a leader's burst is over. s */
const ROUND = { seconds: 3, warmUp: 1 };
/** Streams are made, their leaders placed, and removed again. s */
const AROUND = 3;
/** Values of each knob, the cheapest first. Servers answer 429 beyond 10,000 messages queued for one stream. */
const WINDOWS = [256, 1024, 4096, 8192];
const BATCHES = [64, 128, 256, 512];

export interface Tuning {
  flags: Given;
  /** nodes with JetStream */
  nodes: (cluster: Cluster) => number;
  from?: string;
  start?: RunOptions["start"];
}

/** Searches the settings with which most messages get through a stream to its workers. Short closed-loop rounds on temporary streams. */
export const tune = ({ flags, nodes, from, start }: Tuning): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "bench",
  list: () => [TASK],

  *tasks(cluster, signal) {
    const { bench } = cluster.hosts[0]!.vars;
    const spec = specOf(bench, { ...flags, mode: "pull", flow: { ...flags.flow, rate: "max" }, run: { ...ROUND, ...flags.run, rounds: 1 } }, nodes(cluster));
    const pull = spec.pull!;
    const knobs = knobsOf(flags, nodes(cluster));
    const first: Setting = { partitions: pull.partitions, window: pull.window, batch: pull.batch, workers: pull.workers, publishers: pull.publishers };
    const most = mostTrials({ start: first, knobs });
    yield {
      task: TASK,
      at: { file: "", line: 0 },
      async run(mode): Promise<TaskResult> {
        if (mode === "check") {
          showTuning(cluster, { spec, knobs: knobs.map(([knob, values]) => [knob, values(first)]), most, seconds: most * roundTime(spec), from });
          return { status: "skipped", reason: "offers load, so not under --check" };
        }
        const tuned = await search({
          start: first,
          knobs,
          measure: async (setting, why, trial) => {
            const tried = { ...spec, pull: { ...pull, ...setting, maxAckPending: ackPending(pull, setting) } };
            const say = (text: string): void => cluster.emit({ type: "task_progress", lane: cluster.name, role: "bench", task: TASK, text });
            const result = await runBench(cluster.target, tried, {
              signal,
              start,
              connect: start ? undefined : cluster.connect,
              progress: (p) => say(`${trial} of at most ${most}, ${why}: ${words(setting)} · ${progressLine(tried, p)}`),
            }).catch((error: Error) => {
              // The first one tells what is wrong with all; later ones what is wrong with a setting: no room for so many streams.
              if (trial === 1 || signal.aborted) throw error;
              return error;
            });
            return result instanceof Error ? { rate: 0, p99: 0, generator: false, wrong: result.message } : measured(result);
          },
        });
        showTrials(cluster, tuned);
        showAdvice(cluster, tuned, { ...pull, maxAckPending: ackPending(pull, tuned.best.setting) });
        return { status: "ok", reason: inShort(tuned) };
      },
    };
  },
});

function inShort({ best, start }: Tuned): string {
  const gain = start.median ? `${(best.median / start.median).toFixed(2)} times what the first setting gave` : "the first setting gave nothing";
  const doubt = best.wrong.length ? `, but it failed in one of its rounds, as all others did: ${best.wrong[0]}` : "";
  return `${Math.round(best.median)} msg/s with ${words(best.setting)}, ${gain}${doubt}`;
}

const words = (s: Setting): string =>
  `${s.partitions} partition${s.partitions > 1 ? "s" : ""}, window ${s.window}, batch ${s.batch}, ${s.workers} workers, ${s.publishers} publishers`;

/** What a flag says isn't searched. */
function knobsOf({ flow, pull }: Given, nodes: number): Search["knobs"] {
  const given: Partial<Record<Knob, unknown>> = { ...flow, ...pull };
  const multiples = nodes > 1 ? [1, nodes, 2 * nodes] : [1, 2, 4];
  const workers = ({ partitions }: Setting): number[] => [1, 2, 4].map((n) => n * Math.max(3, partitions));
  const publishers = (): number[] => [3, 6];
  const all: Search["knobs"] = [
    ["partitions", ({ partitions }) => including(partitions, multiples)],
    ["window", ({ window }) => including(window, WINDOWS)],
    ["batch", ({ batch }) => including(batch, BATCHES)],
    ["workers", (s) => including(s.workers, workers(s))],
    ["publishers", (s) => including(s.publishers, publishers())],
  ];
  return all.filter(([knob]) => given[knob] === undefined);
}

const including = (one: number, values: readonly number[]): number[] => [...new Set([one, ...values])].sort((a, b) => a - b);

/** Two requests of each worker open must fit in, or the workers wait for their own acknowledgements. */
const ackPending = (pull: PullSpec, s: Setting): number => Math.max(pull.maxAckPending, 4 * Math.ceil(s.workers / s.partitions) * s.batch);

const roundTime = ({ seconds, warmUp }: BenchSpec): number => seconds + warmUp + AROUND;

function measured({ summary, verdict, generator }: BenchResult): { rate: number; p99: number; wrong?: string; generator: boolean } {
  const { rate, latency } = summary.find((s) => s.kind === "pull")!;
  const failed = verdict.find((v) => v.status === "failed");
  return { rate: rate.delivered.median, p99: latency.delivery.p99.median, generator: generator.bottleneck, ...(failed && { wrong: failed.text }) };
}
