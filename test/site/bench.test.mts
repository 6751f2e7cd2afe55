import { readFileSync } from "node:fs";
import t from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const LIGHT = ["--rate", "1000", "--seconds", "2", "--warm-up", "1", "--rounds", "1"];
const bench = (site: Site, ...args: string[]) => site.play("bench.mts", ...args);
const failures = (events: readonly Event[]): string[] =>
  events.flatMap((e) => (e.type === "task_end" && e.failure ? [`${e.failure.what} | ${e.failure.next}`] : []));

t.test("bench", { skip }, async (t) => {
  const site = await siteLab(t, "bench");
  await site.rollout();
  const streams = async (): Promise<string[]> => (await site.state()).streams.map((s) => s.name);
  /** What a generator on a host may have left there. */
  const traces = (host: string): Promise<string> => site.sh(host, "ls -d /tmp/sampan-bench-* 2>/dev/null; ps ax -o args | grep '^node .*sampan-bench' || :");
  const [one, two] = site.names as [string, string];

  t.test("--check says what would be offered to which nodes, and offers nothing", async (t) => {
    const run = await bench(site, "--check").result;
    exits(t, run, 0);
    const [plan] = run.of("table");
    t.match(Object.fromEntries(plan!.rows), { push: /20,000 msg\/s of 128 bytes/, pull: /20,000 msg\/s .* ack explicit/, streams: /R3, file; removed/ });
    for (const host of site.hosts) t.match(Object.fromEntries(plan!.rows)["nodes"], `${host.name} (${host.address}:4222)`);
    t.same(run.of("bench"), []);
  });

  t.test("from here: the verdict first, and the whole result for whoever computes", async (t) => {
    const run = await bench(site, ...LIGHT, "--partitions", "3").result;
    exits(t, run, 0);
    const [told] = run.of("bench");
    t.same(
      told!.result.summary.map((s) => [s.kind, s.sent, s.delivered, s.lost]),
      [
        ["push", 2000, 2000, 0],
        ["pull", 2000, 2000, 0],
      ],
    );
    t.match(run.of("table")[0]!.title, /: verdict$/);
    t.same(await streams(), ["LOGS"]);
  });

  t.test("a goal that isn't reached fails, and is named", async (t) => {
    const run = await bench(site, ...LIGHT, "--mode", "push", "-e", "bench.goals.push.rate=100000").result;
    exits(t, run, 1);
    t.match(failures(run.events).join(), /msg\/s delivered, goal 100000 \(bench\.goals\.push\.rate\)/);
  });

  t.test("what makes no sense is refused in a line, and no host is touched", async (t) => {
    const wrong: [string[], RegExp][] = [
      [["--rate", "fast"], /--rate takes messages per second, or max, not "fast"/],
      [["--from", "nats-nod-1"], new RegExp(`--from: there is no host "nats-nod-1" in .* \\(did you mean ${one}\\?\\)`)],
      [["--partitions", "4", "--workers", "3"], /3 pull workers for 4 partitions/],
      [["--replicas", "5"], /5 replicas, and 3 nodes with JetStream/],
      [["--size", "8"], /payload of 8 bytes; use 16 or more/],
    ];
    for (const [args, line] of wrong) {
      const run = await bench(site, ...args).result;
      exits(t, run, 3);
      t.match(run.stderr, line);
    }
  });

  t.test("--from a host without Node.js says so in a line", async (t) => {
    const run = await bench(site, ...LIGHT, "--from", one).result;
    exits(t, run, 1);
    t.match(failures(run.events), [/has no Node\.js .*\| install Node\.js 20 or newer there/]);
  });

  t.test("--from a host with an old one too", async (t) => {
    await site.sh(one, `printf '#!/bin/sh\\nprintf v16.20.2 >&2; exit 96\\n' >/usr/local/bin/node && chmod +x /usr/local/bin/node`);
    const run = await bench(site, ...LIGHT, "--from", one).result;
    exits(t, run, 1);
    t.match(failures(run.events), [/has Node\.js v16\.20\.2, and the load generator takes 20 or newer/]);
  });

  t.test("--from a host that has it: the generator runs there, and nothing of it stays", async (t) => {
    const put = await site.lab.exec(two, ["sh", "-c", "cat >/usr/local/bin/node && chmod 755 /usr/local/bin/node"], { input: readFileSync(process.execPath) });
    t.equal(put.code, 0, put.stderr);
    const run = await bench(site, ...LIGHT, "--from", two).result;
    exits(t, run, 0);
    const [told] = run.of("bench");
    t.equal(told!.result.machine.host, await site.sh(two, "hostname"));
    t.same(told!.result.tunnelled, []);
    t.same(
      told!.result.summary.map((s) => [s.kind, s.delivered]),
      [
        ["push", 2000],
        ["pull", 2000],
      ],
    );
    t.equal(await traces(two), "");
    t.same(await streams(), ["LOGS"]);
  });

  for (const signal of ["SIGINT", "SIGKILL"] as const)
    t.test(`${signal} in the middle, with the generator on a host: it ends there, and its streams and files go`, async (t) => {
      const running = bench(site, "--rate", "500", "--seconds", "600", "--from", two);
      await running.until((e) => e.type === "task_progress" && /measuring/.test(e.text), "a measurement");
      t.match(await traces(two), /sampan-bench-/, "it runs there");
      running.signal(signal);
      const run = await running.result;
      if (signal === "SIGINT") exits(t, run, 130);
      for (const until = Date.now() + 60_000; Date.now() < until && ((await traces(two)) !== "" || (await streams()).length > 1); )
        await new Promise((resolve) => setTimeout(resolve, 500));
      t.equal(await traces(two), "");
      t.same(await streams(), ["LOGS"]);
    });
});
