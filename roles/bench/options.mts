import { UsageError } from "../../lib/inventory/types.mts";
import { sizeBytes } from "../../lib/inventory/units.mts";
import { type BenchOptions, settleBench } from "../../lib/nats/bench/spec.mts";
import type { BenchSpec, Rate } from "../../lib/nats/bench/types.mts";
import { type Flags, type Options, ownFlags } from "../../lib/playbook/cli.mts";
import type { Vars } from "../schema.mts";

export const flags = {
  mode: { type: "string", value: "push|pull|mixed", text: "what is measured; mixed: both at the same time (bench.mode)" },
  rate: { type: "string", value: "N|max", text: "messages per second offered to each way; max: as many as get through (bench.rate)" },
  size: { type: "string", value: "SIZE", text: "of a message, for example 128 or 4KB (bench.payload)" },
  seconds: { type: "string", value: "N", text: "seconds of a round that are measured (bench.seconds)" },
  "warm-up": { type: "string", value: "N", text: "seconds before it that aren't counted (bench.warm_up)" },
  rounds: { type: "string", value: "N", text: "measure N times; the figures are the medians (bench.rounds)" },
  publishers: { type: "string", value: "N", text: "connections that publish, each way" },
  workers: { type: "string", value: "N", text: "queue subscribers, and pull workers" },
  threads: { type: "string", value: "N", text: "threads of the load generator (bench.threads)" },
  window: { type: "string", value: "N", text: "most messages under way, each way" },
  batch: { type: "string", value: "N", text: "messages that a pull worker asks for at a time" },
  ingest: { type: "string", value: "single|fast", text: "single: each message with its own acknowledgement; fast: one for many (from nats-server 2.14)" },
  acks: { type: "string", value: "explicit|all|none", text: "ack_policy of the consumers" },
  replicas: { type: "string", value: "N", text: "of the temporary streams" },
  storage: { type: "string", value: "file|memory", text: "of the temporary streams" },
  partitions: { type: "string", value: "N", text: "streams over which the pull side's messages are spread" },
  subjects: { type: "string", value: "N", text: "distinct subjects that the messages go to in turn" },
  from: { type: "string", value: "HOST", text: "run the load generator on this host of the inventory; it takes Node.js 20 there" },
  check: { type: "boolean", short: "C", text: "offer nothing, say what would be offered to which nodes" },
} as const satisfies Flags;

/** What the flags say, checked as far as it can be without an inventory. */
export interface Given {
  mode?: "push" | "pull" | "mixed";
  /** for both ways */
  flow: { rate?: Rate; payload?: number; publishers?: number; workers?: number; window?: number; subjects?: number };
  pull: { batch?: number; ingest?: "single" | "fast"; ack?: "explicit" | "all" | "none"; replicas?: number; storage?: "file" | "memory"; partitions?: number };
  run: { seconds?: number; warmUp?: number; rounds?: number; threads?: number };
  from?: string;
}

/** @throws UsageError */
export function given(options: Options): Given {
  const f = ownFlags(flags, options);
  const whole = (name: keyof typeof flags, least = 1): number | undefined => {
    const text = f[name] as string | undefined;
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text) || Number(text) < least)
      throw new UsageError(`--${name} takes ${name === "rate" ? "messages per second, or max" : `a whole number from ${least}`}, not "${text}"`);
    return Number(text);
  };
  const one = <const T extends string>(name: keyof typeof flags, ...values: T[]): T | undefined => {
    const text = f[name] as string | undefined;
    if (text === undefined) return undefined;
    const found = values.find((value) => value === text);
    if (!found) throw new UsageError(`--${name} is one of ${values.join(", ")}, not "${text}"`);
    return found;
  };
  return {
    mode: one("mode", "push", "pull", "mixed"),
    flow: {
      rate: f.rate === "max" ? "max" : whole("rate"),
      payload: size(f.size),
      publishers: whole("publishers"),
      workers: whole("workers"),
      window: whole("window"),
      subjects: whole("subjects"),
    },
    pull: {
      batch: whole("batch"),
      ingest: one("ingest", "single", "fast"),
      ack: one("acks", "explicit", "all", "none"),
      replicas: whole("replicas"),
      storage: one("storage", "file", "memory"),
      partitions: whole("partitions"),
    },
    run: { seconds: whole("seconds"), warmUp: whole("warm-up", 0), rounds: whole("rounds"), threads: whole("threads") },
    from: f.from,
  };
}

function size(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = sizeBytes(text);
  if (bytes === undefined) throw new UsageError(`--size takes bytes, for example 128 or 4KB, not "${text}"`);
  return bytes;
}

const defined = <T extends object>(part: T): Partial<T> => Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as Partial<T>;

/** The inventory's profile with the flags above it. @param jetstreamNodes how many there are. @throws UsageError */
export function specOf(bench: Vars["bench"], flags: Given, jetstreamNodes: number): BenchSpec {
  const { mode = bench.mode, flow, run } = flags;
  const { payload, subjects } = bench;
  const common = { payload, subjects };
  const { rate: pushRate = bench.rate, ...push } = bench.push;
  const { rate: pullRate = bench.rate, max_ack_pending: maxAckPending, ...pull } = bench.pull;
  const partitions = flags.pull.partitions ?? pull.partitions;
  // A worker for each partition is no less than the inventory's own number when the flags ask for more partitions.
  const workers = pull.workers === undefined ? undefined : Math.max(pull.workers, partitions);
  const options: BenchOptions = {
    ...(mode !== "pull" && { push: { ...common, rate: pushRate, ...push, ...defined(flow) } }),
    ...(mode !== "push" && {
      pull: {
        replicas: Math.min(3, jetstreamNodes),
        ...common,
        rate: pullRate,
        maxAckPending,
        ...defined({ ...pull, workers }),
        ...defined(flow),
        ...defined(flags.pull),
      },
    }),
    ...{ seconds: bench.seconds, warmUp: bench.warm_up, rounds: bench.rounds, threads: bench.threads },
    ...defined(run),
  };
  const spec = settleBench(options);
  if (spec.pull && spec.pull.replicas > jetstreamNodes)
    throw new UsageError(
      `bench: ${spec.pull.replicas} replicas, and ${jetstreamNodes === 1 ? "one node" : `${jetstreamNodes} nodes`} with JetStream; ask for fewer (--replicas)`,
    );
  return spec;
}
