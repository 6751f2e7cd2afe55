import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { SavedStream } from "../../../lib/nats/backup/manifest.mts";
import { save } from "../../../lib/nats/backup/save.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { consumers, request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { eventually } from "../load/cluster.mts";
import { TestCluster, VERSIONS } from "../servers.mts";
import { consumer, create, fill, folder, ready, work } from "./fixture.mts";

t.setTimeout(300_000);

for (const version of VERSIONS) {
  t.test(`durable consumers with fewer replicas than their stream: ${version}`, async (t) => {
    const dir = folder(t),
      file = join(dir, "a");
    await TestCluster.with(version, 3, async (cluster) => {
      const nc = await connectApp(cluster.target);
      await ready(nc, 3);
      await create(nc, "A", { num_replicas: 3 });
      await fill(nc, 50, () => "A.x");
      // one after another, until one lies elsewhere than the stream's leader
      const names: string[] = [];
      const elsewhere = async (): Promise<string[]> => {
        const leader = (await streamInfo(nc, "A"))!.cluster!.leader;
        return (await consumers(nc, "A"))
          .filter((c) => c.cluster?.leader !== leader)
          .map((c) => c.name)
          .sort();
      };
      while ((await elsewhere()).length === 0 && names.length < 40) {
        names.push(`w${names.length}`);
        await consumer(nc, "A", names.at(-1)!, { num_replicas: 1 });
        await work(nc, "A", names.at(-1)!, 20);
      }
      const away = await elsewhere();
      t.not(away.length, 0, "one lies elsewhere");
      if (version === "2.15.1") {
        const saved = (await save(nc, "APP", "A", file, "a")) as SavedStream;
        t.same(saved.consumers.map((c) => [c.name, c.ackFloor]).sort(), names.map((n) => [n, 20]).sort(), "the new form has them all");
      } else {
        const error = await save(nc, "APP", "A", file, "a").then(
          () => new Error("saved"),
          (e: Error) => e,
        );
        t.match(error, { message: new RegExp(`snapshot of stream A lacks consumer ${away.join(", ")}:`), next: /--replicas/ });
        rmSync(file);
        for (const name of away)
          await request(nc, name, `CONSUMER.CREATE.A.${name}`, {
            stream_name: "A",
            config: { ...(await consumers(nc, "A")).find((c) => c.name === name)!.config, num_replicas: 3 },
            action: "update",
          });
        // The new replicas learn where it stands a moment later.
        const floors = await eventually(async () => {
          rmSync(file, { force: true });
          const now = ((await save(nc, "APP", "A", file, "a")) as SavedStream).consumers.map((c) => [c.name, c.ackFloor]).sort();
          return now.every(([, floor]) => floor === 20) ? now : undefined;
        });
        t.same(floors, names.map((n) => [n, 20]).sort(), "as the error says");
        rmSync(file);
        await consumer(nc, "A", "sole", { num_replicas: 1 });
      }
      rmSync(file, { force: true });
      const on = (await consumers(nc, "A")).find((c) => c.config["num_replicas"] === 1)!;
      await cluster.server(on.cluster!.leader!).stop();
      const other = await connectApp(cluster.target);
      await t.rejects(save(other, "APP", "A", file, "a"), new RegExp(`no answer from consumer .*${on.name}`));
      t.notOk(existsSync(file), "asked before anything is written");
      await Promise.all([nc.close(), other.close()]);
    });
  });
}
