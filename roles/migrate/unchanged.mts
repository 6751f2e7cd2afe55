import type { Manifest } from "../../lib/nats/backup/manifest.mts";
import { streamInfo, streamNames } from "../../lib/nats/jetstream/api.mts";
import { isFrozen, writable } from "../../lib/nats/jetstream/freeze.mts";
import { connectSource, greet, type Source } from "../../lib/nats/source.mts";
import type { ClusterRole, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { placeOf } from "./options.mts";

export interface UnchangedOptions {
  source: Source;
  manifest: Manifest;
  /** in place, from the stop on: the old server may be gone, and the cluster's own in its place */
  gone: boolean;
}

const at = { file: "", line: 0 };

/** The old server has taken nothing since it was saved: else that would be acknowledged, and not in the cluster. */
export const unchanged = ({ source, manifest, gone }: UnchangedOptions): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "migrate",
  list: () => ["questions"],
  *tasks({ target }) {
    yield {
      task: "the old server has taken nothing since",
      listed: "questions",
      at,
      async run(): Promise<TaskResult> {
        const place = placeOf(source),
          { greeting, failure } = await greet(source);
        if (gone && failure?.fault === "refused") return { status: "ok", reason: "it is stopped" };
        const ours = target.nodes.some((n) => n.name === greeting?.server_name) && !Object.hasOwn(manifest.servers, greeting!.server_name);
        if (greeting?.cluster !== undefined || ours) {
          return gone
            ? { status: "ok", reason: "a server of the cluster is in its place" }
            : {
                status: "failed",
                failure: { what: `at ${place} there is ${greeting!.server_name} of a cluster, not the old server`, next: "give --in-place HOST as before" },
              };
        }
        const names = await taken(source, manifest, gone);
        return names.length === 0
          ? { status: "ok" }
          : {
              status: "failed",
              failure: {
                what: `${names.join(", ")} of the old server changed after it was saved: a client opened it again, or made it`,
                next: "stop that client and give --back; what the cluster has of these streams already, delete there; then run again: everything is saved anew",
              },
            };
      },
    };
  },
});

/** Streams that aren't as they were saved, or could be written to: changed, open, new. */
async function taken(source: Source, { streams, unsaved }: Manifest, gone: boolean): Promise<string[]> {
  const nc = await connectSource(source);
  try {
    const names = await streamNames(nc);
    // It was started again, and its store is aside.
    if (gone && names.length === 0) return [];
    const known = [
      ...streams.map(({ name, state }) => ({ name, last: state.last_seq as number | undefined })),
      ...unsaved.map(({ name }) => ({ name, last: undefined })),
    ];
    const moved = (
      await Promise.all(
        known.map(async ({ name, last }) => {
          const info = await streamInfo(nc, name);
          if (!info) return last === undefined ? [] : [name];
          return (!writable(info.config) || isFrozen(info.config)) && (last === undefined || info.state.last_seq === last) ? [] : [name];
        }),
      )
    ).flat();
    return [...moved, ...names.filter((name) => !known.some((k) => k.name === name))];
  } finally {
    await nc.close();
  }
}
