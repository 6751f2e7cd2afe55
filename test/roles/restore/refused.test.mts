import { join } from "node:path";
import t from "tap";
import { connectApp } from "../../../lib/nats/connect.mts";
import { request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { backup } from "../../../roles/backup/tasks.mts";
import { restoreRole } from "../../../roles/restore/tasks.mts";
import { create, fill, folder, ready } from "../../nats/backup/fixture.mts";
import { TestCluster } from "../../nats/servers.mts";
import { asCluster, play } from "./fixture.mts";

t.setTimeout(300_000);

t.test("another cluster's backup isn't put back unless it is meant", async (t) => {
  const to = join(folder(t), "b");
  await TestCluster.with("2.15.1", 1, async (servers) => {
    const nc = await connectApp(servers.target);
    await ready(nc, 1);
    await create(nc, "A");
    await fill(nc, 10, () => "A.x");
    await play(backup({ to, streams: [] }), { ...asCluster(servers), name: "hk" });
    await fill(nc, 5, () => "A.x");
    const here = { ...asCluster(servers), name: "fra" },
      options = { from: to, streams: [], replace: true, replicas: 1 };
    const refused = await play(restoreRole({ ...options, ownOnly: true }), here);
    t.match(refused["backup is of this cluster"], {
      status: "failed",
      failure: { what: "the backup is of cluster hk, and this is fra", next: /--other-cluster/ },
    });
    t.notOk("stream A" in refused);
    t.equal((await streamInfo(nc, "A"))?.state.messages, 15, "nothing is touched");
    t.equal(
      (await play(restoreRole({ ...options, ownOnly: true, replace: false, streams: ["A"] }), { ...here, name: "hk" }, "check"))["backup is of this cluster"]
        ?.status,
      "ok",
    );
    t.equal((await play(restoreRole(options), here))["stream A"]?.status, "changed");
    t.equal((await streamInfo(nc, "A"))?.state.messages, 10);
    await nc.close();
  });
});

t.test("a present stream isn't replaced by one whose messages would all be gone at once", async (t) => {
  const to = join(folder(t), "b");
  await TestCluster.with("2.15.1", 1, async (servers) => {
    const nc = await connectApp(servers.target),
      cluster = asCluster(servers),
      options = { from: to, streams: ["A"], replace: true, replicas: 1 };
    await ready(nc, 1);
    await create(nc, "A", { max_age: 1e9, duplicate_window: 1e9 });
    await fill(nc, 10, () => "A.x");
    await play(backup({ to, streams: ["A"] }), cluster);
    await request(nc, "A", "STREAM.UPDATE.A", { ...(await streamInfo(nc, "A"))!.config, max_age: 0 });
    await fill(nc, 5, () => "A.later");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const present = (await streamInfo(nc, "A"))!.state;
    for (const mode of ["check", "apply"] as const) {
      t.match(
        (await play(restoreRole(options), cluster, mode))["stream A"],
        { status: "failed", failure: { what: /older than its max_age/, next: /newer backup/ } },
        mode,
      );
    }
    t.same((await streamInfo(nc, "A"))!.state, present, "nothing is touched");
    await nc.close();
  });
});
