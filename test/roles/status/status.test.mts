import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import t, { type Test } from "tap";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { request } from "../../../lib/nats/jetstream/api.mts";
import type { Status } from "../../../lib/nats/status/status.mts";
import { width } from "../../../lib/report/text.mts";
import { root } from "../../lab/fixture.mts";
import { TestCluster } from "../../nats/servers.mts";
import { until } from "../../nats/until.mts";
import { inventoryOf } from "./fixture.mts";

t.setTimeout(300_000);

const STREAMS = 'streams:\n  - { name: LOGS, subjects: ["logs.>"], consumers: [{ durable_name: pull-worker }] }\n';

/** status.mts as a user types it. */
function status(
  t: Test,
  dir: string,
  ...args: string[]
): { child: ChildProcess; said: () => string; ended: Promise<{ code: number | null; out: string; err: string }> } {
  const child = spawn(join(root, "playbooks/status.mts"), ["-i", dir, ...args], { cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let out = "",
    err = "";
  child.stdout!.setEncoding("utf8").on("data", (s: string) => {
    out += s;
  });
  child.stderr!.setEncoding("utf8").on("data", (s: string) => {
    err += s;
  });
  return { child, said: () => out, ended: new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err }))) };
}

t.test("three nodes under traffic", async (t) => {
  const cluster = await TestCluster.start("2.15.1", 3);
  t.teardown(() => cluster.stop());
  await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
  const dir = inventoryOf(cluster, STREAMS);
  const app = await connectApp(cluster.target);
  t.teardown(() => app.close());
  const api = (subject: string, body: object): Promise<unknown> => request(app, subject, subject, body);
  await api("STREAM.CREATE.LOGS", { name: "LOGS", subjects: ["logs.>"], storage: "file", num_replicas: 3 });
  await api("CONSUMER.CREATE.LOGS.pull-worker", {
    stream_name: "LOGS",
    config: { durable_name: "pull-worker", ack_policy: "explicit", max_ack_pending: 1000, ack_wait: 600e9 },
  });
  await api("STREAM.CREATE.SINGLE", { name: "SINGLE", subjects: ["single"], storage: "memory", num_replicas: 1 });
  const timer = setInterval(() => app.publish("logs.a", "x"), 10);
  t.teardown(() => clearInterval(timer));
  const json = async (): Promise<Status> => JSON.parse((await status(t, dir, "--json").ended).out) as Status;
  const sound = async (): Promise<void> => {
    await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
  };
  await sound();

  t.test("--json: nodes, routes, streams, consumers and rates between two looks", async (t) => {
    const seen = await json();
    t.match(seen, { schema: 1, cluster: "test", level: "ok", alarms: [] });
    t.same(
      seen.nodes.map((n) => [n.name, n.up, n.version, n.routes.length]),
      [
        ["n1", true, "2.15.1", 2],
        ["n2", true, "2.15.1", 2],
        ["n3", true, "2.15.1", 2],
      ],
    );
    t.ok(seen.nodes.every((n) => n.rates && n.jetstream && n.memoryBytes && n.certificateEnds && n.routes.every((r) => r.rttMs !== null)));
    const logs = seen.streams.find((s) => s.name === "LOGS")!;
    t.match(logs, { replicas: 3, replicasCurrent: 3, consumers: 1 });
    t.ok(logs.storedPerSecond! > 0, `${logs.storedPerSecond}/s`);
    t.ok(seen.ratesOverMs! >= 900);
    t.match(seen.consumers, [{ name: "pull-worker", stream: "LOGS", kind: "pull", maxAckPending: 1000, ackPending: 0, level: "ok" }]);
  });

  t.test("piped: plain text, a screenful", async (t) => {
    const { code, out, err } = await status(t, dir).ended;
    t.equal(code, 0);
    t.equal(err, "");
    t.notMatch(out, "\x1b");
    t.match(out, /^test {2}OK/);
    t.match(out, /no alarms/);
    t.match(out, /LOGS > pull-worker/);
  });

  t.test("--check: one line, its perfdata and exit 0", async (t) => {
    const { code, out } = await status(t, dir, "--check").ended;
    t.equal(code, 0);
    t.match(
      out,
      /^OK - test: 3 of 3 nodes up, streams 2, consumers 1 \| nodes_up=3;;;0;3 .*messages=\d+ bytes=\d+B .*store=[\d.]+%;90;100;0;100 in_msgs=\d+c out_msgs=\d+c\n$/,
    );
  });

  t.test("--watch on a terminal: whole pictures within its size, and q gives the terminal back", async (t) => {
    const child = spawn(
      "script",
      ["-qefc", `stty cols 80 rows 24; exec ${join(root, "playbooks/status.mts")} -i ${dir} --watch --interval 300ms`, "/dev/null"],
      { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, TERM: "xterm-256color", LANG: "C.UTF-8" } },
    );
    t.teardown(() => child.kill("SIGKILL"));
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (s: string) => {
      text += s;
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const frames = (): string[] =>
      text
        .split("\x1b[?2026h")
        .slice(1)
        .filter((f) => f.endsWith("\x1b[?2026l"));
    await until(
      async () => frames().length,
      (n) => n >= 5,
      60_000,
    );
    child.stdin.write("q");
    t.equal(await ended, 0);
    t.ok(text.endsWith("\x1b[?25h\x1b[?1049l"), "the screen that was there before");
    for (const frame of frames()) {
      const lines = stripVTControlCharacters(frame).split(/\r*\n/);
      t.ok(lines.length <= 24 && lines.every((l) => width(l) < 80), frame);
    }
    t.match(stripVTControlCharacters(frames().at(-1)!), /^test {2}OK[^]*3 of 3 nodes[^]*LOGS > pull-worker[^]*q quits/);
    t.notMatch(frames().slice(1).join(""), "\x1b[2J", "never cleared: no flicker");
  });

  t.test("a dead node: named first, with what to do; what lay on it alone is named too; the watch sees it go and come", async (t) => {
    const live = status(t, dir, "--watch", "--json", "--interval", "300ms");
    const last = (): Status | undefined =>
      live
        .said()
        .split("\n")
        .slice(0, -1)
        .map((l) => JSON.parse(l) as Status)
        .at(-1);
    const sees = (what: string, wanted: (s: Status) => boolean): Promise<unknown> =>
      until(
        async () => last(),
        (s) => s !== undefined && wanted(s),
        60_000,
      ).then((s) => t.ok(s && wanted(s), what));
    await sees("all is well", (s) => s.level === "ok");
    const alone = (await json()).streams.find((s) => s.name === "SINGLE")!;
    const victim = cluster.server(alone.leader!);
    await victim.stop();
    await sees("the alarm", (s) => s.alarms[0]?.id === "node.reachable" && s.alarms[0].asset === alone.leader);
    await sees("the lost stream", (s) => s.alarms.some((a) => a.id === "stream.unseen" && a.asset === alone.name));
    const plain = await status(t, dir).ended;
    t.equal(plain.code, 0, "shown is shown");
    t.match(
      plain.out,
      new RegExp(
        `CRITICAL[^]*2 of 3 nodes[^]*✗ ${alone.leader}: 127\\.0\\.0\\.1:\\d+: connection refused\n +→ Start nats-server`
          .replace("✗", "(✗|x)")
          .replace("→", "(→|->)"),
      ),
    );
    const nagios = await status(t, dir, "--check").ended;
    t.equal(nagios.code, 2);
    t.match(nagios.out, new RegExp(`^CRITICAL - test: node answers \\(${alone.leader}\\): .*connection refused.* \\| nodes_up=2;;;0;3 `));
    t.equal(nagios.out.split("\n").length, 2, "one line");
    victim.start();
    await sees("all is well again", (s) => s.level === "ok" && s.nodes.every((n) => n.up));
    live.child.kill("SIGINT");
    t.equal((await live.ended).code, 0);
  });

  t.test("a node that hangs: the picture comes all the same, also when it is the one we were connected to", async (t) => {
    const live = status(t, dir, "--watch", "--json", "--interval", "300ms");
    const last = (): Status | undefined =>
      live
        .said()
        .split("\n")
        .slice(0, -1)
        .map((l) => JSON.parse(l) as Status)
        .at(-1);
    await until(
      async () => last(),
      (s) => s?.level === "ok",
      60_000,
    );
    cluster.server("n1").signal("SIGSTOP"); // the first of the inventory: the connection's own
    try {
      const seen = await until(
        async () => last(),
        (s) => s!.nodes[0]!.version === null && s!.streams.length > 0,
        60_000,
      );
      t.match(seen!.alarms[0], { id: "node.reachable", asset: "n1" });
      t.same(
        seen!.nodes.map((n) => n.version),
        [null, "2.15.1", "2.15.1"],
        "the others are shown",
      );
    } finally {
      cluster.server("n1").signal("SIGCONT");
    }
    t.equal(
      (
        await until(
          async () => last(),
          (s) => s?.level === "ok",
          60_000,
        )
      )?.level,
      "ok",
      "and it comes back",
    );
    live.child.kill("SIGTERM");
    t.equal((await live.ended).code, 0);
    await sound();
  });

  t.test("nobody answers: exit 4, and CRITICAL for the monitoring", async (t) => {
    for (const s of cluster.servers) await s.stop();
    const { code, out } = await status(t, dir).ended;
    t.equal(code, 4);
    t.match(out, /CRITICAL[^]*0 of 3 nodes[^]*n1, n2 and n3: .*connection refused/);
    t.equal((await status(t, dir, "--check").ended).code, 2);
  });
});

t.test("usage", async (t) => {
  const cases: [string[], RegExp][] = [
    [["--interval", "soon"], /--interval takes a duration/],
    [["--watch", "--json", "--check"], /contradict/],
    [["--limit", "a"], /there is no flag --limit/],
    [["-i", "/nonexistent"], /no such folder/],
  ];
  for (const [args, words] of cases) {
    const { code, out, err } = await status(t, join(root, "inventory/hk"), ...args).ended;
    t.equal(code, 3, args.join(" "));
    t.match(out + err, words);
  }
  t.match((await status(t, "/nonexistent", "--check").ended).out, /^UNKNOWN - /, "the monitoring reads stdout");
  t.match((await status(t, "/nonexistent", "--help").ended).out, /0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN/);
});
