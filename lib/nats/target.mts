import type { Secret } from "../secret.mts";

/** How a client proves who it is. */
export type Credential = { nkeySeed: Secret } | { user: string; password: Secret };

/** One nats-server of a cluster as a client reaches it. */
export interface Node {
  /** server_name, by which the servers themselves know each other */
  name: string;
  /** inventory name, under which events about it are shown */
  lane: string;
  host: string;
  /** client port */
  port: number;
  /** false where the node is expected to run without JetStream */
  jetstream: boolean;
}

/** What is needed to talk to a cluster with nats.js; nothing here knows of SSH. */
export interface ClusterTarget {
  /** name of the cluster; empty for a single server that isn't clustered */
  name: string;
  nodes: Node[];
  /** absent: plain connections */
  tls?: {
    /** PEM text of the CA (or CAs) that signed the servers' certificates */
    ca: string;
  };
  /** user of the system account */
  sys: Credential;
  /** user of the account that holds the streams */
  app: Credential;
}

/** Where a node is reached from here, when that isn't its own address (e.g. a port forwarded through SSH). Asked for every connection: keep what it opens. */
export type Dial = (node: Node) => Promise<{ host: string; port: number }>;

export interface ConnectOptions {
  /** milliseconds to wait for one node (default 3000) */
  timeoutMs?: number;
  dial?: Dial;
  /** milliseconds between two pings: after two unanswered ones the server counts as gone (default nats.js's two minutes) */
  pingMs?: number;
  /** name of the connection, as the servers' connection lists show it (default `sampan`) */
  name?: string;
}
