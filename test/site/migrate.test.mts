import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import type { NatsConnection } from "../../lib/nats/connect.mts";
import { consumerInfo, request, streamInfo } from "../../lib/nats/jetstream/api.mts";
import { connectSource } from "../../lib/nats/source.mts";
import { skip } from "../lab/fixture.mts";
import { consumer, create, fill, work } from "../nats/backup/fixture.mts";
import { serverBinary } from "../nats/servers.mts";
import { exits } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(1_800_000);

/** The article's old server: 2.10.27, alone, open to everybody, as its package starts it; its store where the cluster's will be. */
async function oldServer(t: Test, site: Site, host: string): Promise<NatsConnection> {
  const binary = readFileSync(await serverBinary("2.10.27")).toString("base64");
  await site.lab.exec(
    host,
    [
      "sh",
      "-c",
      `mkdir -p /var/lib/nats/jetstream && base64 -d >/usr/sbin/nats-server && chmod +x /usr/sbin/nats-server
    printf 'server_name: old\\njetstream { store_dir: /var/lib/nats/jetstream }\\n' >/etc/nats-server.conf
    printf '[Service]\\nExecStart=/usr/sbin/nats-server -c /etc/nats-server.conf\\n[Install]\\nWantedBy=multi-user.target\\n' >/lib/systemd/system/nats-server.service
    systemctl daemon-reload && systemctl enable --now nats-server`,
    ],
    { input: binary },
  );
  for (let tries = 0; ; tries++) {
    try {
      const nc = await connectSource({ host: site.address(host), port: 4222 });
      t.teardown(() => nc.close());
      return nc;
    } catch (error) {
      if (tries > 50) throw error;
      await sleep(200);
    }
  }
}

/** Streams, consumers and messages of the old server. */
async function filled(nc: NatsConnection): Promise<void> {
  await create(nc, "LOGS", { subjects: ["logs.>"] });
  await consumer(nc, "LOGS", "pull-worker");
  await fill(
    nc,
    3000,
    (i) => `logs.host${i % 4}`,
    (i) => `old ${i} ${"x".repeat(500)}`,
  );
  await work(nc, "LOGS", "pull-worker", 1000);
  await create(nc, "JOBS", { retention: "workqueue" });
  await consumer(nc, "JOBS", "workers");
  await fill(nc, 400, (i) => `JOBS.${i % 5}`);
  await work(nc, "JOBS", "workers", 100, (i) => i % 10 !== 9);
}

/** Publishes into LOGS without a pause, each message until somebody acknowledges it, to whatever server it is told. */
class Mover {
  readonly acked = new Set<string>();
  to: NatsConnection;
  /** longest time between two acknowledgements, ms */
  gap = 0;
  readonly #done: Promise<void>;
  #stopping = false;
  constructor(t: Test, to: NatsConnection) {
    this.to = to;
    t.teardown(() => {
      this.#stopping = true;
    });
    this.#done = this.#run();
  }
  async #run(): Promise<void> {
    const { headers } = await import("nats");
    for (let i = 0, last = Date.now(); !this.#stopping; i++) {
      const id = `m${i}`,
        h = headers();
      h.set("Nats-Msg-Id", id);
      while (!this.#stopping) {
        const ack = await this.to.request("logs.mover", id, { timeout: 1000, headers: h }).then(
          (m) => m.json<{ seq?: number }>(),
          () => ({ seq: undefined }),
        );
        if (ack.seq !== undefined) {
          this.acked.add(id);
          break;
        }
        await sleep(100);
      }
      this.gap = Math.max(this.gap, Date.now() - last);
      last = Date.now();
      await sleep(10);
    }
  }
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }
}

/** Every message of LOGS against what was acknowledged. */
async function accounted(t: Test, nc: NatsConnection, mover: Mover): Promise<void> {
  await mover.stop();
  const { last_seq, messages } = (await streamInfo(nc, "LOGS"))!.state;
  const stored: string[] = [];
  for (let seq = 1; seq <= last_seq; seq += 100) {
    await Promise.all(
      Array.from({ length: Math.min(100, last_seq - seq + 1) }, async (_, i) => {
        const { message } = await request<{ message: { subject: string; data: string } }>(nc, "LOGS", "STREAM.MSG.GET.LOGS", { seq: seq + i });
        stored.push(Buffer.from(message.data, "base64").toString());
      }),
    );
  }
  t.equal(messages, last_seq, "no hole");
  t.same(
    [...mover.acked].filter((id) => !stored.includes(id)),
    [],
    `${mover.acked.size} acknowledged while it moved, none lost`,
  );
  t.equal(new Set(stored).size, stored.length, "none stored twice");
  t.equal(stored.filter((text) => text.startsWith("old ")).length, 3000);
  t.comment(`${mover.acked.size} messages acknowledged, longest publish gap ${(mover.gap / 1000).toFixed(1)} s`);
}

function place(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-migrate-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "move");
}

