import { basename, resolve } from "node:path";
import { BackupFolder, prune } from "../../lib/nats/backup/folder.mts";
import type { SavedStream, UnsavedStream } from "../../lib/nats/backup/manifest.mts";
import { sizeText } from "../../lib/nats/backup/pace.mts";
import { fileName, save } from "../../lib/nats/backup/save.mts";
import { streamInfo, streamNames } from "../../lib/nats/jetstream/api.mts";
import { isFrozen } from "../../lib/nats/jetstream/freeze.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { closeAll, connectAccounts } from "./accounts.mts";
import { choose, numberText } from "./choose.mts";

export interface BackupOptions {
  /** folder that will hold the backup; it mustn't be there yet */
  to: string;
  /** patterns of names; none: all */
  streams: readonly string[];
  /** folder of backups, and how many of them stay */
  keep?: { parent: string; count: number };
}

const at = { file: "", line: 0 };

/** Saves streams with their consumers into a folder, one file each, and a manifest of what each file was found to hold. */
export const backup = ({ to, streams, keep }: BackupOptions): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "backup",
  list: () => ["streams", `backup ${to}`],

  async *tasks(cluster, signal) {
    const connections = await connectAccounts(cluster);
    let folder: BackupFolder | undefined;
    const saved: SavedStream[] = [],
      unsaved: UnsavedStream[] = [],
      failed: string[] = [];
    try {
      const all = (
        await Promise.all([...connections].map(async ([account, nc]) => (await streamNames(nc)).sort().map((name) => ({ account, nc, name }))))
      ).flat();
      const files = new Set<string>();
      for (const { account, nc, name } of choose(all, streams, cluster.name)) {
        const task = `stream ${name}`,
          tell = (text: string): void => cluster.emit({ type: "task_progress", lane: cluster.name, role: "backup", task, text });
        yield {
          task,
          listed: "streams",
          at,
          async run(mode) {
            failed.push(name);
            const result = await one(mode);
            failed.pop();
            return result;
          },
        };

        async function one(mode: "apply" | "check"): Promise<TaskResult> {
          const info = await streamInfo(nc, name);
          if (!info) return { status: "skipped", reason: "it has gone meanwhile" };
          const change = (desired: string) => [{ attribute: "file", current: "absent", desired }];
          if (mode === "check") return { status: "drift", changes: change(`${numberText(info.state.messages)} messages, ${sizeText(info.state.bytes)}`) };
          if (isFrozen(info.config))
            cluster.emit({ type: "warning", text: `stream ${name} takes no messages: a migration or restore has closed it and didn't come to its end` });
          folder ??= new BackupFolder(to);
          const file = fileName(account, name, files);
          files.add(file.toLowerCase());
          const entry = await save(nc, account, name, folder.path(file), file, { tell, signal });
          if (!("file" in entry)) {
            unsaved.push(entry);
            cluster.emit({
              type: "warning",
              text: `stream ${name} is ${entry.why}: its configuration is saved, its ${numberText(entry.messages)} messages are not`,
            });
            return { status: "changed", changes: change("its configuration only") };
          }
          saved.push(entry);
          return { status: "changed", changes: change(`${numberText(entry.messages)} messages, ${sizeText(entry.bytes)} on the disk, read back`) };
        }
      }
      yield finished();
    } finally {
      folder?.abandon();
      await closeAll(connections);
    }

    function finished(): ClusterTask {
      return {
        task: `backup ${to}`,
        at,
        async run(mode) {
          if (mode === "check") return { status: "drift", changes: [{ attribute: "folder", current: "absent", desired: resolve(to) }] };
          if (failed.length > 0)
            return {
              status: "failed",
              failure: { what: `nothing is kept: ${failed.join(", ")} couldn't be saved`, next: "mend that and run again, or save others with --stream" },
            };
          const { servers } = await observe(cluster.target, cluster.connect);
          folder ??= new BackupFolder(to);
          folder.complete({
            format: 1,
            made: new Date().toISOString(),
            cluster: cluster.name,
            servers: Object.fromEntries(servers.map((s) => [s.name, s.version])),
            streams: saved,
            unsaved,
          });
          const { gone, spared } = keep ? prune(keep.parent, keep.count, basename(folder.dir)) : { gone: [], spared: [] };
          for (const { name, why } of spared)
            cluster.emit({ type: "warning", text: `older backup ${name} stays, beyond --keep: ${why}; remove it yourself when it isn't needed` });
          return {
            status: "changed",
            changes: [
              { attribute: "folder", current: "absent", desired: folder.dir },
              ...gone.map((name) => ({ attribute: "older backup", current: name, desired: "absent" })),
            ],
          };
        },
      };
    }
  },
});
