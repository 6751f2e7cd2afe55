import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { EventInput } from "../../../lib/engine/events.mts";
import { readState } from "../../../lib/nats/backup/migration.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { consumerInfo, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { isFrozen } from "../../../lib/nats/jetstream/freeze.mts";
import { Secret } from "../../../lib/secret.mts";
import { backup } from "../../../roles/backup/tasks.mts";
import { back } from "../../../roles/migrate/back.mts";
import { out } from "../../../roles/migrate/out.mts";
import { restoreRole } from "../../../roles/restore/tasks.mts";
import { consumer, create, fill, folder, ready, work } from "../../nats/backup/fixture.mts";
import { PASSWORD, TestCluster } from "../../nats/servers.mts";
import { asCluster, play } from "./fixture.mts";

t.setTimeout(600_000);

t.test("what 2.15 has written is refused to 2.10 before anything is touched", async (t) => {
  const to = join(folder(t), "b");
  await TestCluster.with("2.15.1", 1, async (servers) => {
    const nc = await connectApp(servers.target);
    await ready(nc, 1);
    await create(nc, "A");
    await fill(nc, 10, () => "A.x");
    t.same(
      Object.values(await play(backup({ to, streams: [] }), asCluster(servers))).map((r) => r.status),
      ["changed", "changed"],
    );
    await nc.close();
  });
  await TestCluster.with("2.10.27", 1, async (servers) => {
    const nc = await connectApp(servers.target);
    await ready(nc, 1);
    const results = await play(restoreRole({ from: to, streams: [], replace: true, replicas: 1 }), asCluster(servers));
    t.match(results["servers can read it"], {
      status: "failed",
      failure: { what: /2\.15 or newer, in a form that n1 with 2\.10\.27 can't read/, next: /2\.15/ },
    });
    t.notOk("stream A" in results);
    t.equal(await streamInfo(nc, "A"), undefined);
    await nc.close();
  });
});

t.test("a replacement that fails puts the present stream back", async (t) => {
  const dir = folder(t),
    to = join(dir, "b");
  await TestCluster.with("2.15.1", 1, async (servers) => {
    const nc = await connectApp(servers.target);
    await ready(nc, 1);
    await create(nc, "A");
    await fill(nc, 10, () => "A.x");
    await play(backup({ to, streams: ["A"] }), asCluster(servers));
    await fill(nc, 5, () => "A.later");
    const said: EventInput[] = [];
    // Three replicas can't be had of one server: the restore itself is refused.
    const results = await play(restoreRole({ from: to, streams: [], replace: true, replicas: 3 }), asCluster(servers, said));
    t.match(results["stream A"], { status: "failed", failure: { what: /The stream that was there before is back, and kept in / } });
    const now = (await streamInfo(nc, "A"))!;
    t.same([now.state.messages, now.config["subjects"]], [15, ["A.>"]], "with its messages and its subjects");
    t.ok(readdirSync(dir).some((name) => name.endsWith("-A-before-restore")));
    t.match(await play(restoreRole({ from: to, streams: ["B"], replace: true }), asCluster(servers)).catch((e: Error) => e.message), /has no stream "B"/);
    await nc.close();
  });
});

for (const version of ["2.9.10", "2.10.27"]) {
  t.test(`the way out of ${version}, and back`, async (t) => {
    const dir = folder(t),
      backupDir = join(dir, "m", "backup");
    await TestCluster.with(version, 1, async (servers) => {
      const nc = await connectApp(servers.target),
        cluster = asCluster(servers);
      await ready(nc, 1);
      await create(nc, "A");
      await consumer(nc, "A", "w");
      await fill(nc, 100, (i) => `A.${i % 3}`);
      await create(nc, "M", { storage: "memory" });
      await fill(nc, 10, () => "M.x");
      const source = {
        host: "127.0.0.1",
        port: servers.server("n1").ports.client,
        credential: { user: "app", password: new Secret(PASSWORD) },
        ca: servers.target.tls!.ca,
      };
      const options = { source, dir: join(dir, "m"), backup: backupDir, state: undefined, acceptMemoryLoss: false, newHosts: false };

      const refused = await play(out(options), cluster);
      t.match(Object.values(refused), [{ status: "failed", failure: { what: /^M \(10 messages\): kept in memory/, next: /--accept-memory-loss/ } }]);
      t.notOk(existsSync(join(dir, "m")), "nothing was begun");
      t.match(
        await play(out({ ...options, source: { ...source, credential: { user: "app", password: new Secret("wrong") } } }), cluster).catch(
          (e: Error) => e.message,
        ),
        /NATS_SOURCE_USER/,
      );

      const through = await play(out({ ...options, acceptMemoryLoss: true }), cluster);
      t.same(
        Object.entries(through).filter(([, r]) => r.status === "failed"),
        [],
      );
      t.ok(isFrozen((await streamInfo(nc, "A"))!.config));
      await t.rejects(nc.request("A.1", "x", { timeout: 500 }));
      t.equal(readState(join(dir, "m"), `127.0.0.1:${source.port}`)?.stage, "saved");
      t.throws(() => readState(join(dir, "m"), "10.0.0.1:4222"), /is of a migration from/);

      const configs = readState(join(dir, "m"), `127.0.0.1:${source.port}`)!.configs;
      t.same(
        Object.values(await play(back(source, configs), cluster)).map((r) => r.status),
        ["changed", "changed"],
      );
      await fill(nc, 1, () => "A.1");
      t.same((await streamInfo(nc, "A"))!.config["subjects"], ["A.>"]);
      t.same(
        Object.values(await play(back(source, configs), cluster)).map((r) => r.status),
        ["ok", "ok"],
      );
      await nc.close();
    });
  });
}

t.test("workers that go on are waited for, and told", async (t) => {
  const dir = folder(t);
  await TestCluster.with("2.10.27", 1, async (servers) => {
    const nc = await connectApp(servers.target),
      cluster = asCluster(servers);
    await ready(nc, 1);
    await create(nc, "A");
    await consumer(nc, "A", "w");
    await fill(nc, 300, () => "A.x");
    let busy = true;
    const worker = (async () => {
      for (let i = 0; i < 300 && busy; i++) {
        await work(nc, "A", "w", 1);
        await new Promise((r) => setTimeout(r, 20));
      }
    })();
    const source = {
      host: "127.0.0.1",
      port: servers.server("n1").ports.client,
      credential: { user: "app", password: new Secret(PASSWORD) },
      ca: servers.target.tls!.ca,
    };
    const results = await play(
      out({ source, dir: join(dir, "m"), backup: join(dir, "m", "backup"), state: undefined, acceptMemoryLoss: false, newHosts: false }),
      cluster,
    );
    busy = false;
    await worker;
    t.same(
      Object.values(results).filter((r) => r.status === "failed"),
      [],
    );
    t.equal((await consumerInfo(nc, "A", "w"))?.ack_floor.stream_seq, 300, "it drained first");
    await nc.close();
  });
});
