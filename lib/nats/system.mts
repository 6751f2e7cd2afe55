import type { NatsConnection } from "nats";

/** Answers of nats-server's monitoring, as `$SYS.REQ.SERVER.*` gives them; only the fields that sampan uses. */
export interface Varz {
  server_id: string;
  server_name: string;
  version: string;
  start: string;
  now: string;
  config_load_time: string;
  config_digest?: string;
  auth_required?: boolean;
  tls_required?: boolean;
  tls_cert_not_after?: string;
  cluster: { name?: string; pool_size?: number; tls_required?: boolean; tls_verify?: boolean };
  max_connections: number;
  connections: number;
  remotes: number;
  slow_consumers: number;
  stalled_clients?: number;
  slow_consumer_stats?: { clients: number; routes: number };
  mem: number;
  cpu: number;
  cores: number;
  in_msgs: number;
  out_msgs: number;
  in_bytes: number;
  out_bytes: number;
}
export interface Routez {
  routes: {
    remote_id: string;
    remote_name: string;
    rtt?: string;
    pending_size: number;
    /** the account to which it is dedicated */
    account?: string;
  }[];
}
export interface PeerInfo {
  name: string;
  current: boolean;
  offline?: boolean;
  active: number;
  lag?: number;
  peer: string;
}
export interface ClusterInfo {
  name?: string;
  raft_group?: string;
  leader?: string;
  replicas?: PeerInfo[];
}
export interface StreamConfig {
  name: string;
  num_replicas: number;
  retention: string;
  storage: string;
  subjects?: string[];
  [field: string]: unknown;
}
export interface ConsumerConfig {
  durable_name?: string;
  name?: string;
  ack_policy: string;
  max_ack_pending?: number;
  num_replicas: number;
  deliver_subject?: string;
  [field: string]: unknown;
}
export interface ConsumerDetail {
  name: string;
  config: ConsumerConfig;
  cluster?: ClusterInfo;
  push_bound?: boolean;
  paused?: boolean;
  delivered: { consumer_seq: number; stream_seq: number };
  ack_floor: { consumer_seq: number; stream_seq: number };
  num_ack_pending: number;
  num_redelivered: number;
  num_waiting: number;
  num_pending: number;
}
/** How far a mirror or a source is behind the stream it copies. */
export interface OriginInfo {
  name: string;
  external?: { api: string };
  lag: number;
  /** nanoseconds since the other stream was heard; -1: never */
  active: number;
  error?: { description: string };
}
export interface StreamDetail {
  name: string;
  mirror?: OriginInfo;
  sources?: OriginInfo[];
  config: StreamConfig;
  cluster?: ClusterInfo;
  consumer_detail?: ConsumerDetail[];
  state: { messages: number; bytes: number; first_seq: number; last_seq: number };
}
export interface Jsz {
  disabled?: boolean;
  now: string;
  memory: number;
  storage: number;
  reserved_memory: number;
  reserved_storage: number;
  ha_assets: number;
  api: { total: number; errors: number };
  config: { max_memory: number; max_storage: number; store_dir: string };
  meta_cluster?: { name: string; leader?: string; cluster_size: number; pending: number; replicas?: PeerInfo[] };
  account_details?: { name: string; stream_detail?: StreamDetail[] }[];
}
export interface Healthz {
  status: string;
  error?: string;
  errors?: { type: string; account?: string; stream?: string; consumer?: string; error: string }[];
}
export interface Leafz {
  leafs?: {
    /** the server at the other end */
    name?: string;
    account: string;
    ip: string;
    rtt?: string;
    /** this server called the other */
    is_spoke?: boolean;
  }[];
}
export interface Connz {
  num_connections: number;
  connections: {
    cid: number;
    name?: string;
    ip: string;
    pending_bytes: number;
    slow_consumer?: boolean;
    stalls?: number;
    rtt?: string;
    /** when asked for: the user's name, or public key */
    authorized_user?: string;
  }[];
}
export interface Answers {
  VARZ: Varz;
  ROUTEZ: Routez;
  JSZ: Jsz;
  HEALTHZ: Healthz;
  CONNZ: Connz;
  LEAFZ: Leafz;
}
export type Question = keyof Answers;

export interface Answer<T> {
  server: { id: string; name: string; cluster?: string; ver: string };
  data: T;
  /** ms from the request to this answer */
  ms: number;
  /** epoch ms of its arrival */
  at: number;
}

/** The options with which sampan asks, unless told otherwise: for JSZ all streams and consumers with their configuration and Raft groups. */
export const OPTIONS: { readonly [Q in Question]: Readonly<Record<string, unknown>> } = {
  VARZ: {},
  ROUTEZ: {},
  JSZ: { accounts: true, streams: true, consumer: true, config: true, raft: true, leader_only: false, stream_leader_only: false },
  HEALTHZ: { details: true },
  CONNZ: { sort: "pending", limit: 256 },
  LEAFZ: {},
};

/** The connection's user isn't in the system account, so nobody hears the question. */
export class NotSystemAccountError extends Error {
  constructor() {
    super("no server answers on $SYS: the user isn't in the system account. Give the user `sys` the account that system_account names");
    this.name = "NotSystemAccountError";
  }
}

/**
 * Asks all servers of the cluster at once and gathers until every name of `expected` has answered and a short grace for unexpected
 * ones is over, or `timeoutMs` has passed. Order of arrival; who doesn't answer is missing from the result, which is no error.
 * @throws NotSystemAccountError
 */
export async function ask<Q extends Question>(
  nc: NatsConnection,
  question: Q,
  expected: readonly string[],
  options: { timeoutMs?: number; body?: Record<string, unknown> } = {},
): Promise<Answer<Answers[Q]>[]> {
  const { createInbox, deferred } = await import("nats");
  const inbox = createInbox();
  const answers: Answer<Answers[Q]>[] = [];
  const missing = new Set(expected);
  const started = Date.now();
  const done = deferred<void>();
  const sub = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error) return done.reject(error);
      if (message.headers?.code === 503) return done.reject(new NotSystemAccountError());
      const { server, data } = message.json<Partial<Answer<Answers[Q]>>>();
      if (!server || !data) return; // an error instead of data: as good as no answer
      const ms = Date.now() - started;
      answers.push({ server, data, ms, at: started + ms });
      if (missing.delete(server.name) && missing.size === 0) setTimeout(done.resolve, Math.max(25, ms / 2));
    },
  });
  const timer = setTimeout(done.resolve, options.timeoutMs ?? 2000);
  try {
    nc.publish(`$SYS.REQ.SERVER.PING.${question}`, JSON.stringify(options.body ?? OPTIONS[question]), { reply: inbox });
    await done;
    return answers;
  } finally {
    clearTimeout(timer);
    sub.unsubscribe();
  }
}

/** Asks one server by its id. @throws when it doesn't answer in time */
export async function askServer<Q extends Question>(
  nc: NatsConnection,
  id: string,
  question: Q,
  options: { timeoutMs?: number; body?: Record<string, unknown> } = {},
): Promise<Answers[Q]> {
  const message = await nc.request(`$SYS.REQ.SERVER.${id}.${question}`, JSON.stringify(options.body ?? OPTIONS[question]), {
    timeout: options.timeoutMs ?? 2000,
  });
  const { data, error } = message.json<{ data?: Answers[Q]; error?: { description: string } }>();
  if (!data) throw new Error(`server ${id} refused ${question}: ${error?.description ?? "empty answer"}`);
  return data;
}
