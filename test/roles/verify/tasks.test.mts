import t, { type Test } from "tap";
import type { EventInput } from "../../../lib/engine/events.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import type { TaskResult } from "../../../lib/playbook/role.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { jetstreamSetup } from "../../../roles/jetstream-setup/tasks.mts";
import { verify } from "../../../roles/verify/tasks.mts";
import { faults } from "../../inventory/fixture.mts";
import { type ServerOptions, TestCluster, VERSIONS } from "../../nats/servers.mts";
import { clusterWith } from "../jetstream-setup/fixture.mts";

t.setTimeout(600_000);

// Little load and no demands on the speed: it's the judging that is tried here, not this machine.
const LOAD =
  "verify: { rate: 200, seconds: 1, settle: 100ms, push: { workers: 3 }, pull: { workers: 2, batch: 16 }, thresholds: { push: { rate: 1, p50: 60s, p99: 60s, p999: 60s }, pull: { rate: 1, p50: 60s, p99: 60s, p999: 60s }, route_rtt: 10s } }\n";
const LOGS = "streams:\n  - { name: LOGS, subjects: [logs.>], consumers: [{ durable_name: pull-worker, max_ack_pending: 100 }] }\n";

type Results = Record<string, TaskResult>;
async function ran(cluster: Cluster, mode: "apply" | "check" = "apply", only = ""): Promise<Results> {
  const results: Results = {};
  const { signal } = new AbortController();
  for await (const task of verify.tasks(cluster, signal))
    if (task.task.startsWith(only) || task.listed?.startsWith(only)) results[task.task] = await task.run(mode, signal);
  return results;
}
const failed = (results: Results): string[] =>
  Object.entries(results)
    .filter(([, r]) => r.status === "failed")
    .map(([task, r]) => `${task}: ${r.failure!.what}`);

/** Three servers with the stream LOGS, as it is declared. */
async function healthy(t: Test, version: string, vars = "", options: Record<string, Partial<ServerOptions>> = {}) {
  const running = await TestCluster.start(version, 3, options);
  t.teardown(() => running.stop());
  await waitUntilSafe(running.target, {}, { settleMs: 0, timeoutMs: 60_000 });
  const events: EventInput[] = [];
  const of = (more = ""): Cluster => clusterWith(running.target, `nats_version: ${version}\n${LOAD}${LOGS}${vars}${more}`, events);
  const { signal } = new AbortController();
  for await (const task of jetstreamSetup.tasks(of(), signal)) await task.run("apply", signal);
  return { running, events, of };
}

