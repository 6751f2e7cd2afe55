/**
 * What the load generator is asked and what it tells. Everything here is plain JSON: it travels to the generator's own process and back,
 * `--json` tells it in an event, and the report page is drawn from it.
 */

/** Push: a core NATS queue group. Pull: a JetStream durable that workers pull from. */
export type FlowKind = "push" | "pull";

/** Messages per second that are offered whatever becomes of them (open loop), or as fast as the window lets (closed loop). */
export type Rate = number | "max";

export interface FlowSpec {
  rate: Rate;
  /** bytes of a message */
  payload: number;
  /** connections that publish, spread over the nodes */
  publishers: number;
  /** queue subscribers, or pull workers, spread over the nodes; pull: at least one per partition */
  workers: number;
  /** Most messages under way of the whole flow. Push: sent and not yet delivered. Pull: sent and not yet acknowledged by the stream. */
  window: number;
  /** distinct subjects that the messages go to in turn (of each partition) */
  subjects: number;
}

export type PushSpec = FlowSpec;

export interface PullSpec extends FlowSpec {
  /** messages that a worker asks for at a time; it keeps two such requests open */
  batch: number;
  /** how messages get into the stream: each with its own acknowledgement, or by fast ingest (2.14), one acknowledgement for many */
  ingest: "single" | "fast";
  /** the consumer's ack policy; with `all` a worker acknowledges the last message of each batch */
  ack: "explicit" | "all" | "none";
  /** of streams and consumers */
  replicas: number;
  storage: "file" | "memory";
  /** streams over which the messages are spread, their leaders over the nodes */
  partitions: number;
  /** the consumer's max_ack_pending */
  maxAckPending: number;
  /** Closed loop only: most messages that are stored and not yet delivered, so that the figure is what gets through and not what gets in. */
  backlog: number;
}

/** With both flows they run at once: the mixed mode. At least one is there. */
export interface BenchSpec {
  push?: PushSpec;
  pull?: PullSpec;
  /** measured time of a round, whole seconds */
  seconds: number;
  /** whole seconds before, under the same load, that aren't counted */
  warmUp: number;
  rounds: number;
  /** threads of the generator; with two or more, publishers and workers have their own */
  threads: number;
}

/** Milliseconds. Delivery counts from the moment a message was due to be sent, so that a stalled sender can't hide a slow cluster; in a closed loop from when it was sent. */
export interface LatencyResult {
  count: number;
  mean: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
  /** the distribution for a chart: rising; `percentile` 0..100, the last one 100 */
  distribution: { percentile: number; ms: number }[];
}

/** One second of a flow. `at`: seconds from the beginning of the measured time; negative in the warm-up, from `seconds` on while what was under way arrives. */
export interface FlowSample {
  at: number;
  /** in this second */
  sent: number;
  acked: number;
  delivered: number;
  /** pull: of all the consumers as the server tells at the end of this second; null when it didn't answer in time */
  ackPending: number | null;
  numPending: number | null;
}

/** What the generator itself took, to tell its limits from the cluster's. */
export interface GeneratorSample {
  /** CPU of the whole process in cores: 1 = one core fully used */
  cpu: number;
  /** most resident bytes of the process so far, all threads and the account of every message included */
  memory: number;
  /** of each thread: share of the time in which its event loop was busy, 0..1 */
  threads: { name: string; loop: number }[];
  /** p99 of how late the publishers came to their own schedule, ms; 0 in a closed loop */
  late: number;
  /** The figures are the generator's limit, not the cluster's; `why` says how that shows. */
  bottleneck: boolean;
  why?: string;
}

