import { peer } from "./server-state.mts";
import type { ConsumerState, StreamState } from "./state.mts";
import type { ClusterInfo, ConsumerDetail, Jsz, StreamConfig, StreamDetail } from "./system.mts";

export type JszByServer = { server: string; jsz: Jsz }[];

interface Held<T> {
  server: string;
  detail: T;
}

/**
 * Streams from each server's account of what it holds. Leadership and replicas are taken from the server that says it leads itself,
 * since only the leader's view is complete. `before` is an earlier reading: it gives the mark which all copies must have passed.
 */
export function streamStates(answers: JszByServer, before: readonly StreamState[] = []): StreamState[] {
  const held = new Map<string, { account: string; copies: Held<StreamDetail>[] }>();
  for (const { server, jsz } of answers) {
    for (const account of jsz.account_details ?? []) {
      for (const detail of account.stream_detail ?? []) {
        const key = `${account.name} ${detail.name}`;
        const entry = held.get(key) ?? { account: account.name, copies: [] };
        held.set(key, { ...entry, copies: [...entry.copies, { server, detail }] });
      }
    }
  }
  return [...held.values()]
    .map(({ account, copies }) => {
      const earlier = before.find((s) => s.account === account && s.name === copies[0]!.detail.name);
      return streamState(account, copies, earlier);
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

function streamState(account: string, held: Held<StreamDetail>[], earlier: StreamState | undefined): StreamState {
  const leading = leaderOf(held, (d) => d.cluster);
  const { name, config } = (leading ?? held[0]!).detail;
  const copies = held
    .map(({ server, detail: { state: s } }) => ({ server, firstSeq: s.first_seq, lastSeq: s.last_seq, messages: s.messages, bytes: s.bytes }))
    .sort((a, b) => a.server.localeCompare(b.server));
  const highest = (all: { lastSeq: number }[]) => Math.max(...all.map((c) => c.lastSeq));
  return {
    account,
    name,
    config,
    leader: leading?.server ?? "",
    replicas: (leading?.detail.cluster?.replicas ?? []).map(peer),
    copies,
    mark: highest(earlier?.copies ?? copies),
    moving: earlier !== undefined && highest(copies) > highest(earlier.copies),
    consumers: consumerStates(held, config, earlier?.consumers ?? []),
  };
}

function consumerStates(streams: Held<StreamDetail>[], config: StreamConfig, before: readonly ConsumerState[]): ConsumerState[] {
  const held = new Map<string, Held<ConsumerDetail>[]>();
  for (const { server, detail } of streams) {
    for (const consumer of detail.consumer_detail ?? []) held.set(consumer.name, [...(held.get(consumer.name) ?? []), { server, detail: consumer }]);
  }
  return [...held.values()]
    .map((copies) => {
      const leading = leaderOf(copies, (d) => d.cluster);
      const d = (leading ?? copies[0]!).detail;
      const earlier = before.find((c) => c.name === d.name);
      return {
        name: d.name,
        config: d.config,
        replicaCount: replicaCount(d, config),
        leader: leading?.server ?? "",
        replicas: (leading?.detail.cluster?.replicas ?? []).map(peer),
        ackPending: d.num_ack_pending,
        pending: d.num_pending,
        redelivered: d.num_redelivered,
        waiting: d.num_waiting,
        deliveredSeq: d.delivered.stream_seq,
        ackFloorSeq: d.ack_floor.stream_seq,
        deliveries: d.delivered.consumer_seq,
        pull: !d.config.deliver_subject,
        pushBound: d.push_bound ?? false,
        paused: d.paused ?? false,
        moving:
          earlier !== undefined &&
          (earlier.deliveredSeq !== d.delivered.stream_seq || earlier.ackFloorSeq !== d.ack_floor.stream_seq || earlier.ackPending !== d.num_ack_pending),
      };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** A server that isn't clustered reports no cluster block for a consumer: it leads what it holds. */
const leaderOf = <T,>(held: readonly Held<T>[], cluster: (detail: T) => ClusterInfo | undefined): Held<T> | undefined =>
  held.find(({ server, detail }) => (cluster(detail)?.leader ?? (cluster(detail) ? "" : server)) === server);

/** As ConsumerConfig.replicas() of nats-server: 0 inherits from the stream, but an ephemeral one on a limits stream has one. */
function replicaCount({ config }: ConsumerDetail, stream: StreamConfig): number {
  if (config.num_replicas > 0) return Math.min(config.num_replicas, stream.num_replicas);
  return !config.durable_name && stream.retention === "limits" ? 1 : stream.num_replicas;
}
