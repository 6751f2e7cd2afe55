import { dirname, join } from "node:path";
import { outlived } from "../../lib/nats/backup/compare.mts";
import { folderName } from "../../lib/nats/backup/folder.mts";
import { readManifest, type SavedStream } from "../../lib/nats/backup/manifest.mts";
import { clear, putBack, recreate } from "../../lib/nats/backup/put-back.mts";
import type { NatsConnection } from "../../lib/nats/connect.mts";
import { streamInfo } from "../../lib/nats/jetstream/api.mts";
import { observe } from "../../lib/nats/observe.mts";
import { atLeast } from "../../lib/nats/roll.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import { closeAll, connectAccounts } from "../backup/accounts.mts";
import { choose, numberText } from "../backup/choose.mts";
import { fileTask } from "../backup/verify.mts";
import type { Cluster } from "../cluster.mts";
import { oneByOne } from "../jetstream-setup/partitions.mts";
import { present } from "./present.mts";
import { replace } from "./replace.mts";

export interface RestoreOptions {
  /** the backup's folder */
  from: string;
  /** patterns of names; none: all */
  streams: readonly string[];
  /** put it in the place of what is there */
  replace: boolean;
  /** refuse a backup of another cluster */
  ownOnly?: boolean;
  /** of every stream; undefined: as the inventory declares it, else as it was */
  replicas?: number;
  /** note at each stream that it is put back, so that a run that goes on doesn't take what was written since for another stream */
  mark?: boolean;
}

const at = { file: "", line: 0 };

/** Puts the streams of a backup back with their consumers, and proves that they are what was saved. */
export const restoreRole = ({ from, streams, replicas, ownOnly = false, ...options }: RestoreOptions): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "restore",
  list: () => ["files", "streams"],

  async *tasks(cluster, signal) {
    const manifest = readManifest(from);
    const everything = choose([...manifest.streams, ...manifest.unsaved], streams, from);
    // What is fed by others comes after them.
    const saved = manifest.streams.filter((s) => everything.includes(s)).sort((a, b) => Number(fed(a)) - Number(fed(b)));
    const { servers } = await observe(cluster.target, cluster.connect);
    let good = true;
    for (const task of [
      ...(ownOnly ? [ownTask(cluster.name, manifest.cluster)] : []),
      formatTask(saved, servers),
      ...saved.map((s) => fileTask(cluster, "restore", from, s)),
    ]) {
      yield {
        ...task,
        run: async (...args) => {
          const result = await task.run(...args);
          good &&= result.status !== "failed";
          return result;
        },
      };
    }
    if (!good) return;
    const connections = await connectAccounts(cluster);
    try {
      const about = { cluster: cluster.name, servers: Object.fromEntries(servers.map((s) => [s.name, s.version])) };
      const copies = (s: { name: string; config: { num_replicas: number } }): number =>
        replicas ??
        Math.min(
          oneByOne(cluster.hosts[0]!.vars.streams).find((d) => d.name === s.name)?.num_replicas ?? s.config.num_replicas,
          cluster.target.nodes.filter((n) => n.jetstream).length,
        );
      const connectionOf = (account: string): NatsConnection => {
        const nc = connections.get(account);
        if (!nc)
          throw Object.assign(new Error(`the inventory has no user of account ${account}`), { next: "add one to users:, and roll it out with site.mts" });
        return nc;
      };
      for (const stream of saved) {
        const task = `stream ${stream.name}`,
          tell = (text: string): void => cluster.emit({ type: "task_progress", lane: cluster.name, role: "restore", task, text });
        const put = { replicas: copies(stream), mark: options.mark, tell, signal };
        yield {
          task,
          listed: "streams",
          at,
          run: async (mode) => {
            const nc = connectionOf(stream.account);
            const now = await present(nc, stream);
            if (now.kind === "same") return { status: "ok", reason: "it is as it was saved" };
            const changes = [
              {
                attribute: "stream",
                current: now.text,
                desired: `${numberText(stream.messages)} messages, ${stream.first} to ${stream.last}, R${put.replicas}`,
              },
            ];
            if (now.kind === "other" && !options.replace)
              return {
                status: "failed",
                failure: {
                  what: `stream ${stream.name} is there already: ${now.text}`,
                  next: "leave it out with --stream, or put this one in its place with --replace, which saves it first",
                },
              };
            if (now.kind === "other" && outlived(stream))
              return {
                status: "failed",
                failure: {
                  what: `all that the backup has of stream ${stream.name} is older than its max_age: put back it would be empty, and the present one gone`,
                  next: "take a newer backup with --from, or leave it out with --stream",
                },
              };
            if (mode === "check") return { status: "drift", changes };
            if (now.kind === "other") {
              const side = join(dirname(from), `${folderName(new Date())}-${encodeURIComponent(stream.name)}-before-restore`);
              return done(
                await replace(nc, { ...put, dir: from, saved: stream, side, about, warn: (text) => cluster.emit({ type: "warning", text }) }),
                changes,
              );
            }
            if (now.leftover) await clear(nc, stream.name);
            return done(await putBack(nc, from, stream, { ...put, more: now.consumers }), changes);
          },
        };
      }
      for (const stream of manifest.unsaved.filter((s) => everything.includes(s))) {
        yield {
          task: `stream ${stream.name}`,
          listed: "streams",
          at,
          run: async (mode) => {
            const nc = connectionOf(stream.account);
            if (await streamInfo(nc, stream.name)) return { status: "ok", reason: "it is there; the backup has its configuration only" };
            if (mode === "apply") await recreate(nc, stream, copies(stream));
            return { status: mode === "apply" ? "changed" : "drift", changes: [{ attribute: "stream", current: "absent", desired: `empty (${stream.why})` }] };
          },
        };
      }
    } finally {
      await closeAll(connections);
    }
  },
});

const fed = ({ config }: SavedStream): boolean => Boolean(config["mirror"] ?? config["sources"]);

/** Notes are told beside what was done. */
const done = (notes: readonly string[], changes: NonNullable<TaskResult["changes"]>): TaskResult => ({
  status: "changed",
  changes: notes.length ? [...changes, { attribute: "since then", current: "", desired: notes.join("; ") }] : changes,
});

/** Whether the backup is of this very cluster: another region's has streams of the same names, and other messages. */
const ownTask = (name: string, of: string): ClusterTask => ({
  task: "backup is of this cluster",
  at,
  async run() {
    if (of !== name)
      return {
        status: "failed",
        failure: {
          what: `the backup is of cluster ${of}, and this is ${name}`,
          next: "look at --from and -i; if its streams shall come here, say so with --other-cluster",
        },
      };
    return { status: "ok" };
  },
});

/** Whether all servers can read the archives: 2.15 writes a form that older ones don't know. */
const formatTask = (saved: readonly SavedStream[], servers: readonly { name: string; version: string }[]): ClusterTask => ({
  task: "servers can read it",
  at,
  async run() {
    const old = servers.find((s) => !atLeast(s.version, 2, 15)),
      newer = saved.find((s) => s.format === 2);
    if (servers.length === 0) return { status: "failed", failure: { what: "no server of the cluster answers", next: "look with verify.mts what is wrong" } };
    if (old && newer)
      return {
        status: "failed",
        failure: {
          what: `the backup was written by nats-server 2.15 or newer, in a form that ${old.name} with ${old.version} can't read`,
          next: "restore it into servers of 2.15 or newer",
        },
      };
    return { status: "ok", reason: `nats-server ${[...new Set(servers.map((s) => s.version))].join(", ")}` };
  },
});
