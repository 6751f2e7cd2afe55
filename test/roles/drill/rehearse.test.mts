import { rmSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { missingWithout } from "../../../lib/nats/agree.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { unheld } from "../../../lib/nats/jetstream/unheld.mts";
import { observe } from "../../../lib/nats/observe.mts";
import { FAULTS } from "../../../roles/drill/faults.mts";
import type { Hands } from "../../../roles/drill/hands.mts";
import { rehearse, type Stage } from "../../../roles/drill/rehearse.mts";
import { broken, table } from "../../../roles/drill/report.mts";
import { TestCluster } from "../../nats/servers.mts";
import { until } from "../../nats/until.mts";

t.setTimeout(900_000);
const VERSION = "2.15.1";
const fault = (name: string) => FAULTS.find((f) => f.name === name)!;

/** What a host's shell does to its server, done here to a process: by the names of the resources. */
class LocalHands implements Hands {
  readonly done: string[] = [];
  readonly #cluster: TestCluster;
  readonly #overrides: Record<string, (name: string) => Promise<void>>;
  constructor(cluster: TestCluster, overrides: Record<string, (name: string) => Promise<void>> = {}) {
    this.#cluster = cluster;
    this.#overrides = overrides;
  }

  async on(name: string, wanted: Parameters<Hands["on"]>[1]): ReturnType<Hands["on"]> {
    const resource = wanted({ store: "/store", ports: [4222, 6222] });
    const what = `${resource.type} ${resource.name}`;
    this.done.push(`${name}: ${what}`);
    const server = this.#cluster.server(name);
    const revive = (): void => {
      if (!server.running) server.start();
    };
    const acts: Record<string, () => Promise<void> | void> = {
      "fault pause": () => server.signal("SIGSTOP"),
      "fault lose-store": () => server.stop(),
      "store empty": () => {
        this.wipe(name);
        server.start();
      },
      "drill undone": () => {
        server.signal("SIGCONT");
        revive();
      },
    };
    const kill = async (): Promise<void> => {
      await server.stop();
      setTimeout(revive, 1000);
    };
    await (this.#overrides[what] ?? acts[what] ?? kill)(name);
    return { status: "changed", changes: [] };
  }

  wipe(name: string): void {
    rmSync(join(this.#cluster.server(name).dir, "store"), { recursive: true, force: true });
  }
}

async function staged(
  t: Test,
  overrides: (cluster: TestCluster) => Record<string, (name: string) => Promise<void>> = () => ({}),
): Promise<{ cluster: TestCluster; stage: Stage; hands: LocalHands; abort: AbortController }> {
  const cluster = await TestCluster.start(VERSION, 3);
  t.teardown(() => cluster.stop());
  await waitUntilSafe(cluster.target, {}, { settleMs: 500 });
  const hands = new LocalHands(cluster, overrides(cluster));
  const abort = new AbortController();
  const alone = async (): Promise<string[]> => {
    const app = await connectApp(cluster.target);
    return unheld(new Map([["APP", app]]), () => observe(cluster.target), false).finally(() => app.close());
  };
  return {
    cluster,
    hands,
    abort,
    stage: { target: cluster.target, connect: {}, hands, unheld: alone, signal: abort.signal, rate: 200, holdMs: 3000, settleMs: 1000, progress: () => {} },
  };
}
const all = ["n1", "n2", "n3"];

t.test("a lost store: the node comes back under its name, empty, and nothing that was acknowledged is lost", async (t) => {
  const { cluster, stage, hands } = await staged(t);
  const app = await connectApp(cluster.target);
  t.teardown(() => app.close());
  await app.request("$JS.API.STREAM.CREATE.LOGS", JSON.stringify({ name: "LOGS", subjects: ["logs.>"], num_replicas: 3 }), { timeout: 5000 });
  await Promise.all(Array.from({ length: 2000 }, (_, i) => app.request("logs.a", `${i}`, { timeout: 10_000 })));
  for (let i = 0; i < 2; i++) {
    const done = await rehearse(fault("lose-store"), all, stage);
    t.equal(broken(done), undefined, JSON.stringify(broken(done)));
    t.ok(done.account.acked > 500);
    t.equal(done.hit.length, 1);
    t.ok(done.redundantMs! > 0);
    const { streams } = await observe(cluster.target);
    t.same(
      streams.find((s) => s.name === "LOGS")!.copies.map((c) => c.messages),
      [2000, 2000, 2000],
      "also what was there before",
    );
  }
  t.match(hands.done.join("\n"), /(n\d): fault lose-store\n\1: store empty\n\1: drill undone/);
  for (const server of cluster.servers) t.notMatch(server.log, /orphan|\[FTL\]/i);
});

/** A stream with one replica on this server, and a message in it. */
async function solo(cluster: TestCluster, name: string, server: string, storage = "file"): Promise<void> {
  const app = await connectApp(cluster.target);
  try {
    for (;;) {
      await request(app, name, `STREAM.CREATE.${name}`, { name, subjects: [name], num_replicas: 1, storage });
      if ((await streamInfo(app, name))?.cluster?.leader === server) break;
      await request(app, name, `STREAM.DELETE.${name}`);
    }
    await app.request(name, "precious", { timeout: 5000 });
  } finally {
    await app.close();
  }
}

t.test("a stream made on the victim after the last look: it gets its store back, and the stream with it", async (t) => {
  const { cluster, stage, hands } = await staged(t, (cluster) => ({
    "fault lose-store": async (name) => {
      await solo(cluster, "LATE", name);
      await cluster.server(name).stop();
    },
  }));
  const done = await rehearse(fault("lose-store"), all, stage);
  t.match(done.error, { message: /so it was started with the store it had: stream LATE: no copy on the others$/ });
  t.notMatch(hands.done.join("\n"), /store empty/);
  const { streams } = await waitUntilSafe(cluster.target, {}, { settleMs: 500 });
  t.same(
    streams.find((s) => s.name === "LATE")!.copies.map((c) => c.messages),
    [1],
  );
});

t.test("streams made since the drill looked: nobody is hit whom they would be lost with", async (t) => {
  const { cluster, stage, hands } = await staged(t);
  for (const name of all) await solo(cluster, `MEM-${name}`, name, "memory");
  for (const kind of ["kill-node", "restart-all"]) {
    const done = await rehearse(fault(kind), all, stage);
    t.match(done.error, { message: /^it would destroy MEM-n1, MEM-n2, MEM-n3, made a moment ago/ });
    t.same(done.hit, []);
  }
  t.same(hands.done, []);
});

t.test("which streams a fault would destroy", async (t) => {
  const stream = (num_replicas: number, storage: string) => ({ config: { num_replicas, storage }, consumers: [] }) as never;
  const destroys = (name: string) => [stream(1, "memory"), stream(1, "file"), stream(3, "memory"), stream(3, "file")].map(fault(name).destroys);
  t.same(destroys("kill-node"), [true, false, false, false]);
  t.same(destroys("fill-disk"), [true, true, false, false], "a full disk can cost a stream its only copy");
  t.same(destroys("lose-store"), [true, true, false, false]);
  t.same(destroys("restart-all"), [true, false, true, false]);
});

t.test("a paused stream leader: others go on, and it comes back", async (t) => {
  const { stage, hands } = await staged(t);
  const done = await rehearse(fault("pause"), all, stage);
  t.equal(broken(done), undefined, JSON.stringify(broken(done)));
  t.ok(done.account.spans.at(-1)!.longestPublishGap.ms > 500, "it was felt");
  t.match(hands.done.join(" "), /^(n\d): fault pause \1: drill undone/);
  t.same(table([{ label: "pause", fault: fault("pause"), ...done }]).rows[0]!.slice(0, 2), ["pause", done.hit[0]]);
});

t.test("loss is found: a stream with one replica, whose store is gone", async (t) => {
  const wiped =
    (cluster: TestCluster) =>
    async (name: string): Promise<void> => {
      const server = cluster.server(name);
      await server.stop();
      rmSync(join(server.dir, "store/jetstream/APP/streams"), { recursive: true, force: true });
      server.start();
    };
  const { stage } = await staged(t, (cluster) => ({ "fault kill-stream-leader": wiped(cluster) }));
  const done = await rehearse(fault("kill-stream-leader"), all, { ...stage, replicas: 1 });
  t.ok(done.account.ackedLost > 0, "acknowledged, and gone");
  t.match(broken(done), { what: /^[\d,]+ of [\d,]+ acknowledged messages are lost/, next: /journalctl -u nats-server/ });
  t.not(table([{ label: "x", fault: fault("pause"), ...done }]).rows[0]![3], "0");
});

t.test("a fault that nobody notices proves nothing", async (t) => {
  const { stage } = await staged(t, () => ({ "fault pause": async () => {} }));
  const done = await rehearse(fault("pause"), all, stage);
  t.match(broken(done), { what: /no sign of it/ });
});

t.test("stopped in the middle: the fault is undone, the load has gone", async (t) => {
  const { cluster, stage, hands, abort } = await staged(t);
  const running = rehearse(fault("pause"), all, { ...stage, holdMs: 600_000 });
  await until(
    async () => hands.done.length,
    (n) => n > 0,
  );
  abort.abort(new Error("interrupted"));
  const done = await running;
  t.match(done.error, { message: "interrupted" });
  t.match(hands.done.at(-1), /drill undone/);
  const { streams } = await waitUntilSafe(cluster.target, {}, { settleMs: 500 });
  t.same(streams, [], "no stream of the load is left");
});

t.test("who may come back empty: only when the others hold everything without it", async (t) => {
  const { cluster } = await staged(t);
  const app = await connectApp(cluster.target);
  t.teardown(() => app.close());
  await app.request("$JS.API.STREAM.CREATE.LOGS", JSON.stringify({ name: "LOGS", subjects: ["logs.>"], num_replicas: 3 }), { timeout: 5000 });
  const { streams } = await waitUntilSafe(cluster.target, {}, { settleMs: 500 });
  const leader = streams[0]!.leader;
  const [second, third] = all.filter((n) => n !== leader) as [string, string];
  await cluster.server(leader).stop();
  t.not(missingWithout(await observe(cluster.target), leader).length, 0, "right after the leader went");
  t.same(
    await until(
      async () => missingWithout(await observe(cluster.target), leader),
      (m) => m.length === 0,
      60_000,
    ),
    [],
  );
  await cluster.server(second).stop();
  t.not(
    (
      await until(
        async () => missingWithout(await observe(cluster.target), leader),
        (m) => m.length > 0,
        60_000,
      )
    ).length,
    0,
    `${third} alone is no majority`,
  );
});
