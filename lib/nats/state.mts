import type { Probe } from "./probe.mts";
import type { ConsumerConfig, StreamConfig } from "./system.mts";
import type { ClusterTarget, Node } from "./target.mts";

/** A Raft peer as another member sees it; only the leader's view of `current` and `lag` counts. */
export interface Peer {
  name: string;
  current: boolean;
  offline: boolean;
  /** ms since it was heard */
  activeMs: number;
  /** operations behind */
  lag: number;
}

export interface Route {
  id: string;
  name: string;
  /** smallest over the connections to this peer */
  rttMs: number;
  connections: number;
  /** bytes waiting to be sent */
  pending: number;
  /** every connection is dedicated to one account: the other accounts have no way to this peer */
  partial: boolean;
}

export interface HealthFault {
  type: string;
  account?: string;
  stream?: string;
  consumer?: string;
  error: string;
}

export interface JetStreamState {
  memory: number;
  storage: number;
  maxMemory: number;
  maxStorage: number;
  reservedMemory: number;
  reservedStorage: number;
  haAssets: number;
  apiErrors: number;
  /** absent on a server that isn't clustered. `leader` is empty while there is none; `replicas` are complete on the leader only */
  meta?: { leader: string; size: number; pending: number; replicas: Peer[] };
}

/** One running nats-server. Times are epoch ms of its own clock. */
export interface ServerState {
  id: string;
  name: string;
  version: string;
  /** name of its cluster; empty when it isn't clustered */
  cluster: string;
  /** answered over the mesh; false: only when asked directly, so it is cut off from the others */
  inMesh: boolean;
  start: number;
  configLoaded: number;
  configDigest?: string;
  /** its clock minus ours in ms, good to about the round trip */
  clockOffset: number;
  roundTripMs: number;
  authRequired: boolean;
  tlsRequired: boolean;
  certNotAfter?: number;
  connections: number;
  maxConnections: number;
  slowConsumers: number;
  slowRoutes: number;
  stalledClients: number;
  mem: number;
  cpu: number;
  cores: number;
  inMsgs: number;
  outMsgs: number;
  inBytes: number;
  outBytes: number;
  /** one per distinct peer, however many connections the route pool has */
  routes: Route[];
  /** absent when it gave no answer */
  healthz?: { ok: boolean; error: string; faults: HealthFault[] };
  /** absent: without JetStream, or no answer */
  jetstream?: JetStreamState;
}

export interface NodeState {
  node: Node;
  probe: Probe;
  /** the server that listens on this node's address */
  server?: ServerState;
}

/** What one server holds of a stream. */
export interface Copy {
  server: string;
  firstSeq: number;
  lastSeq: number;
  messages: number;
  bytes: number;
}

export interface ConsumerState {
  name: string;
  config: ConsumerConfig;
  /** by configuration, as nats-server derives it */
  replicaCount: number;
  leader: string;
  /** the others beside the leader, as the leader sees them */
  replicas: Peer[];
  ackPending: number;
  pending: number;
  redelivered: number;
  waiting: number;
  deliveredSeq: number;
  ackFloorSeq: number;
  /** how many were delivered since it was made, repeated deliveries among them */
  deliveries: number;
  pull: boolean;
  pushBound: boolean;
  paused: boolean;
  /** deliveries or acks went on between two readings */
  moving: boolean;
}

export interface StreamState {
  account: string;
  name: string;
  config: StreamConfig;
  /** empty: no server says that it leads */
  leader: string;
  /** the others beside the leader, as the leader sees them */
  replicas: Peer[];
  copies: Copy[];
  /** highest last sequence that any copy had shortly before `copies` were read: each copy must have got at least here */
  mark: number;
  /** it took writes between the two readings: sequences then can't be equal, only past the mark */
  moving: boolean;
  consumers: ConsumerState[];
}

/** The cluster at one moment, from one round of requests. */
export interface ClusterState {
  /** epoch ms of the controller: when the look began, and when the servers were asked for their counters */
  at: number;
  asked: number;
  target: ClusterTarget;
  nodes: NodeState[];
  /** all servers that answered, also those no node of the target stands for */
  servers: ServerState[];
  streams: StreamState[];
  /** streams of the target's own account that the meta group knows and no server that answers holds; only where somebody asked (status/unseen.mts) */
  unseen?: readonly string[];
  /** why the system account couldn't be asked, when it couldn't */
  failure?: string;
}
