import { BackupFolder } from "../../lib/nats/backup/folder.mts";
import type { SavedStream, UnsavedStream } from "../../lib/nats/backup/manifest.mts";
import { type MigrationState, writeState } from "../../lib/nats/backup/migration.mts";
import { sizeText } from "../../lib/nats/backup/pace.mts";
import { fileName, save } from "../../lib/nats/backup/save.mts";
import type { NatsConnection } from "../../lib/nats/connect.mts";
import { type StreamInfo, streamInfo, streamNames } from "../../lib/nats/jetstream/api.mts";
import { freeze, motion, unfrozen, untilStill, writable } from "../../lib/nats/jetstream/freeze.mts";
import { connectSource, type Source } from "../../lib/nats/source.mts";
import type { ClusterRole, ClusterTask } from "../../lib/playbook/role.mts";
import { numberText } from "../backup/choose.mts";
import type { Cluster } from "../cluster.mts";
import { placeOf } from "./options.mts";
import { questions } from "./questions.mts";

export interface OutOptions {
  source: Source;
  /** folder of the migration's state; the backup lies in `backup` below it */
  dir: string;
  backup: string;
  state: MigrationState | undefined;
  acceptMemoryLoss: boolean;
  /** the cluster exists beside the old server: its streams' names must be free. Else it comes to be on the old server's host too */
  newHosts: boolean;
}

const at = { file: "", line: 0 };
/** So often a stream is saved again whose workers went on meanwhile. */
const ROUNDS = 3;

/** Closes the old server's streams to publishers, saves them with their consumers, and proves what is saved. */
export const out = (options: OutOptions): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "migrate",
  list: () => ["questions", "streams", "backup"],

  async *tasks(cluster, signal) {
    const { source, dir } = options;
    const nc = await connectSource(source);
    const state: MigrationState = options.state ?? { source: placeOf(source), stage: "open", configs: {} };
    let folder: BackupFolder | undefined,
      good = true;
    const saved = new Map<string, { entry: SavedStream | UnsavedStream; motion: string }>();
    const tell =
      (task: string) =>
      (text: string): void =>
        cluster.emit({ type: "task_progress", lane: cluster.name, role: "migrate", task, text });
    try {
      const infos = (await Promise.all((await streamNames(nc)).sort().map((name) => streamInfo(nc, name)))).filter(
        (info): info is StreamInfo => info !== undefined,
      );
      yield {
        task: `old server ${placeOf(source)}`,
        listed: "questions",
        at,
        async run() {
          const failure = await questions(nc, infos, cluster, options);
          good = !failure;
          return failure
            ? { status: "failed", failure }
            : {
                status: "ok",
                reason: `nats-server ${nc.info!.version}, ${infos.length} streams, ${numberText(infos.reduce((n, i) => n + i.state.messages, 0))} messages, ${sizeText(infos.reduce((n, i) => n + i.state.bytes, 0))}`,
              };
        },
      };
      if (!good) return;
      const account = cluster.hosts[0]!.vars.users.find((u) => u.account !== "SYS")!.account;
      // Noted before any is closed: servers before 2.10 forget it.
      state.configs = Object.fromEntries(
        infos.map(({ config }) => [
          config.name,
          writable(config) && !String(config["subjects"]).startsWith("sampan.") ? config : (state.configs[config.name] ?? unfrozen(config)),
        ]),
      );
      for (const {
        config: { name },
      } of infos)
        yield closing(name);
      for (const info of infos) yield saving(info.config.name, info, account);
      yield finished();
    } finally {
      folder?.abandon();
      await nc.close();
    }

    function closing(name: string): ClusterTask {
      return {
        task: `close stream ${name}`,
        listed: "streams",
        at,
        async run(mode) {
          const config = state.configs[name]!;
          if (!writable(config)) return { status: "ok", reason: "it takes nothing from publishers" };
          const changes = [{ attribute: "publishers", current: "acknowledged", desired: "not until the cluster has it" }];
          if (mode === "check") return { status: "drift", changes };
          writeState(dir, { ...state, stage: "open" });
          await freeze(nc, name);
          return { status: "changed", changes };
        },
      };
    }

    function saving(name: string, info: StreamInfo, account: string): ClusterTask {
      const task = `save stream ${name}`;
      return {
        task,
        listed: "streams",
        at,
        async run(mode) {
          if (mode === "check")
            return {
              status: "drift",
              changes: [{ attribute: "file", current: "absent", desired: `${numberText(info.state.messages)} messages, ${sizeText(info.state.bytes)}` }],
            };
          good = false;
          folder ??= new BackupFolder(options.backup);
          const file = fileName(account, name, new Set([...saved.keys()].filter((n) => n !== name).map((n) => fileName(account, n, new Set()).toLowerCase())));
          const entry = await quietly(nc, account, name, folder, file, { tell: tell(task), signal });
          saved.set(name, { ...entry, entry: { ...entry.entry, config: { ...state.configs[name]!, name, num_replicas: state.configs[name]!.num_replicas } } });
          good = true;
          const { entry: e } = entry;
          return {
            status: "changed",
            changes: [
              {
                attribute: "file",
                current: "absent",
                desired: "file" in e ? `${numberText(e.messages)} messages ${e.first} to ${e.last}, ${sizeText(e.bytes)}, read back` : "its configuration only",
              },
            ],
          };
        },
      };
    }

    function finished(): ClusterTask {
      const task = `backup ${options.backup}`;
      return {
        task,
        listed: "backup",
        at,
        async run(mode) {
          const changes = [{ attribute: "folder", current: "absent", desired: options.backup }];
          if (mode === "check") return { status: "drift", changes };
          if (saved.size < Object.keys(state.configs).length) {
            return {
              status: "failed",
              failure: {
                what: "not all streams are saved, so nothing is stopped or moved",
                next: "mend that and run again; or open the streams to publishers again with --back",
              },
            };
          }
          for (const [name, { motion: before }] of saved) {
            if ((await motion(nc, name)) !== before)
              return {
                status: "failed",
                failure: {
                  what: `workers acknowledge messages of stream ${name} after it was saved`,
                  next: "stop them and run again: what they acknowledge now would be delivered again by the cluster",
                },
              };
          }
          const entries = [...saved.values()].map(({ entry }) => entry);
          folder!.complete({
            format: 1,
            made: new Date().toISOString(),
            cluster: placeOf(source),
            servers: { [nc.info!.server_name]: nc.info!.version },
            streams: entries.filter((e): e is SavedStream => "file" in e),
            unsaved: entries.filter((e): e is UnsavedStream => !("file" in e)),
          });
          writeState(dir, { ...state, stage: "saved" });
          return { status: "changed", changes };
        },
      };
    }
  },
});

/** Saves a stream at a moment when nothing moves in it. */
async function quietly(
  nc: NatsConnection,
  account: string,
  name: string,
  folder: BackupFolder,
  file: string,
  options: { tell: (text: string) => void; signal: AbortSignal },
): Promise<{ entry: SavedStream | UnsavedStream; motion: string }> {
  for (let round = 1; round <= ROUNDS; round++) {
    const before = await untilStill(nc, name, { signal: options.signal });
    if (before === undefined) break;
    folder.discard(file);
    const entry = await save(nc, account, name, folder.path(file), file, options);
    if ((await motion(nc, name)) === before) return { entry, motion: before };
    options.tell("its workers went on meanwhile; once more");
  }
  throw Object.assign(new Error(`workers keep acknowledging messages of stream ${name}`), {
    next: "stop them and run again; publishers may stay: they wait for an acknowledgement",
  });
}
