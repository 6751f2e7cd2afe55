import { connect } from "nats";
import t, { type Test } from "tap";
import type { EventInput } from "../../../lib/engine/events.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { examine } from "../../../lib/nats/examine.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { partitionFor } from "../../../lib/nats/jetstream/partitions.mts";
import { observe } from "../../../lib/nats/observe.mts";
import type { ClusterRole, TaskResult } from "../../../lib/playbook/role.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { accounts } from "../../../roles/cluster-config/accounts.mts";
import { otherPartitions } from "../../../roles/jetstream-setup/partitions-ahead.mts";
import { jetstreamSetup } from "../../../roles/jetstream-setup/tasks.mts";
import { declared } from "../../../roles/verify/expectation.mts";
import { partitionChecks } from "../../../roles/verify/partitions.mts";
import { verify } from "../../../roles/verify/tasks.mts";
import { TestCluster, VERSIONS } from "../../nats/servers.mts";
import { until } from "../../nats/until.mts";
import { clusterWith } from "./fixture.mts";

t.setTimeout(600_000);

const LOAD =
  "verify: { rate: 300, seconds: 1, settle: 100ms, push: { workers: 3 }, pull: { workers: 2, batch: 16 }, thresholds: { push: { rate: 1, p50: 60s, p99: 60s, p999: 60s }, pull: { rate: 1, p50: 60s, p99: 60s, p999: 60s }, route_rtt: 10s } }\n";
const logs = (partitions: string): string => `${LOAD}streams:
  - name: LOGS
    subjects: ["logs.>"]
    ${partitions}
    consumers:
      - { durable_name: pull-worker, max_ack_pending: 1000 }
      - { durable_name: only-a, filter_subject: logs.a }
  - { name: ORDERS, subjects: ["orders.*.*"], partitions: 2, partition_by: [2], num_replicas: 1 }
  - { name: ANY, subjects: [any.one, "any.more.>"], partitions: 3, partition_by: random, num_replicas: 1 }
users:
  - { name: sys, account: SYS, nkey_seed: "\${SYS}" }
  - { name: app, account: APP, nkey_seed: "\${APP}" }
  - { name: few, account: APP, password: "\${FEW}", permissions: { publish: { allow: ["logs.>", "_INBOX.>"], deny: [logs.secret] } } }
`;

type Results = Record<string, TaskResult>;
async function ran(role: ClusterRole<Cluster>, cluster: Cluster, mode: "apply" | "check" = "apply"): Promise<Results> {
  const results: Results = {};
  const { signal } = new AbortController();
  for await (const task of role.tasks(cluster, signal)) results[task.task] = await task.run(mode, signal);
  return results;
}
const not = (status: TaskResult["status"], results: Results): string[] =>
  Object.entries(results).flatMap(([task, r]) => (r.status === status ? [] : [`${task}: ${r.status} ${r.failure?.what ?? JSON.stringify(r.changes ?? "")}`]));

/** Puts what cluster-config renders for the account of the streams into the servers' configuration, and reloads them. */
async function tell(running: TestCluster, cluster: Cluster, servers = running.servers): Promise<void> {
  const app = accounts(cluster.hosts[0]!.vars, undefined).find((a) => a["name"] === "APP")!;
  const mappings = app["mappings"] as { from: string; to: string }[];
  const permissions = (app["users"] as { user: string; permissions: string }[]).find((u) => u.permissions)!.permissions;
  const before = await observe(running.target);
  for (const server of servers) {
    server.options.app = `mappings: {\n${mappings.map(({ from, to }) => `${from}: [${to}]`).join("\n")}\n}`;
    server.options.users = [`{ user: few, password: few, permissions: ${permissions} }`];
    running.configure(server);
    server.signal("SIGHUP");
  }
  await until(async () => {
    const now = await observe(running.target);
    return servers.every(({ options: { name } }) => {
      const loaded = (state: typeof now) => state.servers.find((s) => s.name === name)!.configLoaded;
      return loaded(now) > loaded(before);
    });
  }, Boolean);
}

