import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { connectApp, type NatsConnection } from "../../lib/nats/connect.mts";
import { examine } from "../../lib/nats/examine.mts";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import { type Check, checks, type Expectation } from "../../lib/nats/health.mts";
import { request } from "../../lib/nats/jetstream/api.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import { selfSign } from "../../lib/pki/issue.mts";
import { TestCluster, VERSIONS } from "./servers.mts";
import { until } from "./until.mts";

t.setTimeout(600_000);

const bad = (all: readonly Check[]) => all.filter((c) => c.status !== "passed");
const texts = (all: readonly Check[], id: string) =>
  bad(all)
    .filter((c) => c.id === id)
    .map((c) => `${c.status} ${c.asset ?? ""}: ${c.detail}`);

const see = async (cluster: TestCluster, expected: Expectation = {}) => checks(await observe(cluster.target, { anonymous: true, timeoutMs: 1000 }), expected);

const api = (nc: NatsConnection, subject: string, body: object): Promise<unknown> => request(nc, subject, subject, body);

/** Stream LOGS with consumer pull-worker (5 acks pending at most) and `messages` in it. */
async function logs(cluster: TestCluster, messages: number): Promise<NatsConnection> {
  const app = await connectApp(cluster.target);
  await api(app, "STREAM.CREATE.LOGS", { name: "LOGS", subjects: ["logs.>"], storage: "file", num_replicas: cluster.servers.length });
  await api(app, "CONSUMER.CREATE.LOGS.pull-worker", {
    stream_name: "LOGS",
    config: { durable_name: "pull-worker", ack_policy: "explicit", max_ack_pending: 5 },
  });
  for (let i = 0; i < messages; i++) await app.request("logs.a", "x");
  return app;
}

