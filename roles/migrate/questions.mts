import type { Failure } from "../../lib/engine/events.mts";
import { bytes } from "../../lib/inventory/units.mts";
import { sizeText } from "../../lib/nats/backup/pace.mts";
import { connectApp, type NatsConnection } from "../../lib/nats/connect.mts";
import { type StreamInfo, streamInfo } from "../../lib/nats/jetstream/api.mts";
import { isRestoring } from "../../lib/nats/jetstream/freeze.mts";
import { atLeast } from "../../lib/nats/roll.mts";
import type { Cluster } from "../cluster.mts";

/** What speaks against a migration, asked before anything is changed; undefined: nothing. */
export async function questions(
  nc: NatsConnection,
  infos: readonly StreamInfo[],
  cluster: Cluster,
  { acceptMemoryLoss, newHosts }: { acceptMemoryLoss: boolean; newHosts: boolean },
): Promise<Failure | undefined> {
  const { vars } = cluster.hosts[0]!;
  const { cluster: clustered, version } = nc.info as { cluster?: string; version: string };
  if (clustered)
    return { what: `the old server belongs to the cluster ${clustered}; this is for a single server`, next: "take backup.mts and restore.mts, or scale.mts" };
  if (atLeast(version, 2, 15) && !atLeast(vars.nats_version, 2, 15))
    return { what: `the old server is ${version}, and writes snapshots that ${vars.nats_version} can't read`, next: "set nats_version to 2.15 or newer" };
  const memory = infos.filter((i) => i.config["storage"] === "memory" && i.state.messages > 0);
  if (memory.length > 0 && !acceptMemoryLoss && !atLeast(version, 2, 15)) {
    return {
      what: `${memory.map((i) => `${i.config.name} (${i.state.messages} messages)`).join(", ")}: kept in memory, and nats-server ${version} gives no snapshot of that`,
      next: "let the workers drain them first, or give --accept-memory-loss: then these streams are made anew, empty",
    };
  }
  const total = infos.reduce((sum, i) => sum + i.state.bytes, 0),
    room = Math.min(...cluster.hosts.map((h) => bytes(h.vars.jetstream.max_file)));
  if (total > room)
    return {
      what: `the streams have ${sizeText(total)}, and a server of the cluster takes ${sizeText(room)} (jetstream.max_file)`,
      next: "raise jetstream.max_file",
    };
  return newHosts ? taken(infos, cluster) : undefined;
}

/** Streams of the cluster that stand in the way. */
async function taken(infos: readonly StreamInfo[], cluster: Cluster): Promise<Failure | undefined> {
  const target = await connectApp(cluster.target, cluster.connect);
  try {
    for (const {
      config: { name },
    } of infos) {
      const there = await streamInfo(target, name);
      if (!there || there.state.last_seq === 0 || isRestoring(there.config)) continue;
      return {
        what: `the cluster has a stream ${name} already, with ${there.state.messages} messages`,
        next: "save it with backup.mts and delete it, or migrate to another cluster",
      };
    }
    return undefined;
  } finally {
    await target.close();
  }
}
