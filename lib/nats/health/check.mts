import type { ClusterState, StreamState } from "../state.mts";

export interface Check {
  /** stable name of the kind of check, e.g. `stream.sequences` */
  id: string;
  title: string;
  status: "passed" | "failed" | "warning";
  /** the node, stream or consumer it is about; absent: the cluster */
  asset?: string;
  detail: string;
  /** the next thing to do, an imperative sentence; absent when passed */
  next?: string;
}

/** What the inventory and a roll ask of the cluster beyond what its own configuration says. Keys of the maps are server names. */
export interface Expectation {
  /** version of every server, or by server */
  version?: string | Readonly<Record<string, string>>;
  /** digest that `nats-server -t` prints for the configuration (servers before 2.11 report none: then it isn't compared) */
  configDigest?: Readonly<Record<string, string>>;
  /** epoch ms of the server's own clock (its earlier `configLoaded`): the configuration must have been loaded after it */
  loadedAfter?: Readonly<Record<string, number>>;
  /** epoch ms of the server's own clock (its earlier `start`): the process must have started after it */
  startedAfter?: Readonly<Record<string, number>>;
  /** streams that must be there, with the replicas they must have */
  streams?: readonly { name: string; replicas?: number; consumers?: readonly string[] }[];
  /** all streams that the inventory declares with partitions, and how many */
  partitions?: readonly { name: string; count: number }[];
  /** what is asked beyond that: ms between two servers; percent of max_ack_pending; ms for which a certificate must still hold (default 7 days) */
  bounds?: { routeRtt?: number; ackPending?: number; certificate?: number };
}

/** One kind of check over a state. Pure: `now` is the state's own time. */
export type Checker = (state: ClusterState, expected: Expectation) => Check[];

interface Found {
  failed?: string[];
  warning?: string[];
  ok: string;
  next?: string;
}

/** A check from what was found: the first kind of finding decides, all findings of that kind make the detail. */
export function finding(id: string, title: string, asset: string | undefined, { failed = [], warning = [], ok, next }: Found): Check {
  const base = { id, title, ...(asset !== undefined && { asset }) };
  if (failed.length > 0) return { ...base, status: "failed", detail: failed.join("; "), next };
  if (warning.length > 0) return { ...base, status: "warning", detail: warning.join("; "), next };
  return { ...base, status: "passed", detail: ok };
}

/** The state's own expected servers that run JetStream. */
export const jetstreamNodes = (state: ClusterState) => state.nodes.filter((n) => n.node.jetstream);

/** `nats-node-1`, or `nats-node-1 (n1)` where the inventory's name differs from the server's. */
export const label = (node: { lane: string; name: string }) => (node.lane === node.name ? node.lane : `${node.lane} (${node.name})`);

/** Name of a stream; with its account where streams of several accounts are seen. */
export const streamLabel = (state: ClusterState, stream: StreamState) =>
  state.streams.some((s) => s.account !== stream.account) ? `${stream.account}/${stream.name}` : stream.name;

/** More than one node: routes and a meta group are expected. */
export const clustered = (state: ClusterState) => state.target.nodes.length > 1;
