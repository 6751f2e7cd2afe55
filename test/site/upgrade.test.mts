import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { skip } from "../lab/fixture.mts";
import { absences, overlaps } from "../support/journal.mts";
import { Programs } from "../support/programs.mts";
import { exits, type Result } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const STREAMS = `streams:
  - name: ORDERS
    subjects: [orders.>]
    consumers: [{ durable_name: shipping }, { durable_name: audit, num_replicas: 1 }]
  - { name: SCRATCH, subjects: [scratch.>], num_replicas: 1 }
`;
const vars = (version: string): string => `# what the team runs
nats_version: "${version}"   # asked for by the shop
lame_duck_grace_period: 1s
verify: { rate: 1000, seconds: 1, settle: 1s }
${STREAMS}`;

const versions = async (site: Site): Promise<string[]> => Object.values(await site.servers()).map((s) => s.version);
const tasks = (run: Result, task: string) => run.of("task_end").filter((e) => e.task === task);
const failures = (run: Result): string[] => run.ends("failed").map((e) => `${e.task}: ${e.failure!.what}`);
const cells = (run: Result, title: RegExp): string[][] =>
  run
    .of("table")
    .filter((e) => title.test(e.title))
    .flatMap((e) => e.rows);
const file = (site: Site): string => readFileSync(join(site.inventory, "group_vars/nats.yml"), "utf8");
const ALL = ["2.10.27", "2.10.27", "2.10.27"];