for (const version of VERSIONS) {
  t.test(`nats-server ${version}`, async (t) => {
    const { running, events, of } = await healthy(t, version);

    t.test("a healthy cluster passes, with tables of servers and figures", async (t) => {
      events.length = 0;
      const results = await ran(of());
      t.same(failed(results), []);
      t.ok(Object.keys(results).length > 10);
      t.match(results["push through a queue group"]?.reason, /200/);
      const tables = events.flatMap((e) => (e.type === "table" ? [e] : []));
      t.same(
        tables.map((e) => e.title),
        ["test: servers", "test: push through a queue group", "test: pull from a stream"],
      );
      t.same(
        tables[0]!.rows.map((r) => r[0]),
        ["n1", "n2", "n3"],
      );
      t.equal(tables[0]!.rows.filter((r) => r[2] === "meta leader").length, 1);
      t.same(
        tables.slice(1).map((e) => e.rows[0]!.slice(3, 5)),
        [
          ["0", "0"],
          ["0", "0"],
        ],
        "lost, twice",
      );
    });

    t.test("--check sends no messages", async (t) => {
      const results = await ran(of(), "check");
      t.match(results["pull from a stream"], { status: "skipped", reason: "sends messages, so not under --check" });
      t.match(results["push through a queue group"], { status: "skipped" });
    });

    t.test("it leaves nothing behind", async (t) => {
      const nc = await connectApp(running.target);
      t.teardown(() => nc.close());
      t.same((await nc.request("$JS.API.STREAM.NAMES", "", { timeout: 5000 })).json<{ streams: string[] }>().streams, ["LOGS"]);
    });

    // the health tests have broken clusters of both versions
    if (version !== "2.15.1") return;

    t.test("figures beyond the thresholds fail, and say which and what to do", async (t) => {
      const impossible = LOAD.replace(/push: \{ rate: 1, p50: 60s/, "push: { rate: 1, p50: 1ns");
      const results = await ran(clusterWith(running.target, `nats_version: ${version}\n${impossible}`), "apply", "push through");
      t.match(results["push through a queue group"], { status: "failed", failure: { what: /p50/, next: /verify\.thresholds/, output: /failed .*latency/ } });
    });

    t.test("another version than the inventory's, a stream that isn't there, one with too few replicas", async (t) => {
      const more = "  - { name: MISSING, subjects: [missing.>] }\n";
      const found = failed(await ran(clusterWith(running.target, `nats_version: 2.14.0\n${LOAD}${LOGS}${more}`), "check"));
      t.match(found.join("\n"), new RegExp(`version.*${version}`));
      t.match(found.join("\n"), /MISSING/);
      t.match(
        failed(
          await ran(clusterWith(running.target, `nats_version: ${version}\n${LOAD}${LOGS.replace("subjects", "num_replicas: 1, subjects")}`), "check"),
        ).join("\n"),
        /LOGS/,
      );
    });

    t.test("a consumer at its limit of unacknowledged messages", async (t) => {
      const nc = await connectApp(running.target);
      t.teardown(() => nc.close());
      for (let i = 0; i < 120; i++) await nc.request(`logs.${i}`, "x", { timeout: 5000 });
      const inbox = nc.subscribe("my.inbox");
      nc.publish("$JS.API.CONSUMER.MSG.NEXT.LOGS.pull-worker", JSON.stringify({ batch: 100, expires: 5e9 }), { reply: "my.inbox" });
      let got = 0;
      for await (const _ of inbox) if (++got === 100) break;
      const found = failed(await ran(of(), "check"));
      t.equal(found.length, 1);
      t.match(found[0], /pull-worker.*100/);
    });

    t.test("a server that is down is named, and nothing is sent to it", async (t) => {
      await running.server("n3").stop();
      const found = failed(await ran(of(), "check"));
      t.match(found.join("\n"), "n3");
      t.equal(events.findLast((e) => e.type === "table" && e.title === "test: servers")?.type, "table");
    });

    t.test("no server at all: one failure, and no load", async (t) => {
      for (const server of running.servers) await server.stop();
      const results = await ran(of());
      t.ok(failed(results).length > 0);
      t.notOk("push through a queue group" in results);
    });
  });
}

t.test("an open server: anybody may connect", async (t) => {
  const { of } = await healthy(t, "2.15.1", "", { n2: { open: true } });
  t.match(failed(await ran(of(), "check")).join("\n"), /n2/);
});

t.test("a stream's replica that lags is named", async (t) => {
  const { running, of } = await healthy(t, "2.15.1");
  running.server("n3").signal("SIGSTOP");
  t.teardown(() => running.server("n3").signal("SIGCONT"));
  const found = failed(await ran(of(), "check"));
  t.match(found.join("\n"), "n3");
});

t.test("thresholds that no run could meet are the inventory's mistakes", async (t) => {
  t.match(
    faults({ "group_vars/all.yml": "verify: { rate: 100, thresholds: { push: { rate: 200 } } }\n" })[0],
    /verify\.thresholds\.push\.rate 200 is above verify\.rate 100/,
  );
  t.match(faults({ "group_vars/all.yml": "max_payload: 1KB\nverify: { payload: 2048 }\n" })[0], /verify\.payload 2048 is above max_payload 1KB/);
});
