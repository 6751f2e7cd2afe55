import type { Manifest } from "../../lib/nats/backup/manifest.mts";
import { unmark } from "../../lib/nats/backup/put-back.mts";
import { connectApp } from "../../lib/nats/connect.mts";
import { consumers, streamInfo } from "../../lib/nats/jetstream/api.mts";
import type { ClusterRole } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";

const at = { file: "", line: 0 };

/** Shows old beside new, and takes the marks away by which a run that goes on knows what is done. */
export const finish = ({ streams, unsaved }: Manifest, done: () => void): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "migrate",
  list: () => ["streams are complete"],
  *tasks(cluster) {
    yield {
      task: "streams are complete",
      at,
      async run() {
        const nc = await connectApp(cluster.target, cluster.connect);
        try {
          const rows: string[][] = [],
            missing: string[] = [];
          for (const s of streams) {
            const now = await streamInfo(nc, s.name);
            const floors = new Map((await consumers(nc, s.name)).map((c) => [c.name, c.ack_floor.stream_seq]));
            if (!now || now.state.last_seq < s.last) missing.push(s.name);
            const all = (floor: (c: { name: string; ackFloor: number }) => number | undefined): string =>
              s.consumers.map((c) => `${c.name} ${floor(c) ?? "-"}`).join(", ");
            rows.push([
              s.name,
              String(s.messages),
              String(now?.state.messages ?? "-"),
              `${s.first} to ${s.last}`,
              `${now?.state.first_seq ?? "-"} to ${now?.state.last_seq ?? "-"}`,
              `R${now?.config.num_replicas ?? "-"}`,
              all((c) => c.ackFloor),
              all((c) => floors.get(c.name)),
            ]);
          }
          cluster.emit({
            type: "table",
            title: `${cluster.name}: old server → cluster`,
            columns: ["stream", "messages", "→", "sequences", "→", "replicas", "ack floors", "→"],
            rows,
          });
          if (missing.length > 0) return { status: "failed", failure: { what: `${missing.join(", ")}: less than was saved`, next: "run again" } };
          for (const { name } of [...streams, ...unsaved]) await unmark(nc, name);
          done();
          return { status: "ok" };
        } finally {
          await nc.close();
        }
      },
    };
  },
});
