import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import t, { type Test } from "tap";
import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import { serverBinary, TestCluster, VERSIONS } from "../nats/servers.mts";
import { page } from "./pages.mts";

t.setTimeout(300_000);

/** What docs/article.md says of nats-server, asked of real ones. A test's name is the page's heading. */
const headings = page("docs/article.md").headings.map(({ text }) => text);
const corrects = (heading: string, body: (t: Test) => Promise<void>): void => {
  t.test(heading, async (t) => {
    t.ok(headings.includes(heading), "docs/article.md has this heading");
    await body(t);
  });
};

const dir = mkdtempSync(join(tmpdir(), "sampan-article-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

function conf(text: string): string {
  const file = join(dir, "nats-server.conf");
  writeFileSync(file, text);
  return file;
}

corrects("`file_sync: true`", async (t) => {
  for (const version of VERSIONS) {
    const binary = await serverBinary(version);
    const told = (option: string) => spawnSync(binary, ["-t", "-c", conf(`jetstream {\n  ${option}\n}\n`)], { encoding: "utf8" });
    const wrong = told("file_sync: true");
    t.equal(wrong.status, 1, version);
    t.match(wrong.stderr, /nats-server\.conf:2:3: unknown field "file_sync"/);
    t.equal(told("sync_interval: always").status, 0, version);
  }
});

corrects("`jetstream: enabled` alone", async (t) => {
  for (const version of VERSIONS) {
    const child = spawn(await serverBinary(version), ["-c", conf('listen: "127.0.0.1:-1"\njetstream: enabled\n')], {
      env: { ...process.env, TMPDIR: dir },
      stdio: ["ignore", "ignore", "pipe"],
    });
    t.teardown(() => child.kill("SIGKILL"));
    let log = "";
    for await (const chunk of child.stderr) {
      log += String(chunk);
      if (log.includes("Server is ready")) break;
    }
    t.match(log, "Temporary storage directory used, data could be lost on system reboot", version);
    t.match(log, `Store Directory: "${dir}/nats/jetstream"`, "below TMPDIR, which is /tmp where nothing else is said");
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
});

/** Three servers that are ready for streams, and a connection of the application's. */
const three = (options: Parameters<typeof TestCluster.with>[3], body: (cluster: TestCluster, nc: NatsConnection) => Promise<void>): Promise<void> =>
  TestCluster.with(
    "2.15.1",
    3,
    async (cluster) => {
      await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
      const nc = await connectApp(cluster.target);
      await body(cluster, nc).finally(() => nc.close());
    },
    options,
  );

corrects("`num_routes` is n − 1", async (t) => {
  await three({}, async (cluster) => {
    const sys = await connectSys(cluster.target);
    const ask = async <T,>(what: string): Promise<T> => (await sys.request(`$SYS.REQ.SERVER.PING.${what}`, "{}", { timeout: 5000 })).json<{ data: T }>().data;
    const varz = await ask<{ routes: number; remotes: number }>("VARZ");
    const routez = await ask<{ num_routes: number; routes: { remote_id: string }[] }>("ROUTEZ");
    await sys.close();
    t.equal(routez.num_routes, 8, "two peers: a pool of three to each, and one for the system account");
    t.equal(varz.routes, 8);
    t.equal(varz.remotes, 2, "the number of peers");
    t.equal(new Set(routez.routes.map((r) => r.remote_id)).size, 2);
  });
});

corrects("A deliver group on a pull consumer", async (t) => {
  await three({}, async (_, nc) => {
    const manager = await jetstreamManager(nc, { timeout: 10_000 });
    await manager.streams.add({ name: "A", subjects: ["a.>"], num_replicas: 3 });
    const config = { durable_name: "w", name: "w", ack_policy: "explicit", deliver_group: "workers" };
    const body = JSON.stringify({ stream_name: "A", config, action: "create" });
    const answer = (await nc.request("$JS.API.CONSUMER.CREATE.A.w", body, { timeout: 10_000 })).json<{
      error?: unknown;
      config?: { deliver_group?: string };
    }>();
    t.equal(answer.error, undefined, "the server takes it without a word");
    t.equal(answer.config?.deliver_group, "workers", "and keeps it");
    const js = jetstream(nc, { timeout: 10_000 });
    for (let i = 0; i < 6; i++) await js.publish("a.b", String(i));
    const consumer = await js.consumers.get("A", "w");
    const seen: string[][] = [];
    for (const _worker of ["one", "two"]) {
      const got: string[] = [];
      for await (const message of await consumer.fetch({ max_messages: 3, expires: 5000 })) {
        got.push(message.string());
        message.ack();
      }
      seen.push(got);
    }
    t.same(
      seen,
      [
        ["0", "1", "2"],
        ["3", "4", "5"],
      ],
      "workers that name no group share its messages, by pulling",
    );
    await t.rejects(consumer.fetch({ max_messages: 1, expires: 500 }), /'expires' must be at least 1000ms/, "see: Fetch with a wait of 500 ms");
  });
});

corrects("Primary, replica and JetStream node", async (t) => {
  await three({ n3: { jetstream: false } }, async (_, nc) => {
    const manager = await jetstreamManager(nc, { timeout: 10_000 });
    await t.rejects(manager.streams.add({ name: "B", subjects: ["b"], num_replicas: 3 }), /no suitable peers/, "three replicas need three nodes");
  });
});
