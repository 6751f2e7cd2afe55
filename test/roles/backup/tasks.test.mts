import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { connectApp } from "../../../lib/nats/connect.mts";
import { streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { backup } from "../../../roles/backup/tasks.mts";
import { root } from "../../lab/fixture.mts";
import { create, fill, folder, ready } from "../../nats/backup/fixture.mts";
import { TestCluster } from "../../nats/servers.mts";
import { asCluster, play } from "../restore/fixture.mts";

t.setTimeout(600_000);

t.test("with a stream that can't be asked nothing is kept, and older backups stay", async (t) => {
  const parent = folder(t),
    [older, newer] = ["2026-01-01T000000Z", "2026-01-02T000000Z"].map((name) => join(parent, name)) as [string, string];
  await TestCluster.with("2.15.1", 3, async (servers) => {
    const nc = await connectApp(servers.target),
      cluster = asCluster(servers);
    await ready(nc, 3);
    await create(nc, "A", { num_replicas: 3 });
    await create(nc, "SOLE");
    await fill(nc, 10, () => "SOLE.x");
    const results = await play(backup({ to: older, streams: [] }), cluster);
    t.same(
      Object.values(results).map((r) => r.status),
      ["changed", "changed", "changed"],
    );
    await servers.server((await streamInfo(nc, "SOLE"))!.cluster!.leader!).stop();
    const without = await play(backup({ to: newer, streams: [], keep: { parent, count: 1 } }), cluster);
    t.equal(without["stream SOLE"]?.status, "failed");
    t.match(without[`backup ${newer}`], { status: "failed", failure: { what: /nothing is kept: SOLE couldn't be saved/ } });
    t.ok(existsSync(join(older, "manifest.json")));
    t.same(readdirSync(parent), ["2026-01-01T000000Z"]);
    await nc.close();
  });
});

t.test("a backup of some streams takes no place in a row of backups of all", (t) => {
  const run = spawnSync(join(root, "playbooks/backup.mts"), ["--keep", "2", "--stream", "A"], { cwd: folder(t), encoding: "utf8" });
  t.equal(run.status, 3);
  t.match(run.stderr, /--keep counts backups of all streams, so it doesn't go with --stream/);
  t.end();
});