for (const version of VERSIONS) {
  t.test(`on nats-server ${version}`, async (t: Test) => {
    const running = await TestCluster.start(version, 3);
    t.teardown(() => running.stop());
    await waitUntilSafe(running.target, {}, { settleMs: 0, timeoutMs: 60_000 });
    const nc = await connectApp(running.target);
    t.teardown(() => nc.close());
    const events: EventInput[] = [];
    const cluster = (partitions = "partitions: 3"): Cluster => clusterWith(running.target, `nats_version: ${version}\n${logs(partitions)}`, events);
    const leads = async (name: string, n = 3): Promise<string[]> => {
      const { streams } = await observe(running.target);
      return Array.from({ length: n }, (_, i) => streams.find((s) => s.name === `${name}-${i}`)!.leader).sort();
    };

    t.test("made with their consumers, led by all nodes; a second run and --check find nothing to do", async (t) => {
      await tell(running, cluster());
      t.same(jetstreamSetup.list(cluster()).slice(1, 4), ["stream LOGS-0", "consumer LOGS-0 > pull-worker", "consumer LOGS-0 > only-a"]);
      const first = await ran(jetstreamSetup, cluster());
      t.same(
        Object.values(first).filter((r) => r.status === "failed"),
        [],
      );
      t.same(await leads("LOGS"), ["n1", "n2", "n3"]);
      t.same(not("ok", await ran(jetstreamSetup, cluster())), []);
      t.same(not("ok", await ran(jetstreamSetup, cluster(), "check")), ['cluster ready for streams: skipped ""']);
    });

    t.test("publishers go on as they were: each message in one partition by its key, in order, under its own subject", async (t) => {
      const keys = ["a", "b", "c", "d", "e", "f"];
      for (let i = 0; i < 10; i++)
        for (const key of keys)
          for (const subject of [`logs.${key}`, `logs.${key}.deep.er`]) {
            const { stream } = (await nc.request(subject, `${i}`, { timeout: 5000 })).json<{ stream: string }>();
            t.equal(stream, `LOGS-${partitionFor([key], 3)}`, subject);
          }
      for (let p = 0; p < 3; p++) {
        const { state } = await request<{ state: { subjects?: Record<string, number> } }>(nc, "LOGS", `STREAM.INFO.LOGS-${p}`, { subjects_filter: ">" });
        const own = keys.filter((key) => partitionFor([key], 3) === p);
        t.same(state.subjects ?? {}, Object.fromEntries(own.flatMap((key) => [`logs.${key}`, `logs.${key}.deep.er`].map((s) => [s, 10]))));
        if (own.includes("a")) {
          const { num_pending } = await request<{ num_pending: number }>(nc, "only-a", `CONSUMER.INFO.LOGS-${p}.only-a`);
          t.equal(num_pending, 10, "a filter is written as without partitions");
          const got: string[] = [];
          for (let seq = 1; got.length < 10; seq++) {
            const { message } = await request<{ message: { subject: string; data: string } }>(nc, "a", `STREAM.MSG.GET.LOGS-${p}`, { seq });
            if (message.subject === "logs.a") got.push(Buffer.from(message.data, "base64").toString());
          }
          t.same(
            got,
            Array.from({ length: 10 }, (_, i) => `${i}`),
          );
        }
      }
    });

    t.test("partition_by picks the key's tokens; random needs no wildcard and reaches all", async (t) => {
      const stored = async (subject: string): Promise<string> => (await nc.request(subject, "x", { timeout: 5000 })).json<{ stream: string }>().stream;
      for (const [region, customer] of [
        ["eu", "c1"],
        ["us", "c1"],
        ["eu", "c2"],
        ["us", "c4"],
      ])
        t.equal(await stored(`orders.${region}.${customer}`), `ORDERS-${partitionFor([customer!], 2)}`);
      const hit = new Set<string>();
      for (let i = 0; i < 100; i++) hit.add(await stored(i % 2 ? "any.one" : "any.more.of.it"));
      t.same([...hit].sort(), ["ANY-0", "ANY-1", "ANY-2"]);
    });

    t.test("whoever may publish to its subjects may do so, and nobody else", async (t) => {
      const few = await connect({ servers: `127.0.0.1:${running.servers[0]!.ports.client}`, user: "few", pass: "few", tls: { caFile: running.files.ca } });
      t.teardown(() => few.close());
      t.match((await few.request("logs.open", "x", { timeout: 5000 })).json(), { stream: /^LOGS-/ });
      await t.rejects(few.request("logs.secret", "x", { timeout: 1000 }));
      await t.rejects(few.request("orders.eu.c1", "x", { timeout: 1000 }));
    });

    t.test("verify asks every node where messages would go, and pulls from as many streams", async (t) => {
      events.length = 0;
      const results = await ran(verify, cluster());
      t.same(
        Object.entries(results).flatMap(([task, r]) => (r.status === "failed" ? [`${task}: ${r.failure!.what}`] : [])),
        [],
      );
      t.match(results["publish to the partitions of LOGS"], { status: "ok", reason: "3 partitions, the same from n1, n2, n3" });
      t.match(results["partition leaders spread: LOGS"], { status: "ok" });
      const pull = events.flatMap((e) => (e.type === "table" && e.title.endsWith("pull from a stream") ? e.rows : []))[0]!;
      t.same(pull.slice(2, 5), ["300", "0", "0"], "messages, lost, twice");
      t.equal((await streamInfo(nc, "LOGS-0"))!.config.name, "LOGS-0");
    });

    t.test("leaders that drifted together are told by the checks and spread again", async (t) => {
      const n1 = async (): Promise<boolean> => {
        for (let i = 0; i < 3; i++) {
          const { cluster: group } = (await streamInfo(nc, `LOGS-${i}`))!;
          if (group!.leader !== "n1")
            await request(nc, "LOGS", `STREAM.LEADER.STEPDOWN.LOGS-${i}`, version === "2.10.27" ? {} : { placement: { preferred: "n1" } });
        }
        return (await leads("LOGS")).every((server) => server === "n1");
      };
      await until(n1, Boolean, 60_000);
      const { checks } = await examine(running.target, declared(cluster()), { anonymous: false });
      t.match(
        checks.filter((c) => c.id === "partitions.leaders" && c.asset === "LOGS"),
        [{ status: "warning", detail: /LOGS is led by n1 3, n2 0, n3 0/, next: "Run --role jetstream-setup" }],
      );
      const foreseen = await ran(jetstreamSetup, cluster(), "check");
      t.match(foreseen["leaders of LOGS"], { status: "drift", changes: [{ attribute: "LOGS", current: "n1 3, n2 0, n3 0", desired: "evenly" }] });
      t.match((await ran(jetstreamSetup, cluster()))["leaders of LOGS"], { status: "changed" });
      t.same(await leads("LOGS"), ["n1", "n2", "n3"]);
      t.match((await ran(jetstreamSetup, cluster()))["leaders of LOGS"], { status: "ok" });
    });

    t.test("a server without the mapping is named by verify", async (t) => {
      const n2 = running.server("n2");
      n2.options.app = "";
      running.configure(n2);
      n2.signal("SIGHUP");

      const look = () => partitionChecks(cluster())[0]!.run("check", new AbortController().signal);
      t.match(await until(look, ({ status }) => status === "failed"), {
        failure: { what: /^logs\.sampan-\d+ published through n2 is taken by no stream instead of LOGS-0$/, next: /--role cluster-config/ },
      });
      await tell(running, cluster(), [n2]);
      t.match(await look(), { status: "ok" });
    });

    t.test("fewer partitions, or none: refused with what would be left behind; more: to be made first", async (t) => {
      const state = await observe(running.target);
      const refusals = (partitions: string) => otherPartitions(state, cluster(partitions).hosts[0]!.vars).map((r) => r.what);
      t.same(refusals("partitions: 3"), []);
      t.match(refusals("partitions: 2"), [
        /^stream LOGS has 3 partitions on the servers and the inventory declares 2: LOGS-2 would get no message any more, and \d+ messages would be left in it/,
      ]);
      t.match(refusals("num_replicas: 3"), [/declares it without any: LOGS-0, LOGS-1, LOGS-2 would get no message/]);
      t.match(refusals("partitions: 4"), ["stream LOGS doesn't have its 4 partitions yet"]);
      const without = { ...state, streams: state.streams.filter((s) => s.name !== "LOGS-1") };
      const { vars } = cluster().hosts[0]!;
      t.match(
        otherPartitions(without, vars).map((r) => r.what),
        ["stream LOGS doesn't have its 3 partitions yet"],
      );
      t.same(otherPartitions(without, vars, ["stream LOGS-1"]), [], "it is on a server that is down, and about to be replaced");
      const { checks } = await examine(running.target, declared(cluster("partitions: 2")), { anonymous: false });
      t.match(
        checks.filter((c) => c.id === "partitions.former"),
        [{ status: "warning", asset: "LOGS-2", detail: /lies beyond the declared partitions and holds \d+ messages/ }],
      );
    });

    t.test("a stream that nobody declared neither loses its messages to partitions nor becomes one", async (t) => {
      const more = (lines: string): Cluster =>
        clusterWith(running.target, `nats_version: ${version}\n${logs("partitions: 3").replace("users:", `${lines}users:`)}`);
      const refusals = async (lines = "") => otherPartitions(await observe(running.target), more(lines).hosts[0]!.vars).map((r) => r.what);
      const jobs = "  - { name: JOBS, subjects: [jobs.>], partitions: 2 }\n";
      t.same(await refusals(jobs), [], "nobody has its subjects yet");
      for (const config of [
        { name: "OLD", subjects: ["jobs.mail.*"], num_replicas: 1 },
        { name: "JOBS-1", subjects: ["else.>"], num_replicas: 1 },
      ])
        await request(nc, config.name, `STREAM.CREATE.${config.name}`, config);
      t.match(await refusals(jobs), [
        /^stream OLD, which the inventory doesn't declare, takes in jobs\.mail\.\*: the partitions of JOBS would take its messages away/,
        /^stream JOBS-1 exists and is no partition of JOBS/,
        "stream JOBS doesn't have its 2 partitions yet",
      ]);
      t.match(
        await refusals(`${jobs}  - { name: OLD, subjects: [mail.>], num_replicas: 1 }\n`),
        [/^stream JOBS-1 exists/, "stream JOBS doesn't have its 2 partitions yet"],
        "one that gives its subjects up: the partitions must be there first",
      );
      t.same(await refusals(), []);
    });
  });
}
