import { label, streamLabel } from "../health/check.mts";
import { checks, type Expectation } from "../health.mts";
import { metaLeader } from "../roll.mts";
import type { ClusterState, ConsumerState, NodeState, StreamState } from "../state.mts";
import { type Alarm, alarms, type Level, severity, worst } from "./alarms.mts";
import { type Rates, rates, type Traffic } from "./rates.mts";

/** Version of the document below (docs/status.md). It grows when a field is removed or changes its meaning, not when one is added. */
export const SCHEMA = 1;

/** A cluster at one moment. Rates are messages per second between two looks; null is what isn't known. */
export interface Status {
  schema: typeof SCHEMA;
  at: string;
  cluster: string;
  level: Level;
  metaLeader: string | null;
  /** ms over which the rates were taken */
  ratesOverMs: number | null;
  nodes: NodeStatus[];
  streams: StreamStatus[];
  consumers: ConsumerStatus[];
  alarms: Alarm[];
}

export interface NodeStatus {
  name: string;
  server: string;
  address: string;
  level: Level;
  up: boolean;
  version: string | null;
  since: string | null;
  /** of one core */
  cpuPercent: number | null;
  memoryBytes: number | null;
  connections: number | null;
  slowConsumers: number | null;
  rates: Traffic | null;
  jetstream: { storageBytes: number; storageLimit: number; memoryBytes: number; memoryLimit: number } | null;
  /** null: a route whose round trip isn't measured yet */
  routes: { to: string; rttMs: number | null }[];
  certificateEnds: string | null;
}

export interface StreamStatus {
  name: string;
  account: string;
  level: Level;
  leader: string | null;
  replicas: number;
  replicasCurrent: number;
  /** operations that its slowest replica is behind */
  lag: number;
  messages: number;
  bytes: number;
  consumers: number;
  storedPerSecond: number | null;
}

export interface ConsumerStatus {
  name: string;
  stream: string;
  account: string;
  level: Level;
  kind: "pull" | "push";
  leader: string | null;
  paused: boolean;
  pending: number;
  ackPending: number;
  /** null: without limit, or without acknowledgements */
  maxAckPending: number | null;
  redelivered: number;
  waitingPulls: number;
  deliveredPerSecond: number | null;
}

/** What is to be said of a state; `before` is an earlier look, for the rates. Streams and consumers come worst and busiest first. Pure. */
export function statusOf(state: ClusterState, { before, expected = {} }: { before?: ClusterState; expected?: Expectation } = {}): Status {
  const between = rates(before, state);
  const all = alarms(state, checks(state, expected));
  const levelOf = (asset: string): Level => worst(all.filter((a) => a.asset === asset).map((a) => a.level));
  return {
    schema: SCHEMA,
    at: new Date(state.at).toISOString(),
    cluster: state.target.name || state.nodes[0]!.node.name,
    level: worst(all.map((a) => a.level)),
    metaLeader: metaLeader(state) ?? null,
    ratesOverMs: between.overMs || null,
    nodes: state.nodes.map((n) => nodeStatus(n, between, levelOf(label(n.node)))),
    streams: state.streams
      .map((s) => streamStatus(s, between, levelOf(streamLabel(state, s))))
      .sort((a, b) => severity(b.level) - severity(a.level) || b.lag - a.lag || (b.storedPerSecond ?? 0) - (a.storedPerSecond ?? 0) || b.messages - a.messages),
    consumers: state.streams
      .flatMap((s) => s.consumers.map((c) => consumerStatus(s, c, between, levelOf(`${streamLabel(state, s)} > ${c.name}`))))
      .sort(
        (a, b) =>
          severity(b.level) - severity(a.level) || share(b) - share(a) || b.pending - a.pending || (b.deliveredPerSecond ?? 0) - (a.deliveredPerSecond ?? 0),
      ),
    alarms: all,
  };
}

/** How near a consumer is to its limit; below a half nobody needs to look. */
const share = ({ ackPending, maxAckPending }: ConsumerStatus): number => {
  const part = maxAckPending ? ackPending / maxAckPending : 0;
  return part < 0.5 ? 0 : part;
};

function nodeStatus({ node, probe, server }: NodeState, between: Rates, level: Level): NodeStatus {
  const js = server?.jetstream;
  const ends = probe.certNotAfter ?? server?.certNotAfter;
  return {
    name: node.lane,
    server: node.name,
    address: `${node.host}:${node.port}`,
    level,
    up: server !== undefined || probe.greeting !== undefined,
    version: server?.version ?? probe.greeting?.version ?? null,
    since: server ? new Date(server.start).toISOString() : null,
    cpuPercent: server?.cpu ?? null,
    memoryBytes: server?.mem ?? null,
    connections: server?.connections ?? null,
    slowConsumers: server?.slowConsumers ?? null,
    rates: (server && between.node(server)) ?? null,
    jetstream: js ? { storageBytes: js.storage, storageLimit: js.maxStorage, memoryBytes: js.memory, memoryLimit: js.maxMemory } : null,
    routes: server?.routes.map((r) => ({ to: r.name, rttMs: Number.isFinite(r.rttMs) ? r.rttMs : null })) ?? [],
    certificateEnds: ends === undefined ? null : new Date(ends).toISOString(),
  };
}

function streamStatus(s: StreamState, between: Rates, level: Level): StreamStatus {
  const copy = s.copies.find((c) => c.server === s.leader) ?? s.copies[0]!;
  return {
    name: s.name,
    account: s.account,
    level,
    leader: s.leader || null,
    replicas: s.config.num_replicas,
    replicasCurrent: (s.leader ? 1 : 0) + s.replicas.filter((p) => p.current && !p.offline).length,
    lag: Math.max(0, ...s.replicas.map((p) => p.lag)),
    messages: copy.messages,
    bytes: copy.bytes,
    consumers: s.consumers.length,
    storedPerSecond: between.stored(s) ?? null,
  };
}

function consumerStatus(s: StreamState, c: ConsumerState, between: Rates, level: Level): ConsumerStatus {
  const limit = c.config.max_ack_pending ?? 0;
  return {
    name: c.name,
    stream: s.name,
    account: s.account,
    level,
    kind: c.pull ? "pull" : "push",
    leader: c.leader || null,
    paused: c.paused,
    pending: c.pending,
    ackPending: c.ackPending,
    maxAckPending: limit > 0 && c.config.ack_policy !== "none" ? limit : null,
    redelivered: c.redelivered,
    waitingPulls: c.waiting,
    deliveredPerSecond: between.delivered(s, c) ?? null,
  };
}
