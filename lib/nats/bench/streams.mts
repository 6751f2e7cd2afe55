import { setTimeout as sleep } from "node:timers/promises";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { request } from "../jetstream/api.mts";
import { createTemporary, removeTemporary, streamName } from "../load/temporary-stream.mts";
import { atLeast } from "../roll.mts";
import type { ClusterInfo } from "../system.mts";
import { room } from "./room.mts";
import type { BenchSpec, FlowRound, PullSpec } from "./types.mts";

const DURABLE = "workers";
/** Until the consumers deliver again what nobody acknowledged. */
export const ACK_WAIT_MS = 30_000;
const ELECTION_MS = 5000;

export interface Partition {
  stream: string;
  durable: string;
  prefix: string;
}

export const partitionsOf = (id: string, base: string, { partitions }: PullSpec): Partition[] =>
  Array.from({ length: partitions }, (_, i) => ({ stream: streamName(`${id}p${i}`, "bench"), durable: DURABLE, prefix: `${base}.p${i}` }));

/** An older server stores the messages and answers none of them. @throws Error naming the first */
export function refuseOld({ pull }: BenchSpec, versions: ReadonlyMap<string, string>): void {
  if (pull?.ingest !== "fast") return;
  for (const [name, version] of versions)
    if (!atLeast(version, 2, 14))
      throw new Error(`${name} runs nats-server ${version}, and fast ingest came with 2.14: measure with --ingest single, or upgrade it`);
}

/** Makes the streams and their consumers. @throws Error naming what can't be made */
export async function makeStreams(jsm: JetStreamManager, partitions: readonly Partition[], spec: BenchSpec): Promise<void> {
  const pull = spec.pull!;
  for (const { stream: name, durable, prefix } of partitions)
    await createTemporary(jsm, {
      name,
      subject: `${prefix}.*`,
      replicas: pull.replicas,
      durable,
      ackWait: ACK_WAIT_MS,
      maxAckPending: pull.maxAckPending,
      storage: pull.storage,
      ack: pull.ack,
      batched: pull.ingest === "fast",
      ...room(spec, pull),
    });
}

/** Removes them all, also when one can't be. @throws the first failure */
export async function removeStreams(jsm: () => Promise<JetStreamManager>, partitions: readonly Partition[]): Promise<void> {
  const settled = await Promise.allSettled(partitions.map(async ({ stream }) => removeTemporary(jsm, stream)));
  const failed = settled.find((s) => s.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * Spreads the leaders of streams and consumers over the nodes: partition i to node i. From 2.11 on servers let one choose; before, it stays
 * as elected. A single replica stays where it is. Who leads in the end is told with the result.
 */
export async function spreadLeaders(nc: NatsConnection, partitions: readonly Partition[], nodes: readonly string[], signal: AbortSignal): Promise<void> {
  if (partitions.length < 2 || nodes.length < 2 || !atLeast(nc.info?.version ?? "", 2, 11)) return;
  // Not by nats.js's manager: while there is no leader nobody answers, and it would wait for long.
  const group = async (subject: string): Promise<ClusterInfo | undefined> =>
    (await nc.request(`$JS.API.${subject}`, "", { timeout: 300 })).json<{ cluster?: ClusterInfo }>().cluster;
  const lead = async (asset: string, subject: string, wanted: string, look: () => Promise<ClusterInfo | undefined>): Promise<void> => {
    const seen = async (good: (group: ClusterInfo) => boolean): Promise<boolean> => {
      for (const until = Date.now() + ELECTION_MS; Date.now() < until; await sleep(50, undefined, { signal })) {
        const group = await look().catch(() => undefined);
        if (group?.leader && good(group)) return true;
      }
      return false;
    };
    if (!(await seen((g) => g.leader === wanted || (g.replicas ?? []).every((r) => r.current)))) return;
    const now = await look().catch(() => undefined);
    if (now?.leader === wanted || !now?.replicas?.some((r) => r.name === wanted)) return;
    await request(nc, asset, subject, { placement: { preferred: wanted } });
    await seen((g) => g.leader === wanted);
  };
  await Promise.all(
    partitions.flatMap(({ stream, durable }, i) => {
      const wanted = nodes[i % nodes.length]!;
      return [
        lead(stream, `STREAM.LEADER.STEPDOWN.${stream}`, wanted, () => group(`STREAM.INFO.${stream}`)),
        lead(`${stream} > ${durable}`, `CONSUMER.LEADER.STEPDOWN.${stream}.${durable}`, wanted, () => group(`CONSUMER.INFO.${stream}.${durable}`)),
      ];
    }),
  );
}

const consumerLeader = async (jsm: JetStreamManager, stream: string, durable: string): Promise<string | undefined> =>
  (await jsm.consumers.info(stream, durable)).cluster?.leader;

export async function leadersOf(jsm: JetStreamManager, partitions: readonly Partition[]): Promise<FlowRound["partitions"]> {
  return Promise.all(
    partitions.map(async ({ stream, durable }) => ({
      stream,
      leader: (await jsm.streams.info(stream)).cluster?.leader ?? "",
      consumerLeader: (await consumerLeader(jsm, stream, durable)) ?? "",
    })),
  );
}

export type Backlog = NonNullable<FlowRound["consumer"]>;

/** What waits in all the consumers together; null when one doesn't answer in time. */
export async function backlogOf(nc: NatsConnection, partitions: readonly Partition[], timeoutMs = 900): Promise<Backlog | null> {
  try {
    const all = await Promise.all(
      partitions.map(async ({ stream, durable }) => {
        const answer = await nc.request(`$JS.API.CONSUMER.INFO.${stream}.${durable}`, "", { timeout: timeoutMs });
        return answer.json<{ error?: unknown; num_pending: number; num_ack_pending: number; num_redelivered: number }>();
      }),
    );
    if (all.some((c) => c.error)) return null;
    const sum = (of: (c: (typeof all)[number]) => number): number => all.reduce((n, c) => n + of(c), 0);
    return { pending: sum((c) => c.num_pending), ackPending: sum((c) => c.num_ack_pending), redelivered: sum((c) => c.num_redelivered) };
  } catch {
    return null;
  }
}
