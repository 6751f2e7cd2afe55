import type { ClusterState, ConsumerState, ServerState, StreamState } from "../state.mts";

/** Messages and bytes per second of one server, as its clients, routes and itself send and get them. */
export interface Traffic {
  in: number;
  out: number;
  inBytes: number;
  outBytes: number;
}

export interface Rates {
  /** ms between the two looks */
  overMs: number;
  node(server: ServerState): Traffic | undefined;
  /** messages stored per second */
  stored(stream: StreamState): number | undefined;
  /** messages delivered per second, repeated deliveries among them */
  delivered(stream: StreamState, consumer: ConsumerState): number | undefined;
}

/** What went on between two looks at a cluster. Counters that fell belong to something new under the old name: they tell nothing. */
export function rates(before: ClusterState | undefined, now: ClusterState): Rates {
  const overMs = before ? now.asked - before.asked : 0;
  const per = (from: number | undefined, to: number): number | undefined =>
    from === undefined || overMs <= 0 || to < from ? undefined : ((to - from) * 1000) / overMs;
  const earlier = (stream: StreamState): StreamState | undefined => before?.streams.find((s) => s.name === stream.name && s.account === stream.account);
  return {
    overMs,
    node(server) {
      const old = before?.servers.find((s) => s.id === server.id && s.start === server.start);
      const [msgsIn, msgsOut, inBytes, outBytes] = [
        per(old?.inMsgs, server.inMsgs),
        per(old?.outMsgs, server.outMsgs),
        per(old?.inBytes, server.inBytes),
        per(old?.outBytes, server.outBytes),
      ];
      return msgsIn === undefined || msgsOut === undefined || inBytes === undefined || outBytes === undefined
        ? undefined
        : { in: msgsIn, out: msgsOut, inBytes, outBytes };
    },
    stored: (stream) => {
      const old = earlier(stream);
      return per(old && lastSeq(old), lastSeq(stream));
    },
    delivered: (stream, consumer) => per(earlier(stream)?.consumers.find((c) => c.name === consumer.name)?.deliveries, consumer.deliveries),
  };
}

const lastSeq = (stream: StreamState): number => Math.max(0, ...stream.copies.map((c) => c.lastSeq));