t.test("2.10.27 to 2.15.1 under load, node by node", { skip }, async (t) => {
  const site = await siteLab(t, "upgrade");
  const programs = new Programs(t);
  await programs.add("2.10.27");
  await programs.add("2.15.1");
  site.source(programs.source);
  site.vars(vars("2.10.27"));
  await site.rollout();
  const before = await site.servers();

  t.test("what makes no sense is told in a line, and no host is asked", async (t) => {
    for (const [args, line] of [
      [["--to", "2.15"], /^--to 2\.15 is not a version; write all three numbers, for example --to 2\.15\.1\n$/],
      [["--to", "2.16.0"], /^--to 2\.16\.0 is newer than sampan knows; take a release up to 2\.15\.x\n$/],
      [["--to", "2.9.10"], /^--to 2\.9\.10 has known security holes/],
      [["--to", "2.15.1", "--rollback"], /^--to and --rollback: one of them/],
      [["-e", "nats_version=2.15.1"], /^-e nats_version: say --to VERSION/],
      [["--load", "many"], /^--load takes messages per second, 0 to 5000, not "many"\n$/],
      [["--limit", "nats-node-1"], /there is no flag --limit/],
    ] as [string[], RegExp][]) {
      const run = await site.play("upgrade.mts", ...args).result;
      exits(t, run, 3);
      t.match(run.stderr, line);
      t.equal(run.stdout, "");
    }
  });

  t.test("all that speaks against it is told at once, and nothing is changed", async (t) => {
    const run = await site.play("upgrade.mts", "--to", "2.15.1").result;
    exits(t, run, 1);
    t.equal(run.ends("failed").length, 2, failures(run).join("\n"));
    t.match(failures(run).join("\n"), /2\.10\.27 → 2\.15\.1 goes over 2\.12 and 2\.14/);
    t.match(
      failures(run).join("\n"),
      /unavailable while their node restarts: consumer ORDERS > audit \(only on nats-node-\d\), stream SCRATCH \(only on nats-node-\d\)/,
    );
    t.match(
      run
        .ends("failed")
        .map((e) => e.failure!.next)
        .join("\n"),
      /--skip-minors[^]*--accept-r1-downtime/,
    );
    t.same(run.ends("changed"), []);
    t.equal(file(site), vars("2.10.27"));
    t.same(await site.everywhere("ls /opt/nats-server"), ALL);
  });

  t.test("site.mts takes no step over minor releases either, and says who does", async (t) => {
    site.vars(vars("2.15.1"));
    const run = await site.run();
    exits(t, run, 3);
    t.match(
      run.stderr,
      /group_vars\/nats\.yml:2:15: nats-node-1 has streams written by 2\.10\.27, and 2\.15\.1 goes over 2\.12 and 2\.14; .*upgrade\.mts --to 2\.15\.1 --skip-minors\n/,
    );
    site.vars(vars("2.10.27"));
  });

  const go = ["--to", "2.15.1", "--skip-minors", "--accept-r1-downtime"];

  t.test("--check says what would be done, and does nothing", async (t) => {
    const run = await site.play("upgrade.mts", ...go, "--check", "--diff").result;
    exits(t, run, 2);
    t.equal(run.deviations.filter((d) => /: nats_version in .* drift$/.test(d)).length, 1);
    // Of the cluster's own lane, verify says that it can't know yet which versions there will be.
    t.same(
      run.deviations.filter((d) => d.startsWith("nats-node-")),
      site.names
        .flatMap((n) => [
          `${n}: artifact /opt/nats-server/2.15.1/nats-server drift`,
          `${n}: handler switch nats-server to 2.15.1 drift`,
          `${n}: trial /opt/nats-server/2.15.1/nats-server unknown`,
        ])
        .sort(),
    );
    t.match(
      run.ends("drift").find((e) => e.task.startsWith("nats_version"))!.diff,
      /-nats_version: "2\.10\.27" {3}# asked for by the shop\n\+nats_version: "2\.15\.1" {3}# asked for by the shop/,
    );
    const order = cells(run, /the roll, one node at a time/);
    t.equal(order.length, 3);
    t.equal(order[2]![4], "meta leader");
    t.equal(file(site), vars("2.10.27"));
    t.same(await site.everywhere("ls -A /opt/nats-server"), ALL);
    t.same(await site.servers(), before);
  });

  t.test("one node upgraded, and its store with it: the way back goes over an empty store, which the others fill", async (t) => {
    const nc = await site.app(t);
    for (let i = 0; i < 200; i++) await nc.request("orders.new", `order ${i}`, { timeout: 5000 });
    const running = site.play("upgrade.mts", ...go);
    const first = await running.until((e) => e.type === "task_end" && e.task.startsWith("handler switch") && e.status === "changed", "a switch");
    running.signal("SIGINT");
    exits(t, await running.result, 130);
    const lane = "lane" in first ? first.lane : "";
    t.same((await versions(site)).sort(), ["2.10.27", "2.10.27", "2.15.1"]);

    const refused = await site.play("upgrade.mts", "--rollback", "--accept-r1-downtime").result;
    exits(t, refused, 3);
    t.match(
      refused.stderr,
      new RegExp(`^--rollback: ${lane} has streams written by 2\\.15\\.1, which 2\\.10\\.27 can't read; keep 2\\.15\\.1, or see .*docs/upgrade\\.md\n$`),
    );

    const store = await site.sh(lane, "sed -n 's/^jetstream.store_dir = //p' /etc/nats/restart-only");
    await site.sh(lane, `systemctl stop nats-server && mv ${store}/jetstream ${store}/jetstream.newer`);
    const back = await site.play("upgrade.mts", "--rollback", "--accept-r1-downtime").result;
    exits(t, back, 0);
    t.same(await versions(site), ALL);
    const orders = (await site.state()).streams.find((s) => s.name === "ORDERS")!;
    t.same(
      orders.copies.map((c) => [c.server, c.messages]),
      site.names.map((n) => [n, 200]),
      "every copy is whole again",
    );
    t.equal(file(site), vars("2.10.27"));
    await site.sh(lane, `rm -r ${store}/jetstream.newer`);
  });

  t.test("all three nodes under load: leader last, never two away, no message lost; the inventory says so", async (t) => {
    const since = Date.now();
    const leader = (await site.state()).servers.find((s) => s.jetstream?.meta?.leader === s.name)!.name;
    const run = await site.play("upgrade.mts", ...go).result;
    exits(t, run, 0);
    t.same(await versions(site), ["2.15.1", "2.15.1", "2.15.1"]);
    t.equal(file(site), vars("2.15.1"), "the comments and quotes are the user's");
    const away = await absences(site, since);
    t.same(away.map((a) => a.host).sort(), site.names, "each was away once");
    t.same(overlaps(away), [], "never two at the same time");
    t.equal(away.at(-1)!.host, leader, "the meta leader went last");
    const [account] = tasks(run, "every message is accounted for");
    t.match(account!.reason, /^[\d,]+ messages acknowledged, none lost, none stored twice; longest publish gap \d+ ms at \d\d:\d\d:\d\d UTC/);
    const seen = cells(run, /what clients saw/);
    t.same(
      seen.map((row) => row[0]),
      ["load", ...away.map((a) => a.host), "all"],
    );
    t.same(
      seen.map((row) => row.slice(2, 4)),
      seen.map(() => ["0", "0"]),
      "acked lost, stored twice",
    );
    t.same(
      cells(run, /: versions$/),
      site.names.map((n) => [n, "2.10.27", "2.15.1"]),
    );
    t.ok(tasks(run, "push through a queue group")[0]?.status === "ok", "and verify has passed");
    t.comment(JSON.stringify(seen));
  });

  t.test("there is nothing left to do, and no load for that", async (t) => {
    const run = await site.play("upgrade.mts", "--to", "2.15.1", "--accept-r1-downtime").result;
    exits(t, run, 0);
    t.same(run.deviations, []);
    t.same(cells(run, /what clients saw/), []);
    t.same((await site.rollout()).deviations, [], "nor for site.mts");
  });

  t.test("2.10 can't read what 2.15 has written: there is no way back, and that is said", async (t) => {
    const run = await site.play("upgrade.mts", "--rollback").result;
    exits(t, run, 3);
    t.match(run.stderr, /^--rollback: nats-node-1 has streams written by 2\.15\.1, which 2\.10\.27 can't read; keep 2\.15\.1, or see .*docs\/upgrade\.md\n/);
    t.equal(file(site), vars("2.15.1"));
  });
});
