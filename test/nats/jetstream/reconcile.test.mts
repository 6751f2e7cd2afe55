import t from "tap";
import { UsageError } from "../../../lib/inventory/types.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { checks } from "../../../lib/nats/health.mts";
import { consumerInfo, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { apply, items, NeedsRecreateError, plan, type StreamDeclaration } from "../../../lib/nats/jetstream/reconcile.mts";
import { observe } from "../../../lib/nats/observe.mts";
import { TestCluster, VERSIONS } from "../servers.mts";

t.setTimeout(600_000);

/** The article's own stream, and one with nearly every field there is. */
const LOGS: StreamDeclaration = {
  name: "LOGS",
  subjects: ["logs.>"],
  storage: "file",
  num_replicas: 3,
  consumers: [{ durable_name: "pull-worker", ack_policy: "explicit", max_ack_pending: 50000 }],
};
const RICH: StreamDeclaration = {
  name: "RICH",
  description: "all of it",
  subjects: ["b.*", "a.>"],
  retention: "limits",
  storage: "memory",
  num_replicas: 1,
  max_consumers: 10,
  max_msgs: 0,
  max_bytes: "10MB",
  max_age: "1h30m",
  max_msgs_per_subject: 100,
  max_msg_size: "1MB",
  discard: "new",
  discard_new_per_subject: true,
  duplicate_window: "5m",
  compression: "none",
  allow_direct: true,
  deny_delete: true,
  allow_rollup_hdrs: true,
  metadata: { owner: "ops" },
  subject_transform: { src: "a.*.x", dest: "a.{{wildcard(1)}}.y" },
  republish: { dest: "copy.>", headers_only: true },
  consumer_limits: { inactive_threshold: "24h", max_ack_pending: 5000 },
  placement: { tags: [] },
  no_ack: false,
  first_seq: 1,
  consumers: [
    {
      durable_name: "slow",
      ack_policy: "explicit",
      deliver_policy: "by_start_time",
      opt_start_time: "2026-01-31T00:00:00+01:00",
      backoff: ["1s", "5s", "30s"],
      ack_wait: "1s",
      max_deliver: 5,
      filter_subjects: ["a.1", "a.2"],
      inactive_threshold: "12h",
      max_batch: 128,
      max_expires: "1m",
      max_waiting: 64,
      sample_freq: "30%",
      headers_only: true,
      metadata: { a: "b" },
    },
    { durable_name: "filtered", ack_policy: "all", filter_subject: "a.>", replay_policy: "original", num_replicas: 1, mem_storage: true },
    {
      durable_name: "push",
      ack_policy: "explicit",
      deliver_subject: "to.them",
      deliver_group: "q",
      idle_heartbeat: "5s",
      flow_control: false,
      rate_limit_bps: 1000000,
      ack_wait: 0,
      max_ack_pending: 0,
      max_deliver: 0,
    },
  ],
};

const without = (stream: StreamDeclaration, ...consumers: Record<string, unknown>[]): StreamDeclaration => ({ ...stream, consumers });

for (const version of VERSIONS) {
  t.test(version, async (t) => {
    const cluster = await TestCluster.start(version, 3);
    t.teardown(() => cluster.stop());
    await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
    const nc = await connectApp(cluster.target);
    t.teardown(() => nc.close());
    const actions = async (...declared: StreamDeclaration[]) => (await plan(nc, declared)).entries.map((e) => `${e.item.asset}: ${e.action}`);
    const run = async (...declared: StreamDeclaration[]) => apply(await plan(nc, declared));

    t.test("what is absent is created, and a second run changes nothing", async (t) => {
      t.strictSame(await actions(LOGS, RICH), [
        "LOGS: create",
        "LOGS > pull-worker: create",
        "RICH: create",
        "RICH > slow: create",
        "RICH > filtered: create",
        "RICH > push: create",
      ]);
      t.strictSame(await items(nc, [LOGS])[1]!.check(), [
        { attribute: "consumer", current: "absent", desired: "present" },
        { attribute: "ack_policy", current: "", desired: "explicit" },
        { attribute: "max_ack_pending", current: "", desired: "50000" },
      ]);
      await run(LOGS, RICH);
      for (const item of items(nc, [LOGS, RICH])) t.strictSame(await item.check(), [], item.asset);
    });

    t.test("a changed field shows as such, and only it is changed", async (t) => {
      const changed = without({ ...LOGS, max_age: "2h", subjects: ["logs.>", "audit.>"] }, { ...LOGS.consumers![0], max_ack_pending: 1000, ack_wait: "1m" });
      const [stream, consumer] = items(nc, [changed]);
      t.strictSame(await stream!.check(), [
        { attribute: "subjects", current: "logs.>", desired: "logs.>, audit.>" },
        { attribute: "max_age", current: "0s", desired: "2h" },
      ]);
      t.strictSame(await consumer!.check(), [
        { attribute: "max_ack_pending", current: "50000", desired: "1000" },
        { attribute: "ack_wait", current: "30s", desired: "1m" },
      ]);
      await run(changed);
      t.strictSame(await actions(changed), ["LOGS: none", "LOGS > pull-worker: none"]);
    });

    t.test("the order of subjects is no change", async (t) => {
      t.strictSame(await actions(without({ ...RICH, subjects: ["a.>", "b.*"] })), ["RICH: none"]);
    });

    t.test("what isn't declared keeps its value through an update", async (t) => {
      const declared = without({ name: "LOGS", description: "now with words" }, { durable_name: "pull-worker", ack_policy: "explicit", description: "words" });
      await run(declared);
      t.equal((await streamInfo(nc, "LOGS"))?.config.max_age, 2 * 3600e9);
      t.strictSame((await streamInfo(nc, "LOGS"))?.config.subjects, ["logs.>", "audit.>"]);
      t.equal((await consumerInfo(nc, "LOGS", "pull-worker"))?.config.max_ack_pending, 1000);
    });

    t.test("a rich stream can be updated without being refused for its other fields", async (t) => {
      await run({ ...RICH, description: "still all of it", metadata: { owner: "dev" }, consumers: RICH.consumers!.map((c) => ({ ...c, description: "new" })) });
      t.equal((await streamInfo(nc, "RICH"))?.config.description, "still all of it");
      await run(RICH);
    });

    t.test("immutable fields need a new creation, and nothing is changed", async (t) => {
      const other = without({ ...LOGS, storage: "memory", description: "must not arrive" }, { ...LOGS.consumers![0], ack_policy: "all" });
      const { entries } = await plan(nc, [other]);
      t.strictSame(
        entries.map((e) => [e.action, e.immutable.map((c) => c.field)]),
        [
          ["recreate", ["storage"]],
          ["recreate", ["ack_policy"]],
        ],
      );
      await t.rejects(entries[0]!.item.apply(), NeedsRecreateError);
      await t.rejects(entries[1]!.item.apply(), /consumer LOGS > pull-worker needs to be created anew: ack_policy: explicit → all\. Nothing was changed/);
      t.equal((await streamInfo(nc, "LOGS"))?.config.description, "now with words");
      t.strictSame(await actions(without({ ...LOGS, retention: "workqueue" })), ["LOGS: recreate"]);
      t.strictSame(await actions(without({ name: "LOGS" }, { ...LOGS.consumers![0], deliver_subject: "x" })), ["LOGS: none", "LOGS > pull-worker: recreate"]);
      t.strictSame(await actions(without({ ...RICH, deny_delete: false })), ["RICH: recreate"]);
    });

    t.test("what exists and isn't declared is listed and stays", async (t) => {
      await nc.request("$JS.API.STREAM.CREATE.MINE", JSON.stringify({ name: "MINE", subjects: ["mine"] }));
      await nc.request("$JS.API.CONSUMER.CREATE.LOGS.old", JSON.stringify({ stream_name: "LOGS", config: { durable_name: "old", ack_policy: "none" } }));
      const made = await plan(nc, [LOGS]);
      t.strictSame(made.undeclared, ["LOGS > old", "MINE", "RICH"]);
      await apply(made);
      t.ok(await streamInfo(nc, "MINE"));
      t.ok(await consumerInfo(nc, "LOGS", "old"));
    });

    t.test("R1 becomes R3 in place: messages stay, replicas are current, each consumer lives", async (t) => {
      const r1 = without(
        { name: "GROW", subjects: ["grow.>"], num_replicas: 1 },
        { durable_name: "a", ack_policy: "explicit" },
        { durable_name: "b", ack_policy: "none" },
      );
      await run(r1);
      for (let i = 0; i < 300; i++) nc.publish("grow.x", new Uint8Array(1000));
      await nc.flush();
      const r3 = { ...r1, num_replicas: 3 };
      t.strictSame(await actions(r3), ["GROW: scale", "GROW > a: none", "GROW > b: none"]);
      await run(r3);
      const info = (await streamInfo(nc, "GROW"))!;
      t.equal(info.cluster?.replicas?.filter((p) => p.current && !p.offline && !p.lag).length, 2);
      t.equal(info.state.messages, 300);
      t.strictSame(await actions(r3), ["GROW: none", "GROW > a: none", "GROW > b: none"]);
      const state = await observe(cluster.target);
      t.strictSame(
        checks(state).filter((c) => c.asset?.startsWith("GROW") && c.status !== "passed"),
        [],
      );
    });

    t.test("a stream moves with its placement and is waited for", async (t) => {
      const lonely = without({ name: "MOVE", subjects: ["move"], num_replicas: 1, metadata: { a: "b" } });
      await run(lonely);
      nc.publish("move", "x");
      const preferred = { ...lonely, placement: { cluster: "test" } };
      t.strictSame(await actions(preferred), ["MOVE: scale"]);
      await run(preferred);
      t.strictSame(await actions(preferred), ["MOVE: none"]);
      t.equal((await streamInfo(nc, "MOVE"))?.state.messages, 1);
    });

    t.test("two runs at once come to the same end", async (t) => {
      const both = without({ name: "TWICE", subjects: ["twice"], num_replicas: 3 }, { durable_name: "w", ack_policy: "explicit" });
      await Promise.all([run(both), run(both)]);
      t.strictSame(await actions(both), ["TWICE: none", "TWICE > w: none"]);
    });

    t.test("the server's refusal comes with the asset's name and its own words", async (t) => {
      await t.rejects(
        run(without({ name: "CLASH", subjects: ["logs.x"], num_replicas: 1 })),
        /^(Error: )?stream CLASH: subjects overlap with an existing stream \(JetStream error 10065\)$/,
      );
      await t.rejects(run(without({ name: "MANY", subjects: ["many"], num_replicas: 5 })), /stream MANY: .*\(JetStream error \d+\)/);
    });

    t.test("a field that the version doesn't know isn't taken for done", async (t) => {
      await t.rejects(
        run(without({ name: "FUTURE", subjects: ["future"], num_replicas: 1, not_invented: true })),
        /stream FUTURE: (the server took the request and kept other values \(not_invented: unset\)|.*(unknown field|invalid JSON))/,
      );
    });
  });
}

t.test("mistakes of the declaration are told all at once, before anything is asked", async (t) => {
  const mistakes = () =>
    items(null as never, [without({ name: "A", max_age: "2 fortnights" }, { durable_name: "w", deliver_group: "g" }, { ack_policy: "none" }), { name: "A" }]);
  const error = await Promise.resolve()
    .then(mistakes)
    .catch((e: unknown) => e);
  t.ok(error instanceof UsageError);
  t.match((error as UsageError).lines, [
    "stream A: max_age: 2 fortnights is no duration; write for example 2m",
    /^consumer A > w: deliver_group belongs to push consumers; remove it/,
    "a consumer of stream A has no durable_name; give it one",
    "stream A is declared twice; keep one of them",
  ]);
});

t.test("a single server: R1 streams, R3 refused with its words", async (t) => {
  await TestCluster.with("2.15.1", 1, async (cluster) => {
    const nc = await connectApp(cluster.target);
    t.teardown(() => nc.close());
    const one = { ...LOGS, num_replicas: 1 };
    await apply(await plan(nc, [one]));
    t.strictSame(
      (await plan(nc, [one])).entries.map((e) => e.action),
      ["none", "none"],
    );
    await t.rejects(plan(nc, [LOGS]).then(apply), /stream LOGS: replicas > 1 not supported in non-clustered mode/);
  });
});
