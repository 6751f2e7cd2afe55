import type { NatsConnection } from "nats";

/** A connection to one given node of the cluster (its server_name). */
export interface LoadConnection {
  node: string;
  nc: NatsConnection;
}

/** Publishers take turns message by message; each worker is one queue subscriber or one puller. */
export interface LoadConnections {
  publishers: readonly LoadConnection[];
  workers: readonly LoadConnection[];
}

export interface LoadOptions {
  /** offered messages per second, all publishers together; default 20,000 (the article's load) */
  rate?: number;
  /** default 3 */
  seconds?: number;
  /** bytes per message, 16 at least; default 128 as `nats bench` has it */
  payload?: number;
  /** first tokens of the temporary subjects; default `_sampan.verify` */
  base?: string;
  /** names the run in subjects and stream; default: made up */
  id?: string;
  /** messages under way before the publishers hold back */
  window?: number;
  /** ms without progress after which what is missing counts as lost; default 10,000 */
  patience?: number;
  signal?: AbortSignal;
}

/** Milliseconds. Counted from the moment a message was due to be sent, so that a stalled sender can't hide a slow cluster. */
export interface Latency {
  count: number;
  mean: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
  /** percentile and latency, rising, up to the 100th: enough points to draw it */
  curve: [percentile: number, ms: number][];
}

/** What the generator itself took while it ran, to tell its limits from the cluster's. */
export interface GeneratorLoad {
  /** CPU of this whole process, in cores: 1 = one core fully used */
  cpu: number;
  /** share of the time in which the event loop was busy, 0..1 */
  loop: number;
  /** p99 of how late it came to its own schedule, ms */
  late: number;
  /** the figures are the generator's limit, not the cluster's */
  bottleneck: boolean;
}

export interface WorkerShare {
  node: string;
  worker: number;
  delivered: number;
  share: number;
}

interface Result {
  subject: string;
  /** rate × seconds */
  planned: number;
  sent: number;
  /** planned, but held back by the window until the time was over */
  unsent: number;
  /** distinct messages of this run that reached a worker */
  delivered: number;
  /** further deliveries of a message that had been delivered */
  duplicates: number;
  lost: number;
  /** sequence numbers of up to five lost messages */
  lostAt: number[];
  /** messages on the run's subject that aren't the run's */
  foreign: number;
  workers: WorkerShare[];
  generator: GeneratorLoad;
  /** connections lost and errors told by servers, one line each */
  errors: string[];
  payload: number;
  seconds: number;
  ms: number;
}

export interface PushResult extends Result {
  kind: "push";
  /** messages per second */
  rate: { offered: number; sent: number; delivered: number };
  latency: { delivery: Latency };
  /** pairs of nodes between which a message didn't get through before the load began */
  unreachable: { from: string; to: string }[];
}

export interface PullResult extends Result {
  kind: "pull";
  /** the temporary stream, or several with a comma between them; likewise their subjects and leaders */
  stream: string;
  partitions: number;
  replicas: number;
  leader: string;
  /** stored, says the stream */
  acked: number;
  /** refused by the stream, with the first reason */
  rejected: number;
  rejection?: string;
  /** sent and never answered */
  unacked: number;
  /** deliveries that the server itself marks as repeated */
  redelivered: number;
  batch: number;
  window: number;
  /** the durable after the run: all 0 when every message was acknowledged */
  consumer: { pending: number; ackPending: number; redelivered: number };
  /** messages in the stream after the run */
  stored: number;
  rate: { offered: number; sent: number; acked: number; delivered: number };
  latency: { publish: Latency; delivery: Latency };
}