/** Messages of the measured time, each followed by its number. */
export interface FlowRound {
  kind: FlowKind;
  /** open loop: rate × seconds; closed loop: what was sent */
  planned: number;
  sent: number;
  /** planned, but held back by the window until the time was over */
  unsent: number;
  /** pull: stored, says the stream. push: 0 */
  acked: number;
  /** pull: refused by the stream, with the first reason */
  rejected: number;
  rejection?: string;
  /** pull: sent and never answered: stored or not, nobody knows */
  unacked: number;
  /** distinct messages that reached a worker */
  delivered: number;
  /** further deliveries of a message that had been delivered */
  duplicates: number;
  /** pull: deliveries that the server itself marks as repeated */
  redelivered: number;
  /** push: sent, and no worker got it. pull: acknowledged by the stream, and no worker got it */
  lost: number;
  /** numbers of up to five of them */
  lostAt: number[];
  /** pull: stored, and still waiting for a worker when the time to catch up was over: late, not lost */
  waiting: number;
  /** lost out of the warm-up's messages, which are counted nowhere else */
  lostInWarmUp: number;
  /** messages on the flow's subjects that aren't of this round */
  foreign: number;
  /** Per second, over the measured time only: what came later is in no rate. `offered` is null in a closed loop. */
  rate: { offered: number | null; sent: number; acked: number; delivered: number };
  /** `publish`: pull only, until the stream's acknowledgement */
  latency: { publish: LatencyResult | null; delivery: LatencyResult };
  samples: FlowSample[];
  /** distinct messages per worker */
  workers: { node: string; delivered: number }[];
  /** pull: the consumers after the round: all 0 when every message was acknowledged */
  consumer: { pending: number; ackPending: number; redelivered: number } | null;
  /** pull: who led each partition's stream and consumer when the round began; empty for a single server */
  partitions: { stream: string; leader: string; consumerLeader: string }[];
  /** Backlog (ack pending + num pending) that grows all through the measured time: messages per second; 0 when it doesn't grow. */
  backlogGrowth: number;
}

/** What a server took in one second, by its own account ($SYS VARZ). */
export interface NodeSample {
  at: number;
  /** percent of one core, as nats-server tells it */
  cpu: number;
  /** resident bytes */
  memory: number;
  /** bytes and messages per second since the sample before */
  inBytes: number;
  outBytes: number;
  inMessages: number;
  outMessages: number;
  slowConsumers: number;
}

export interface RoundResult {
  /** epoch ms of the beginning of the measured time */
  startedAt: number;
  flows: FlowRound[];
  nodes: { node: string; samples: NodeSample[] }[];
  generator: GeneratorSample;
  /** connections lost and errors told by servers, one line each; the first twenty */
  errors: string[];
}

/** The middle of the rounds, and how far they lie apart. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

export interface FlowSummary {
  kind: FlowKind;
  rate: { offered: number | null; sent: Spread; acked: Spread; delivered: Spread };
  latency: { publish: Record<Percentile, Spread> | null; delivery: Record<Percentile, Spread> };
  /** of all rounds together */
  sent: number;
  unsent: number;
  acked: number;
  rejected: number;
  unacked: number;
  delivered: number;
  duplicates: number;
  redelivered: number;
  lost: number;
}
export type Percentile = "p50" | "p90" | "p99" | "p999" | "max";

/** One line that an engineer reads first. `failed` ones make the exit status 1. */
export interface Verdict {
  status: "ok" | "failed" | "note";
  text: string;
}

export interface BenchResult {
  spec: BenchSpec;
  /** epoch ms */
  startedAt: number;
  /** name of the cluster; empty for a single server */
  cluster: string;
  /** what answered: name and version */
  servers: { name: string; version: string }[];
  /** where the generator ran */
  machine: { host: string; cpus: number; cpu: string; memory: number; node: string };
  /** nodes that were reached through an SSH forward: the figures are then those of the tunnel */
  tunnelled: string[];
  rounds: RoundResult[];
  summary: FlowSummary[];
  /** CPU of the generator in cores, and of the busiest of its threads the loop's share */
  generator: { cpu: Spread; loop: Spread; bottleneck: boolean };
  /** failed ones first */
  verdict: Verdict[];
}

/** Told while it runs, once a second. */
export interface BenchProgress {
  /** from 1 */
  round: number;
  phase: "preparing" | "warm-up" | "measuring" | "draining";
  /** seconds from the beginning of the measured time */
  at: number;
  flows: { kind: FlowKind; sent: number; acked: number; delivered: number; ackPending: number | null; numPending: number | null }[];
}
