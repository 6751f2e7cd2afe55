import t from "tap";
import { compare } from "../../../lib/nats/backup/compare.mts";
import type { SavedStream } from "../../../lib/nats/backup/manifest.mts";
import { putBack } from "../../../lib/nats/backup/put-back.mts";
import { verifySaved } from "../../../lib/nats/backup/verify.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { consumerInfo, consumers, request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { TestCluster } from "../servers.mts";
import { create, everyKind, fill, folder, ready, saveAll, work } from "./fixture.mts";

t.setTimeout(300_000);

/** From a single server of each version into three of the newest, and between threes. 2.9 and 2.10 write the old form, 2.15 the new one. */
for (const [from, servers, to] of [
  ["2.9.10", 1, "2.15.1"],
  ["2.10.27", 1, "2.15.1"],
  ["2.10.27", 3, "2.10.27"],
  ["2.15.1", 3, "2.15.1"],
] as const) {
  t.test(`streams of every kind, ${servers} × ${from} → 3 × ${to}`, async (t) => {
    const dir = folder(t);
    const saved = await TestCluster.with(from, servers, async (cluster) => {
      const nc = await connectApp(cluster.target);
      t.teardown(() => nc.close());
      await ready(nc, servers);
      await everyKind(nc);
      await create(nc, "MEMORY", { storage: "memory" });
      await fill(nc, 30, () => "MEMORY.x");
      const all = await saveAll(nc, dir);
      const files = all.filter((s): s is SavedStream => "file" in s);
      t.same(
        all.filter((s) => !("file" in s)).map((s) => s.name),
        from === "2.15.1" ? [] : ["MEMORY"],
        "what no snapshot is given of",
      );
      for (const s of files) {
        const { messages, first_seq, last_seq } = (await streamInfo(nc, s.name))!.state;
        t.same([s.messages, s.last], [messages, last_seq], `${s.name}: all of it is in the file`);
        if (messages > 0) t.equal(s.first, first_seq, s.name);
        t.same((await compare(nc, s.name, s)).wrong, [], `${s.name}: subjects and ack floors as the server has them`);
        t.same(await verifySaved(dir, s), []);
      }
      await nc.close();
      return files;
    });
    await TestCluster.with(to, 3, async (cluster) => {
      const nc = await connectApp(cluster.target);
      t.teardown(() => nc.close());
      await ready(nc, 3);
      for (const s of saved) t.same(await putBack(nc, dir, s, { replicas: 3 }), [], `${s.name} is proved`);
      for (const s of saved) {
        const info = (await streamInfo(nc, s.name))!;
        t.equal(info.config.num_replicas, 3);
        t.equal(info.cluster?.replicas?.length, 2, `${s.name} has its replicas`);
        t.same(info.config["subjects"], s.config["subjects"], `${s.name} takes messages on its own subjects again`);
      }
      t.equal((await consumerInfo(nc, "PLAIN", "reader"))?.ack_floor.stream_seq, 120);
      t.same((await consumers(nc, "PLAIN")).map((c) => c.name).sort(), ["filtered", "reader"]);
      // where the workers left off
      await work(nc, "PLAIN", "reader", 880);
      t.equal((await consumerInfo(nc, "PLAIN", "reader"))?.ack_floor.stream_seq, 1000);
      await fill(nc, 1, () => "PLAIN.new");
      t.equal((await streamInfo(nc, "PLAIN"))?.state.last_seq, 1001, "and the next message gets the next sequence");
      const { message } = await request<{ message: { data: string } }>(nc, "KV", "STREAM.MSG.GET.KV_settings", { last_by_subj: "$KV.settings.key7" });
      t.equal(Buffer.from(message.data, "base64").toString(), "message 187");
      await nc.close();
    });
  });
}
