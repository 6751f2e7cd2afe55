import t from "tap";
import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { GateError, type GateProgress, waitUntilSafe } from "../../lib/nats/gate.mts";
import { checks } from "../../lib/nats/health.mts";
import { observe } from "../../lib/nats/observe.mts";
import { metaLeader, rollOrder, stepDownMeta } from "../../lib/nats/roll.mts";
import { TestCluster, VERSIONS } from "./servers.mts";
import { until } from "./until.mts";

t.setTimeout(600_000);

for (const version of VERSIONS) {
  t.test(version, async (t) => {
    const cluster = await TestCluster.start(version, 3);
    t.teardown(() => cluster.stop());
    const { target } = cluster;

    t.test("right after the first start it waits for the meta group and then passes", async (t) => {
      const said: GateProgress[] = [];
      const state = await waitUntilSafe(target, {}, { settleMs: 500, emit: (p) => said.push(p) });
      t.ok(metaLeader(state));
      t.equal(said.at(-1)?.status, "passed");
    });

    t.test("a safe cluster must stay so for the settle time", async (t) => {
      const started = Date.now();
      await waitUntilSafe(target, {}, { settleMs: 1200 });
      t.ok(Date.now() - started >= 1200);
    });

    t.test("it holds while a node is down and passes when it is back", async (t) => {
      const app = await connectApp(target);
      t.teardown(() => app.close());
      await app.request("$JS.API.STREAM.CREATE.LOGS", JSON.stringify({ name: "LOGS", subjects: ["logs.>"], num_replicas: 3 }), { timeout: 5000 });
      await waitUntilSafe(target, {}, { settleMs: 500 });
      await cluster.server("n3").stop();
      const error = await waitUntilSafe(target, {}, { settleMs: 500, timeoutMs: 1500 }).catch((e: unknown) => e);
      t.ok(error instanceof GateError);
      t.match((error as Error).message, /node answers, n3: .*connection refused\. Start nats-server/);
      const gate = waitUntilSafe(target, {}, { settleMs: 500 });
      let passed = false;
      void gate.then(() => {
        passed = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      t.equal(passed, false);
      cluster.server("n3").start();
      await gate;
    });

    t.test("it holds until the configuration was loaded anew", async (t) => {
      const { configLoaded } = (await observe(target)).nodes[1]!.server!;
      const gate = waitUntilSafe(target, { loadedAfter: { n2: configLoaded } }, { settleMs: 0 });
      let passed = false;
      void gate.then(() => {
        passed = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      t.equal(passed, false);
      cluster.server("n2").signal("SIGHUP");
      await gate;
    });

    t.test("it passes while the stream takes traffic", async (t) => {
      const app = await connectApp(target);
      t.teardown(() => app.close());
      let stop = false;
      const writing = (async () => {
        let n = 0;
        while (!stop) {
          await Promise.all(Array.from({ length: 50 }, () => app.request("logs.x", "x".repeat(128)).catch(() => {})));
          n += 50;
        }
        return n;
      })();
      const state = await waitUntilSafe(target, {}, { settleMs: 1500, timeoutMs: 20_000 });
      stop = true;
      t.ok((await writing) > 500);
      t.strictSame(
        checks(state).filter((c) => c.id.startsWith("stream.") && c.status === "failed"),
        [],
      );
    });

    t.test("it doesn't pass when a replica hangs while the stream takes traffic", async (t) => {
      const app = await connectApp(target);
      t.teardown(() => app.close());
      const { leader } = (await observe(target)).streams[0]!;
      const victim = cluster.server(["n1", "n2", "n3"].find((n) => n !== leader && n !== app.info!.server_name)!);
      victim.signal("SIGSTOP");
      let stop = false;
      const writing = (async () => {
        while (!stop) await app.request("logs.x", "x").catch(() => {});
      })();
      try {
        await t.rejects(waitUntilSafe(target, {}, { settleMs: 500, timeoutMs: 3000, connect: { timeoutMs: 500 } }), GateError);
      } finally {
        victim.signal("SIGCONT");
        stop = true;
        await writing;
      }
      await waitUntilSafe(target, {}, { settleMs: 500 });
    });

    t.test("followers come first, the meta leader last, a node that is out before all", async (t) => {
      const state = await waitUntilSafe(target, {}, { settleMs: 0 });
      const leader = metaLeader(state)!;
      t.equal(rollOrder(state, target.nodes).at(-1)?.name, leader);
      const broken = ["n3", "n2"].find((n) => n !== leader)!;
      const nodes = state.nodes.map((n) => (n.node.name === broken ? { ...n, server: undefined } : n));
      const order = rollOrder({ ...state, nodes }, target.nodes).map((n) => n.name);
      t.equal(order[0], broken);
      t.equal(order.at(-1), leader);
    });

    t.test("the meta leader steps down", async (t) => {
      const state = await waitUntilSafe(target, {}, { settleMs: 0 });
      const sys = await connectSys(target);
      t.teardown(() => sys.close());
      const preferred = rollOrder(state, target.nodes)[0]!.name;
      const leader = await stepDownMeta(sys, state, { preferred });
      t.not(leader, metaLeader(state));
      if (version !== "2.10.27") t.equal(leader, preferred);
      const after = await until(
        () => observe(target),
        (s) => metaLeader(s) === leader,
      );
      t.equal(metaLeader(after), leader);
    });
  });
}

t.test("a single server that isn't clustered passes", async (t) => {
  await TestCluster.with("2.15.1", 1, async (cluster) => {
    const app = await connectApp(cluster.target);
    await app.request("$JS.API.STREAM.CREATE.ONE", JSON.stringify({ name: "ONE", subjects: ["one"], num_replicas: 1 }));
    await app.close();
    const state = await waitUntilSafe(cluster.target, { version: "2.15.1", streams: [{ name: "ONE" }] }, { settleMs: 200, timeoutMs: 5000 });
    t.equal(rollOrder(state, cluster.target.nodes)[0]?.name, "n1");
  });
});

t.test("an abort ends the waiting", async (t) => {
  const stop = new AbortController();
  const target = {
    name: "",
    nodes: [{ name: "n1", lane: "n1", host: "127.0.0.1", port: 1, jetstream: true }],
    sys: { user: "x", password: { reveal: () => "" } },
    app: { user: "x", password: { reveal: () => "" } },
  };
  const gate = waitUntilSafe(target as never, {}, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("stopped by hand")), 100);
  await t.rejects(gate, /stopped by hand/);
});
