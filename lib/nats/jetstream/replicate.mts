import type { NatsConnection } from "nats";
import type { ClusterInfo } from "../system.mts";
import { consumerInfo, consumerNames, request, streamInfo } from "./api.mts";

export interface ReplicateOptions {
  /** until the replicas must have caught up, ms (default 10 min: gigabytes may have to be copied) */
  timeoutMs?: number;
  progress?: (text: string) => void;
}

const POLL_MS = 250;
/** A consumer without its replicas for so long after its stream is whole gets a push. */
const STUCK_MS = 3000;
/** As the checks do (lib/nats/health/streams.mts): a replica that takes traffic is always some operations behind. */
const IN_FLIGHT = 512;

/**
 * Waits until a stream has its replicas, all current with lag 0, and then each of its consumers: some stay without a group after
 * R1 → R3 (nats-server #6838), those are stepped down.
 * @throws Error that names the asset and what it lacks
 */
export async function untilReplicated(nc: NatsConnection, stream: string, options: ReplicateOptions = {}): Promise<void> {
  const { timeoutMs = 600_000, progress = () => {} } = options;
  const until = Date.now() + timeoutMs;
  for (let said = "", close = 0; ; ) {
    const info = await streamInfo(nc, stream);
    if (!info) throw new Error(`stream ${stream} vanished while its replicas were made`);
    const lacks = lacking(info.cluster, info.config.num_replicas);
    close = lacks !== undefined && lacking(info.cluster, info.config.num_replicas, IN_FLIGHT) === undefined ? close + 1 : 0;
    // Under traffic lag 0 may never be seen; near enough five times in a row is a replica that keeps up.
    if (lacks === undefined || close >= 5) break;
    if (Date.now() > until) throw new Error(`stream ${stream}: ${lacks} after ${timeoutMs / 1000} s. The copying goes on; look with --role verify`);
    if (lacks !== said) progress(lacks);
    said = lacks;
    await pause();
  }
  for (const name of await consumerNames(nc, stream)) await consumerWhole(nc, stream, name, until, progress);
}

async function consumerWhole(nc: NatsConnection, stream: string, name: string, until: number, progress: (text: string) => void): Promise<void> {
  const replicas = (await streamInfo(nc, stream))?.config.num_replicas ?? 1;
  for (let since = Date.now(); ; await pause()) {
    const info = await consumerInfo(nc, stream, name).catch(() => null); // a consumer without its group doesn't answer
    if (info === undefined) return; // an ephemeral one may go at any time
    const own = Number(info?.config.num_replicas ?? 0);
    // An ephemeral consumer on a stream with limits keeps one replica (nats-server ConsumerConfig.replicas).
    const wanted = own > 0 ? Math.min(own, replicas) : info && !info.config.durable_name ? 1 : replicas;
    const lacks = info ? lacking(info.cluster, wanted, IN_FLIGHT) : "it doesn't answer";
    if (lacks === undefined) return;
    if (Date.now() > until) throw new Error(`consumer ${stream} > ${name}: ${lacks}. Step its leader down, or remove and create it again`);
    if (Date.now() - since > STUCK_MS) {
      progress(`consumer ${name}: ${lacks}, stepping it down`);
      await request(nc, `consumer ${stream} > ${name}`, `CONSUMER.LEADER.STEPDOWN.${stream}.${name}`).catch(() => undefined);
      since = Date.now();
    }
  }
}

/** What a group lacks of `replicas` members that are current and at most `behind` operations behind; undefined: nothing. */
function lacking(cluster: ClusterInfo | undefined, replicas: number, behind = 0): string | undefined {
  if (replicas === 1 && !cluster) return undefined;
  if (!cluster?.leader) return "no leader";
  const others = cluster.replicas ?? [];
  const slow = others.filter((p) => p.offline || (p.lag ?? 0) > behind || (!p.current && (behind === 0 || !p.lag)));
  if (slow.length > 0) return slow.map((p) => `${p.name} ${p.offline ? "offline" : p.lag ? `${p.lag} operations behind` : "not current"}`).join(", ");
  if (others.length + 1 < replicas) return `${others.length + 1} of ${replicas} replicas`;
  return undefined;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));