t.test("in place: the single host becomes node 1, killed at every stage", { skip }, async (t) => {
  const site = await siteLab(t, "move-in");
  const [host] = site.names as [string],
    dir = place(t);
  const old = await oldServer(t, site, host);
  await filled(old);
  const url = `nats://${site.address(host)}:4222`,
    flags = ["--source", url, "--in-place", host, "--to", dir];

  const guarded = await site.run("--role", "nats-install", "--role", "cluster-config");
  exits(t, guarded, 1);
  t.match(
    guarded
      .ends("failed")
      .map((e) => e.failure?.next)
      .join(),
    /migrate\.mts/,
    "a plain rollout doesn't cluster it, and names the way",
  );

  const check = await site.play("migrate.mts", ...flags, "--check").result;
  exits(t, check, 2);
  t.notOk(existsSync(dir));
  t.same((await streamInfo(old, "LOGS"))?.config["subjects"], ["logs.>"], "--check closes nothing");

  const mover = new Mover(t, old);
  await sleep(1000);
  for (const [what, when] of [
    ["while it saves", (e: { type: string; task?: string }) => e.type === "task_end" && e.task === "save stream JOBS"],
    ["before the old server stops", (e: { type: string; task?: string }) => e.type === "task_end" && (e.task ?? "").startsWith("backup ")],
    ["while the cluster is configured", (e: { type: string; phase?: string }) => e.type === "phase_start" && e.phase === "install and configure"],
    ["while streams are put back", (e: { type: string; task?: string }) => e.type === "task_end" && e.task === "stream JOBS"],
  ] as const) {
    const killed = site.play("migrate.mts", ...flags);
    await killed.until(when as never, what);
    killed.signal("SIGKILL");
    await killed.result;
  }
  const run = await site.play("migrate.mts", ...flags).result;
  exits(t, run, 0);
  const nc = await site.app(t);
  mover.to = nc;
  await sleep(2000);
  t.match(
    run
      .of("warning")
      .map((w) => w.text)
      .join("\n"),
    /kept on nats-node-1 in \/var\/lib\/nats\/jetstream\/jetstream\.standalone/,
    "it says where the old store is",
  );
  t.match(await site.sh(host, "ls /var/lib/nats/jetstream/jetstream.standalone/*/streams"), /JOBS\nLOGS/);
  t.match(
    run
      .of("table")
      .find((e) => e.title.endsWith("old server → cluster"))
      ?.rows.map((r) => r[0]),
    ["JOBS", "LOGS"],
  );
  t.match(await streamInfo(nc, "JOBS"), { config: { num_replicas: 3, subjects: ["JOBS.>"] }, state: { messages: 310, last_seq: 400 } });
  t.equal(
    (await streamInfo(nc, "JOBS"))?.config["metadata"] &&
      Object.keys((await streamInfo(nc, "JOBS"))!.config["metadata"] as object).filter((k) => k.startsWith("sampan.")).length,
    0,
    "no mark is left",
  );
  t.equal((await consumerInfo(nc, "LOGS", "pull-worker"))?.ack_floor.stream_seq, 1000);
  t.equal((await consumerInfo(nc, "JOBS", "workers"))?.ack_floor.stream_seq, 9);
  await accounted(t, nc, mover);
  exits(t, await site.play("verify.mts").result, 0);
});

t.test("to new hosts: from a server that stays where it is; given up once, then through", { skip }, async (t) => {
  const site = await siteLab(t, "move-out", 4);
  const oldHost = site.names[3]!,
    dir = place(t);
  const old = await oldServer(t, site, oldHost);
  await filled(old);
  // the cluster is on the other three
  const hosts = join(site.inventory, "hosts.yml");
  writeFileSync(hosts, readFileSync(hosts, "utf8").replace(new RegExp(`^ *${oldHost}:.*\n`, "m"), ""));
  await site.rollout();
  const flags = ["--source", `nats://${site.address(oldHost)}:4222`, "--to", dir];
  const mover = new Mover(t, old);

  const killed = site.play("migrate.mts", ...flags);
  await killed.until((e) => e.type === "task_end" && e.task === "save stream JOBS", "a saved stream");
  killed.signal("SIGKILL");
  await killed.result;
  const stuck = mover.acked.size;
  await sleep(500);
  t.equal(mover.acked.size, stuck, "closed");
  exits(t, await site.play("migrate.mts", ...flags, "--back").result, 0);
  await sleep(1500);
  t.ok(mover.acked.size > stuck, "and open again");
  t.same((await streamInfo(old, "LOGS"))?.config["subjects"], ["logs.>"]);

  const run = await site.play("migrate.mts", ...flags).result;
  exits(t, run, 0);
  const nc = await site.app(t);
  mover.to = nc;
  await sleep(2000);
  t.match(
    run
      .of("warning")
      .map((w) => w.text)
      .join("\n"),
    /closed to publishers/,
  );
  t.equal((await streamInfo(nc, "LOGS"))?.config.num_replicas, 3);
  t.equal((await consumerInfo(nc, "LOGS", "pull-worker"))?.ack_floor.stream_seq, 1000);
  await accounted(t, nc, mover);
  t.ok(readdirSync(join(dir, "backup")).includes("manifest.json"));
  const again = await site.play("migrate.mts", ...flags).result;
  exits(t, again, 0);
  t.match(
    again
      .of("warning")
      .map((w) => w.text)
      .join("\n"),
    /is done/,
  );
});
