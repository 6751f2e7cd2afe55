import { UsageError } from "../../inventory/types.mts";
import { HEADER } from "./frames.mts";
import type { BenchSpec, FlowSpec, PullSpec } from "./types.mts";

/** Each message takes a byte of memory, and its number has ten digits. */
const MOST_MESSAGES = 500_000_000;
/** A u32 of microseconds holds the time of a round. */
const MOST_SECONDS = 3600;

const FLOW: FlowSpec = { rate: 20_000, payload: 128, publishers: 3, workers: 3, window: 4096, subjects: 1 };
const PULL: PullSpec = {
  ...FLOW,
  batch: 128,
  ingest: "single",
  ack: "explicit",
  replicas: 3,
  storage: "file",
  partitions: 1,
  // The article's LOGS / pull-worker.
  maxAckPending: 50_000,
  backlog: 20_000,
};

export type BenchOptions = Partial<Omit<BenchSpec, "push" | "pull">> & { push?: Partial<FlowSpec>; pull?: Partial<PullSpec> };

/** Fills in the defaults: the article's load. @throws UsageError */
export function settleBench(o: BenchOptions): BenchSpec {
  const defined = <T extends object>(part: T): T => Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as T;
  const partitions = o.pull?.partitions ?? 1;
  const spec: BenchSpec = {
    // A core subscriber is cut off when its server has 64 MiB waiting for it (max_pending): this stays far below.
    ...(o.push && {
      push: { ...FLOW, workers: 6, window: Math.min(32_768, Math.floor(16_777_216 / ((o.push.payload ?? FLOW.payload) + 128))), ...defined(o.push) },
    }),
    ...(o.pull && { pull: { ...PULL, workers: Math.max(3, partitions), ...defined(o.pull) } }),
    seconds: o.seconds ?? 10,
    warmUp: o.warmUp ?? 2,
    rounds: o.rounds ?? 1,
    threads: o.threads ?? 2,
  };
  const wrong = [...problems(spec)];
  if (wrong.length) throw new UsageError(wrong.map((text) => `bench: ${text}`));
  return spec;
}

function* problems(spec: BenchSpec): Generator<string> {
  const { push, pull, seconds, warmUp, rounds, threads } = spec;
  if (!push && !pull) yield "nothing to do; ask for push, pull or both";
  yield* whole({ seconds, rounds, threads }, 1);
  yield* whole({ "warm-up": warmUp }, 0);
  if (seconds + warmUp > MOST_SECONDS) yield `${seconds + warmUp} seconds a round; keep it below ${MOST_SECONDS}`;
  if (threads > 64) yield `${threads} threads; 64 at most`;
  for (const flow of [push, pull]) if (flow) yield* flowProblems(flow === push ? "push" : "pull", flow, seconds + warmUp);
  if (!pull) return;
  yield* whole({ batch: pull.batch, replicas: pull.replicas, partitions: pull.partitions, max_ack_pending: pull.maxAckPending, backlog: pull.backlog }, 1);
  if (pull.workers < pull.partitions) yield `${pull.workers} pull workers for ${pull.partitions} partitions; each partition needs one at least`;
}

function* flowProblems(kind: string, flow: FlowSpec, seconds: number): Generator<string> {
  const { rate, payload, publishers, workers, window, subjects } = flow;
  yield* whole({ [`${kind} publishers`]: publishers, [`${kind} workers`]: workers, [`${kind} subjects`]: subjects, [`${kind} window`]: window }, 1);
  if (rate !== "max" && !(rate > 0)) yield `${kind} rate ${rate}; give messages per second above 0, or max`;
  if (rate !== "max" && rate * seconds > MOST_MESSAGES) yield `${rate} msg/s for ${seconds} s; keep below ${MOST_MESSAGES} messages`;
  if (!(Number.isInteger(payload) && payload >= HEADER + 4))
    yield `payload of ${payload} bytes; use ${HEADER + 4} or more, a message carries its number and time`;
  if (window < publishers) yield `${kind} window ${window} for ${publishers} publishers; each needs one message at least`;
}

function* whole(numbers: Record<string, number>, least: number): Generator<string> {
  for (const [name, value] of Object.entries(numbers))
    if (!(Number.isInteger(value) && value >= least)) yield `${name} ${value}; use a whole number from ${least}`;
}