for (const version of VERSIONS) {
  t.test(version, async (t) => {
    const cluster = await TestCluster.start(version, 3);
    t.teardown(() => cluster.stop());
    await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
    const app = await logs(cluster, 10);
    t.teardown(() => app.close());
    await waitUntilSafe(cluster.target, {}, { settleMs: 500 });

    t.test("a sound cluster passes every check", async (t) => {
      const all = await see(cluster, { version, streams: [{ name: "LOGS", replicas: 3, consumers: ["pull-worker"] }] });
      t.strictSame(bad(all), []);
      t.match(all.find((c) => c.id === "mesh.routes" && c.asset === "n1")?.detail, /^n2 [\d.]+ ms, n3 [\d.]+ ms$/);
      t.match(all.find((c) => c.id === "stream.sequences")?.detail, "10 on n1, n2, n3");
      t.strictSame([...new Set(all.filter((c) => c.id === "auth.required").map((c) => c.asset))], ["n1", "n2", "n3"]);
    });

    t.test("what the inventory asks beyond the servers' own word", async (t) => {
      const state = await observe(cluster.target);
      const { configLoaded, start, configDigest } = state.nodes[0]!.server!;
      const all = checks(state, {
        version: { n1: "9.9.9", n2: version },
        configDigest: { n1: "sha256:feed" },
        loadedAfter: { n2: configLoaded + 60_000 },
        startedAfter: { n3: start + 60_000 },
        streams: [{ name: "LOGS", replicas: 1, consumers: ["other"] }, { name: "ORDERS" }],
      });
      t.match(texts(all, "node.version"), [/^failed n1: runs .* expected 9\.9\.9/]);
      t.match(
        texts(all, "node.configuration").map((l) => l.slice(0, 9)),
        [...(configDigest ? ["failed n1"] : []), "failed n2", "failed n3"],
      );
      t.match(texts(all, "stream.replicas"), [/LOGS: configured for 3 replicas, expected 1/]);
      t.match(texts(all, "stream.exists"), [/failed ORDERS/]);
      t.match(texts(all, "consumer.exists"), [/failed LOGS > other/]);
    });

    t.test("a consumer at its ack limit is named", async (t) => {
      const inbox = app.subscribe("fetched", { max: 5 });
      app.publish("$JS.API.CONSUMER.MSG.NEXT.LOGS.pull-worker", JSON.stringify({ batch: 5, expires: 5e9 }), { reply: "fetched" });
      const messages = [];
      for await (const m of inbox) messages.push(m);
      t.match(texts(await see(cluster), "consumer.ack-pending"), [
        /^failed LOGS > pull-worker: 5 of 5 unacknowledged: its workers fetch nothing more.*; 5 wait/,
      ]);
      for (const m of messages) m.respond("+ACK");
      await app.flush();
      t.strictSame(texts(await see(cluster), "consumer.ack-pending"), []);
    });

    t.test("a replica that hangs and then lags is named, with its node", async (t) => {
      const { leader } = (await observe(cluster.target)).streams[0]!;
      const victim = ["n3", "n2"].find((n) => n !== leader)!;
      cluster.server(victim).signal("SIGSTOP");
      try {
        for (let i = 0; i < 20; i++) await app.request("logs.b", "x").catch(() => {});
        const all = await until(
          () => see(cluster),
          (found) => texts(found, "stream.replicas").length > 0,
        );
        t.match(texts(all, "node.reachable"), [new RegExp(`failed ${victim}`)]);
        t.match(texts(all, "stream.replicas").join(), new RegExp(`failed LOGS: .*${victim} (is \\d+ operations behind|is offline|holds no copy)`));
      } finally {
        cluster.server(victim).signal("SIGCONT");
      }
      await waitUntilSafe(cluster.target, {}, { settleMs: 0, timeoutMs: 30_000 });
    });

    t.test("a stopped node is named by itself, by the routes of the others and as missing replica", async (t) => {
      await cluster.server("n3").stop();
      const all = await until(
        () => see(cluster),
        (found) => texts(found, "mesh.routes").length > 0 && !texts(found, "stream.replicas").join().includes("no leader"),
      );
      t.match(texts(all, "node.reachable"), [/failed n3: 127\.0\.0\.1:\d+: connection refused/]);
      t.match(texts(all, "mesh.routes"), [/failed n1: no route to n3 \(it doesn't answer\); has n2/, /failed n2: no route to n3/]);
      t.match(texts(all, "stream.replicas"), [/failed LOGS: .*n3/]);
      t.ok(
        bad(all).every((c) => c.next),
        "each says the next step",
      );
    });

    t.test("a node with another cluster name is named as such", async (t) => {
      const server = cluster.server("n3");
      server.options.cluster = "elsewhere";
      cluster.configure(server);
      server.start();
      await cluster.greets(server);
      const all = await see(cluster);
      t.match(texts(all, "mesh.cluster-name"), ["failed n3: cluster name is elsewhere, expected test"]);
      t.match(texts(all, "mesh.routes")[0], /failed n1: no route to n3 \(its cluster name is elsewhere\)/);
      t.strictSame(texts(all, "node.reachable"), []);
      await server.stop();
      server.options.cluster = "test";
    });

    t.test("a duplicate server_name is named on both", async (t) => {
      const server = cluster.server("n3");
      cluster.configure({ ...server, options: { ...server.options, name: "n2" }, dir: server.dir, ports: server.ports } as typeof server);
      server.start();
      await cluster.greets(server);
      const names = texts(await see(cluster), "node.name");
      t.match(names, [/failed n2: duplicate server_name n2, also on n3/, /failed n3: it calls itself n2, expected n3; duplicate server_name n2, also on n2/]);
      await server.stop();
      cluster.configure(server);
    });

    t.test("two of three stopped: no meta leader", async (t) => {
      await cluster.server("n2").stop();
      const all = await until(
        () => see(cluster),
        (found) => texts(found, "meta.leader").length > 0,
        // A leader that is left alone steps down when it has heard nobody for ten seconds, and looks every ten.
        60_000,
      );
      t.match(texts(all, "meta.leader").join(), /no meta leader known on n1|all name n\d, which doesn't lead/);
    });

    t.test("none left: every node is named and nothing is thrown", async (t) => {
      await cluster.server("n1").stop();
      const all = await see(cluster);
      t.strictSame(
        texts(all, "node.reachable").map((l) => l.slice(0, 9)),
        ["failed n1", "failed n2", "failed n3"],
      );
    });
  });
}

t.test("when the node asked first is the one outside the mesh, the others still are the cluster", async (t) => {
  await TestCluster.with(
    "2.15.1",
    3,
    async (cluster) => {
      const state = await until(
        () => observe(cluster.target),
        (seen) => seen.servers.some((s) => s.name === "n2" && s.routes.length === 1),
      );
      t.strictSame(
        state.servers
          .filter((s) => s.inMesh)
          .map((s) => s.name)
          .sort(),
        ["n2", "n3"],
      );
      const all = checks(state);
      t.match(texts(all, "mesh.cluster-name"), ["failed n1: cluster name is elsewhere, expected test"]);
      t.match(texts(all, "mesh.routes"), [
        /^failed n1: no route to n2 .*, n3/,
        /^failed n2: no route to n1 \(its cluster name is elsewhere\); has n3/,
        /^failed n3: no route to n1 .*; has n2/,
      ]);
    },
    { n1: { cluster: "elsewhere" } },
  );
});

t.test("a node without JetStream is part of the mesh and not of the meta group", async (t) => {
  await TestCluster.with(
    "2.15.1",
    4,
    async (cluster) => {
      const state = await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
      t.match(
        checks(state).find((c) => c.id === "meta.size"),
        { status: "passed", detail: "3 members" },
      );
      t.strictSame(bad(checks(state)), []);
    },
    { n4: { jetstream: false } },
  );
});

t.test("credentials of no system account: every node says so", async (t) => {
  await TestCluster.with("2.15.1", 1, async (cluster) => {
    const all = checks(await observe({ ...cluster.target, sys: cluster.target.app }));
    t.match(texts(all, "node.reachable"), ["failed n1: the system account can't be asked"]);
    t.match(all[0]?.next, /the user isn't in the system account/);
  });
});

t.test("examine looks again while something is only passing by", async (t) => {
  await TestCluster.with("2.15.1", 3, async (cluster) => {
    const { checks: all } = await examine(cluster.target, {}, { patienceMs: 10_000 });
    t.strictSame(bad(all), []);
  });
});

for (const [days, status] of [
  [20, "warning"],
  [5, "failed"],
] as const) {
  t.test(`real certificates that last ${days} days: ${status} on each node`, async (t) => {
    const cluster = await TestCluster.start("2.15.1", 3, {}, days);
    t.teardown(() => cluster.stop());
    await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
    t.match(
      texts(await see(cluster), "tls.expiry"),
      ["n1", "n2", "n3"].map((n) => new RegExp(`^${status} ${n}: the certificate expires in ${days - 1} days`)),
    );
  });
}

t.test("an open server fails, with the node's name", async (t) => {
  await TestCluster.with(
    "2.15.1",
    1,
    async (cluster) => {
      await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
      t.match(texts(await see(cluster), "auth.required"), ["failed n1: a client without credentials is let in"]);
    },
    { n1: { open: true } },
  );
});

t.test("a server without TLS fails when the target has a CA", async (t) => {
  await TestCluster.with(
    "2.15.1",
    1,
    async (cluster) => {
      t.match(texts(await see(cluster), "tls.required"), ["failed n1: clients may connect without TLS"]);
    },
    { n1: { tls: false } },
  );
});

/** Below: a real state with one figure changed, for what can't be brought about in a test. */
t.test("figures", async (t) => {
  const cluster = await TestCluster.start("2.15.1", 3);
  t.teardown(() => cluster.stop());
  await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
  const app = await logs(cluster, 3);
  t.teardown(() => app.close());
  const sound = await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
  const stream = sound.streams[0]!;
  const with_ = (change: Partial<typeof stream>): ClusterState => ({ ...sound, streams: [{ ...stream, ...change }] });
  const copies = (n3: object) => stream.copies.map((c) => (c.server === "n3" ? { ...c, ...n3 } : c));

  t.test("an idle replica that lacks messages while all call it current", async (t) => {
    t.match(texts(checks(with_({ copies: copies({ lastSeq: 2 }) })), "stream.sequences"), ["failed LOGS: n3 has 2, others reached 3"]);
  });
  t.test("a replica that is behind, offline or not current is named", async (t) => {
    const seen = (change: object) =>
      texts(checks(with_({ replicas: stream.replicas.map((p, i) => (i === 0 ? { ...p, name: "n3", ...change } : p)) })), "stream.replicas");
    t.match(seen({ lag: 7 }), ["failed LOGS: n3 is 7 operations behind"]);
    t.match(seen({ offline: true }), ["failed LOGS: n3 is offline"]);
    t.match(seen({ current: false }), ["failed LOGS: n3 isn't current"]);
  });
  t.test("a stream or consumer without a leader", async (t) => {
    t.match(texts(checks(with_({ leader: "", replicas: [] })), "stream.replicas"), [/failed LOGS: no leader \(held by n1, n2, n3\)/]);
    t.match(texts(checks(with_({ consumers: [{ ...stream.consumers[0]!, leader: "", replicas: [] }] })), "consumer.alive"), [
      /failed LOGS > pull-worker: no leader/,
    ]);
  });
  t.test("equal sequences with other message counts warn", async (t) => {
    t.match(texts(checks(with_({ copies: copies({ messages: 1 }) })), "stream.sequences"), [/^warning LOGS: message counts differ: .*n3 1/]);
  });
  t.test("under traffic, replicas past the mark are good", async (t) => {
    t.strictSame(texts(checks(with_({ copies: copies({ lastSeq: 4 }), moving: true })), "stream.sequences"), []);
  });
  t.test("certificates: a warning at 30 days, a failure at 7", async (t) => {
    const probed = (days: number) => ({
      ...sound,
      nodes: sound.nodes.map((n) => ({ ...n, probe: { ...n.probe, certNotAfter: sound.at + days * 86_400_000 + 1000 } })),
    });
    const status = (days: number) => checks(probed(days)).find((c) => c.id === "tls.expiry")?.status;
    t.strictSame([31, 30, 29, 8, 7, 6, -1].map(status), ["passed", "passed", "warning", "warning", "warning", "failed", "failed"]);
  });
  t.test("CAs: a warning at 30 days, a failure at 7, each of those that are trusted", async (t) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const ca = (days: number) => selfSign(`a CA of ${days} days`, privateKey, new Date(sound.at + days * 86_400_000 + 1000));
    const two = (await Promise.all([ca(29), ca(6)])).join("");
    t.match(texts(checks({ ...sound, target: { ...sound.target, tls: { ca: two } } }), "tls.ca"), [
      /^warning a CA of 29 days: the CA expires in 29 days/,
      /^failed a CA of 6 days: the CA expires in 6 days \(\d{4}-\d\d-\d\d\)$/,
    ]);
  });
  t.test("what was only on a dead node is named, when the meta group was asked", async (t) => {
    t.match(texts(checks({ ...sound, unseen: ["ORDERS", "SALES"] }, { streams: [{ name: "SALES" }] }), "stream.unseen"), [
      /^failed ORDERS: every node that holds it is gone/,
    ]);
  });
  t.test("ack pending: a warning at 90 %", async (t) => {
    const consumer = { ...stream.consumers[0]!, ackPending: 900 };
    const state = with_({ consumers: [{ ...consumer, config: { ...consumer.config, max_ack_pending: 1000 } }] });
    t.match(texts(checks(state), "consumer.ack-pending"), ["warning LOGS > pull-worker: 900 of 1000 unacknowledged (90 %)"]);
  });
  t.test("bounds of the inventory: a route's round trip, acks pending, a certificate's life", async (t) => {
    const slow = { ...sound, nodes: sound.nodes.map((n) => ({ ...n, server: { ...n.server!, routes: n.server!.routes.map((r) => ({ ...r, rttMs: 12 })) } })) };
    t.equal(texts(checks(slow, { bounds: { routeRtt: 11 } }), "mesh.rtt").length, 3);
    t.match(texts(checks(slow, { bounds: { routeRtt: 11 } }), "mesh.rtt")[0], /^failed n1: 12 ms to n\d, at most 11 ms; 12 ms to/);
    t.same(texts(checks(slow, { bounds: { routeRtt: 12 } }), "mesh.rtt"), []);
    const full = (pending: number) => {
      const state = structuredClone(sound);
      Object.assign(state.streams[0]!.consumers[0]!, { ackPending: pending, config: { ...state.streams[0]!.consumers[0]!.config, max_ack_pending: 1000 } });
      return state;
    };
    t.match(texts(checks(full(501), { bounds: { ackPending: 50 } }), "consumer.ack-pending"), [
      /^failed LOGS > pull-worker: 501 of 1000 unacknowledged: more than 50 %/,
    ]);
    t.same(texts(checks(full(500), { bounds: { ackPending: 50 } }), "consumer.ack-pending"), []);
    const ends = {
      ...sound,
      nodes: sound.nodes.map((n) => ({ ...n, probe: { ...n.probe, certNotAfter: sound.at + 20 * 86_400_000 } })),
      target: { ...sound.target, tls: { ca: "" } },
    };
    t.match(texts(checks(ends, { bounds: { certificate: 21 * 86_400_000 } }), "tls.expiry")[0], /^failed n1/);
    t.match(texts(checks(ends, { bounds: { certificate: 19 * 86_400_000 } }), "tls.expiry")[0], /^warning n1/);
  });
  t.test("JetStream limits: a warning at 90 %, a failure when full", async (t) => {
    const used = (storage: number) => ({
      ...sound,
      nodes: sound.nodes.map((n) => ({ ...n, server: { ...n.server!, jetstream: { ...n.server!.jetstream!, storage, maxStorage: 1000 } } })),
    });
    t.match(texts(checks(used(900)), "node.limits")[0], /^warning n1: file store 90 % of 1000/);
    t.match(texts(checks(used(1000)), "node.limits")[0], /^failed n1: file store 100 %/);
  });
  t.test("a ghost in the meta group", async (t) => {
    const leader = sound.nodes.find((n) => n.server!.jetstream!.meta!.leader === n.server!.name)!;
    const ghost = sound.nodes.find((n) => n !== leader)!.node.name;
    const nodes = sound.nodes.filter((n) => n.node.name !== ghost);
    const state = { ...sound, target: { ...sound.target, nodes: nodes.map((n) => n.node) }, nodes };
    t.match(texts(checks(state), "meta.size"), [`failed : 3 members, expected 2; ${ghost} is a member but not of the inventory`]);
  });
  t.test("healthz names the broken asset", async (t) => {
    const healthz = {
      ok: false,
      error: "x",
      faults: [{ type: "CONSUMER", account: "APP", stream: "LOGS", consumer: "pull-worker", error: "group node missing" }],
    };
    const nodes = sound.nodes.map((n) => (n.node.name === "n2" ? { ...n, server: { ...n.server!, healthz } } : n));
    t.match(texts(checks({ ...sound, nodes }), "node.healthz"), ["failed n2: consumer LOGS > pull-worker: group node missing"]);
  });
  t.test("a server that isn't in the inventory", async (t) => {
    const servers = [...sound.servers, { ...sound.servers[0]!, id: "X", name: "n9" }];
    t.match(texts(checks({ ...sound, servers }), "mesh.stranger"), [/^failed n9: server n9 .* answers but isn't in the inventory: with its JetStream/]);
    const { jetstream: _, ...plain } = sound.servers[0]!;
    t.match(texts(checks({ ...sound, servers: [...sound.servers, { ...plain, id: "X", name: "n9" }] }), "mesh.stranger"), [/^warning n9/]);
  });
  t.test("streams of two accounts are told apart", async (t) => {
    const both = { ...sound, streams: [stream, { ...stream, account: "OTHER" }] };
    t.strictSame(
      checks(both)
        .filter((c) => c.id === "stream.replicas")
        .map((c) => c.asset),
      ["APP/LOGS", "OTHER/LOGS"],
    );
  });
  t.test("a clock that is off", async (t) => {
    const nodes = sound.nodes.map((n) => (n.node.name === "n2" ? { ...n, server: { ...n.server!, clockOffset: 90_000 } } : n));
    t.match(texts(checks({ ...sound, nodes }), "node.clock"), [/warning n2: the clock is \d+ ms ahead of the others/]);
  });
});
