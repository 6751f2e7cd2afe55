import type { SavedStream } from "../../lib/nats/backup/manifest.mts";
import { readManifest } from "../../lib/nats/backup/manifest.mts";
import { sizeText } from "../../lib/nats/backup/pace.mts";
import { verifySaved } from "../../lib/nats/backup/verify.mts";
import type { ClusterRole, ClusterTask } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { choose, numberText } from "./choose.mts";

/** Reads a backup's files from end to end and compares them with its manifest. No server is asked. */
export const verifyBackup = (dir: string, streams: readonly string[]): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "backup",
  list: () => ["files"],
  *tasks(cluster) {
    for (const saved of choose(readManifest(dir).streams, streams, dir)) yield fileTask(cluster, "backup", dir, saved);
  },
});

/** One file of a backup against the manifest. */
export const fileTask = (cluster: Cluster, role: string, dir: string, saved: SavedStream): ClusterTask => ({
  task: `file ${saved.file}`,
  listed: "files",
  at: { file: "", line: 0 },
  async run(_mode, signal) {
    const tell = (text: string): void => cluster.emit({ type: "task_progress", lane: cluster.name, role, task: `file ${saved.file}`, text });
    const wrong = await verifySaved(dir, saved, { tell, signal });
    if (wrong.length > 0)
      return { status: "failed", failure: { what: `stream ${saved.name}: ${wrong.join("; ")}`, next: "take another backup; this file can't be trusted" } };
    return {
      status: "ok",
      reason: `${numberText(saved.messages)} messages, ${sizeText(saved.bytes)}, consumers: ${saved.consumers.map((c) => c.name).join(", ") || "none"}`,
    };
  },
});
