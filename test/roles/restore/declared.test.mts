import { join } from "node:path";
import t from "tap";
import { remove } from "../../../lib/nats/backup/put-back.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { consumerInfo, consumers, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { backup } from "../../../roles/backup/tasks.mts";
import { restoreRole } from "../../../roles/restore/tasks.mts";
import { consumer, create, fill, folder, ready, work } from "../../nats/backup/fixture.mts";
import { TestCluster, VERSIONS } from "../../nats/servers.mts";
import { asCluster, play } from "./fixture.mts";

t.setTimeout(300_000);

for (const version of VERSIONS) {
  t.test(`a declared stream keeps the consumers that the backup hasn't: ${version}`, async (t) => {
    const to = join(folder(t), "b");
    await TestCluster.with(version, 1, async (servers) => {
      const nc = await connectApp(servers.target),
        cluster = asCluster(servers),
        options = { from: to, streams: ["A"], replace: false, replicas: 1 };
      await ready(nc, 1);
      await create(nc, "A", { retention: "interest" });
      await consumer(nc, "A", "both");
      await fill(nc, 10, () => "A.x");
      await work(nc, "A", "both", 4);
      await play(backup({ to, streams: ["A"] }), cluster);
      await remove(nc, "A");
      // as a rollout declares it by now
      await create(nc, "A", { retention: "interest" });
      await consumer(nc, "A", "both");
      await consumer(nc, "A", "later", { filter_subject: "A.new", deliver_policy: "new", max_deliver: 7 });
      const planned = (await play(restoreRole(options), cluster, "check"))["stream A"];
      t.match(planned, { status: "drift", changes: [{ current: "declared, never written to; its consumer later stays" }] });
      const done = (await play(restoreRole(options), cluster))["stream A"];
      t.equal(done?.status, "changed", done?.failure?.what ?? "");
      t.same((await consumers(nc, "A")).map((c) => c.name).sort(), ["both", "later"]);
      t.equal((await consumerInfo(nc, "A", "both"))?.ack_floor.stream_seq, 4, "as it was saved");
      const { config } = (await consumerInfo(nc, "A", "later"))!;
      t.match(config, { filter_subject: "A.new", deliver_policy: "new", max_deliver: 7 });
      await fill(nc, 1, () => "A.new");
      await work(nc, "A", "both", 7);
      t.equal((await streamInfo(nc, "A"))?.state.messages, 1, "what comes now is kept for it");
      await nc.close();
    });
  });
}
