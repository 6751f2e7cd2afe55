import type { Manifest } from "../../lib/nats/backup/manifest.mts";
import type { MigrationState } from "../../lib/nats/backup/migration.mts";
import { connectApp, type NatsConnection } from "../../lib/nats/connect.mts";
import { streamInfo, streamNames } from "../../lib/nats/jetstream/api.mts";
import { isFrozen, open, unfrozen } from "../../lib/nats/jetstream/freeze.mts";
import { connectSource, greet, type Source } from "../../lib/nats/source.mts";
import type { ClusterRole, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { placeOf } from "./options.mts";

const at = { file: "", line: 0 };
const WAY = "docs/migrate.md, The way back";

/** Before the old server is opened again: the cluster has taken nothing that it would miss. */
export const notWritten = ({ streams, unsaved }: Manifest): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "migrate",
  list: () => ["questions"],
  *tasks({ name, target, connect }) {
    yield {
      task: "the cluster has taken nothing since",
      listed: "questions",
      at,
      async run(): Promise<TaskResult> {
        const next = "move these messages to the old server yourself, or give --accept-loss: they stay in the cluster, and nobody reads them there";
        let nc: NatsConnection;
        try {
          nc = await connectApp(target, connect);
        } catch (error) {
          return {
            status: "failed",
            failure: {
              what: `whether ${name} has taken messages can't be asked: ${(error as Error).message}`,
              next: "start it; or, if nobody wrote to it or that isn't missed, give --accept-loss",
            },
          };
        }
        try {
          // In place, the old server has the first node's address again.
          if (target.name !== "" && nc.info?.cluster === undefined)
            return {
              status: "failed",
              failure: {
                what: `no server of ${name} answers, so whether it has taken messages can't be asked`,
                next: "start it; or, if nobody wrote to it or that isn't missed, give --accept-loss",
              },
            };
          const ends = [...streams.map((s) => ({ name: s.name, last: s.state.last_seq })), ...unsaved.map((s) => ({ name: s.name, last: 0 }))];
          const more = (
            await Promise.all(
              ends.map(async (s) => {
                const now = (await streamInfo(nc, s.name))?.state.last_seq ?? 0;
                return now > s.last ? [`${s.name} (${now - s.last} messages)`] : [];
              }),
            )
          ).flat();
          return more.length === 0
            ? { status: "ok" }
            : { status: "failed", failure: { what: `${more.join(", ")}: written to ${name} since, and the old server hasn't got it`, next } };
        } finally {
          await nc.close();
        }
      },
    };
  },
});

/** Opens the old server's streams to publishers again. @throws Error when there is no old server at that address, or nothing to open */
export const back = (source: Source, configs: MigrationState["configs"]): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "migrate",
  list: () => ["streams"],
  async *tasks() {
    const { greeting } = await greet(source),
      place = placeOf(source);
    if (greeting?.cluster !== undefined)
      throw Object.assign(new Error(`at ${place} there is ${greeting.server_name} of the cluster ${greeting.cluster}, not the old server`), {
        next: `stop it, put the old store back and start the old server: ${WAY}`,
      });
    const nc = await connectSource(source);
    try {
      const there = await streamNames(nc);
      if (there.length + Object.keys(configs).length === 0)
        throw Object.assign(new Error(`${place} has no stream that these credentials see, and no migration from there was begun in this folder`), {
          next: "name its folder with --to",
        });
      for (const name of [...new Set([...there, ...Object.keys(configs)])].sort()) {
        yield { task: `open stream ${name}`, listed: "streams", at, run: (mode) => reopened(nc, name, configs[name], mode) };
      }
    } finally {
      await nc.close();
    }
  },
});

async function reopened(nc: NatsConnection, name: string, before: MigrationState["configs"][string] | undefined, mode: "apply" | "check"): Promise<TaskResult> {
  const now = (await streamInfo(nc, name))?.config;
  if (!now) {
    return before?.["storage"] === "memory"
      ? { status: "ok", reason: "it was kept in memory, and went with the server's stop" }
      : {
          status: "failed",
          failure: {
            what: `the old server has no stream ${name}`,
            next: `put its store back: ${WAY}; if the stream was deleted since, move the migration's folder away yourself`,
          },
        };
  }
  if (!isFrozen(now)) return { status: "ok", reason: "it is open" };
  const config = before ?? unfrozen(now);
  if (config === now)
    return { status: "failed", failure: { what: `stream ${name} is closed, and nothing tells its subjects`, next: "give them back with nats stream edit" } };
  if (mode === "apply") await open(nc, config);
  return {
    status: mode === "apply" ? "changed" : "drift",
    changes: [{ attribute: "subjects", current: "", desired: (config["subjects"] as string[]).join(", ") }],
  };
}
