import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { root, skip } from "../lab/fixture.mts";
import { until } from "../nats/until.mts";
import { exits, type Result } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(1_200_000);

const NAMES = ["kill-node", "kill-meta-leader", "kill-stream-leader", "partition", "pause", "fill-disk", "lose-store", "restart-all"];
const STORE = "/var/lib/nats/jetstream";
const drill = (site: Site, ...args: string[]) => site.play("drill.mts", ...args);
const rows = (run: Result): string[][] =>
  run
    .of("table")
    .filter((e) => e.title.endsWith(": drill"))
    .flatMap((e) => e.rows);
/** What a drill may have left on the hosts. */
const leftovers = (site: Site): Promise<string[]> =>
  site.everywhere(`
  { cat /run/sampan/drill/fault; ls -d ${STORE}/sampan-drill-*; ip rule show | grep blackhole; ip -6 rule show | grep blackhole
  systemctl list-units --all --plain --no-legend 'sampan-drill*'; systemctl is-active nats-server | grep -vx active
  grep '^State:.T' /proc/$(systemctl show -p MainPID nats-server | cut -d= -f2)/status; } 2>/dev/null || :`);
const nothing = ["", "", ""];

t.test("a drill", { skip }, async (t) => {
  const site = await siteLab(t, "drill");
  // A store with a file system of its own, and small: it can be filled without harm to this machine.
  await site.everywhere(`mkdir -p ${STORE} && mount -t tmpfs -o size=192m tmpfs ${STORE}`);
  site.vars("verify: { rate: 500, seconds: 1, settle: 1s }\n");
  await site.rollout();

  t.test("--check says what would be done to whom, and does nothing", async (t) => {
    const before = await site.servers();
    const run = await drill(site, "--check").result;
    exits(t, run, 2);
    t.same(
      run.ends("drift").map((e) => e.task),
      NAMES,
    );
    t.match(
      run.ends("drift").find((e) => e.task === "kill-meta-leader"),
      { changes: [{ attribute: /^nats-node-\d$/, desired: /SIGKILL/ }], reason: /starts it again/ },
    );
    t.same(await site.servers(), before);
    t.same(await leftovers(site), nothing);
  });

  t.test("all faults, each under load: nothing acknowledged is lost, and the cluster is whole after each", async (t) => {
    const run = await drill(site, "--hold", "3s").result;
    exits(t, run, 0);
    const table = rows(run);
    t.same(
      table.map(([fault]) => fault),
      NAMES,
    );
    for (const [fault, hit, acked, lost, twice, , , publishGap, , , redundant] of table) {
      t.match(hit, fault === "restart-all" ? /^all 3$/ : /^nats-node-\d$/, `${fault}: ${hit}`);
      t.ok(Number(acked!.replaceAll(",", "")) > 300, `${fault}: ${acked} acknowledged`);
      t.same([lost, twice], ["0", "0"], `${fault}: none lost, none stored twice`);
      t.match(publishGap, /\d m?s$/);
      t.match(redundant, /\d m?s$/, `${fault}: full redundancy after ${redundant}`);
    }
    t.match(
      run.of("warning").map((e) => e.text),
      [/sync_interval 2m, a power cut/],
    );
    t.ok(
      run.ends("ok").some((e) => e.phase === "verify"),
      "it ends with verify",
    );
    t.same(await leftovers(site), nothing);
    t.same(
      (await site.state()).streams.map((s) => s.name),
      ["LOGS"],
      "no stream of a load is left",
    );
  });

  t.test("Ctrl-C in the middle of a partition: it is undone, and the run says so", async (t) => {
    const running = drill(site, "--fault", "partition", "--hold", "10m");
    await running.until((e) => e.type === "task_progress" && /cut off/.test(e.text), "a partition");
    await until(
      () => leftovers(site),
      (l) => l.some((text) => text.includes("blackhole")),
      60_000,
    );
    running.signal("SIGINT");
    const run = await running.result;
    exits(t, run, 130);
    t.same(await leftovers(site), nothing);
    t.same(
      (await site.state()).streams.map((s) => s.name),
      ["LOGS"],
    );
  });

  t.test("the controller is killed while a node stands still: the host heals by itself", async (t) => {
    const running = drill(site, "--fault", "pause", "--hold", "1s");
    await running.until((e) => e.type === "task_progress" && /stands still/.test(e.text), "a pause");
    await until(
      () => leftovers(site),
      (l) => l.some((text) => /State:.T/.test(text)),
      60_000,
    );
    running.signal("SIGKILL");
    await running.result;
    t.match((await leftovers(site)).join(""), /pause/, "left behind");
    t.same(
      await until(
        () => leftovers(site),
        (l) => l.every((text) => text === ""),
        120_000,
      ),
      nothing,
      "and undone by the host's own timer",
    );
  });

  t.test("the controller is killed, and the next drill comes first: it begins by undoing what is left", async (t) => {
    const running = drill(site, "--fault", "partition", "--hold", "10m");
    await until(
      () => leftovers(site),
      (l) => l.some((text) => text.includes("blackhole")),
      60_000,
    );
    running.signal("SIGKILL");
    await running.result;
    await site.everywhere("flock -w 60 /run/sampan/lock true");
    const check = await drill(site, "--fault", "kill-node", "--check").result;
    exits(t, check, 2);
    t.match(check.ends("drift")[0], { task: "what an earlier drill left", changes: [{ attribute: /nats-node-\d: fault/, current: "partition" }] });
    const run = await drill(site, "--fault", "kill-node").result;
    exits(t, run, 0);
    t.match(run.ends("changed"), [{ task: "what an earlier drill left" }]);
    t.same(await leftovers(site), nothing);
  });

  t.test("what can't be done without harm is skipped, with the reason", async (t) => {
    const app = await site.app(t);
    const create = await app.request(
      "$JS.API.STREAM.CREATE.CACHE",
      JSON.stringify({ name: "CACHE", subjects: ["cache.>"], storage: "memory", num_replicas: 3 }),
      { timeout: 5000 },
    );
    t.notMatch(create.json(), { error: {} });
    await site.everywhere(`umount -l ${STORE}`);
    const run = await drill(site, "--check", "--fault", "restart-all", "--fault", "fill-disk").result;
    t.match(Object.fromEntries(run.ends("skipped").map((e) => [e.task, e.reason])), {
      "restart-all": /would destroy CACHE/,
      "fill-disk": /no file system of its own \(it lies in that of \/\)/,
    });
  });

  t.test("another inventory than this machine's lab is left alone", async (t) => {
    const copy = mkdtempSync(join(tmpdir(), "sampan-drill-"));
    t.teardown(() => rmSync(copy, { recursive: true, force: true }));
    cpSync(site.inventory, copy, { recursive: true });
    const before = await site.servers();
    const as = (inventory: string, ...args: string[]) => spawnSync(join(root, "playbooks/drill.mts"), ["-i", inventory, ...args], { encoding: "utf8" });
    const refused = as(copy);
    t.equal(refused.status, 3);
    t.match(refused.stderr, /is no running lab of this machine: .*--yes-i-mean-it$/m);
    const hosts = join(site.inventory, "hosts.yml");
    writeFileSync(hosts, readFileSync(hosts, "utf8").replace(/address: [\d.]+/, "address: 127.0.0.1"));
    t.equal(as(site.inventory).status, 3, "nor one with another address in it");
    t.same(await site.servers(), before);
  });
});

t.test("bad usage", async (t) => {
  const run = (...args: string[]) => spawnSync(join(root, "playbooks/drill.mts"), args, { encoding: "utf8", cwd: root });
  for (const [args, line] of [
    [["--fault", "kill-nod"], /^there is no fault "kill-nod" \(did you mean kill-node\?\); faults: kill-node, /],
    [["--rounds", "0"], /^--rounds takes a whole number from 1 to 1000, not "0"$/],
    [["--rate", "x"], /^--rate takes a whole number/],
    [["--hold", "5"], /^--hold takes a duration from 1s to 10m/],
    [["--limit", "a"], /^there is no flag --limit/],
  ] as const) {
    const { status, stdout, stderr } = run(...args);
    t.equal(status, 3, args.join(" "));
    t.match(stderr.trim(), line);
    t.equal(stdout, "");
  }
  const list = run("--list");
  t.equal(list.status, 0);
  t.same(
    list.stdout
      .trim()
      .split("\n")
      .map((l) => l.split(" ")[0]),
    [...NAMES, "lose-region"],
  );
});
