import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { skip } from "../lab/fixture.mts";
import { absences, overlaps } from "../support/journal.mts";
import { Programs } from "../support/programs.mts";
import { exits, type Result } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const vars = (version: string): string => `nats_version: ${version}\nlame_duck_grace_period: 1s\nverify: { rate: 1000, seconds: 1, settle: 1s }\n`;
const versions = async (site: Site): Promise<string[]> => Object.values(await site.servers()).map((s) => s.version);
const inventory = (site: Site): string => /^nats_version: (.*)$/m.exec(readFileSync(join(site.inventory, "group_vars/nats.yml"), "utf8"))![1]!;
const switched = (run: Result): string[] =>
  run
    .ends("changed")
    .filter((e) => e.task.startsWith("handler switch nats-server"))
    .map((e) => e.lane);
const reason = (run: Result, task: string): string | undefined => run.of("task_end").find((e) => e.task === task)?.reason;

t.test(
  "a version that is no good, an interrupted upgrade, a way back",
  { skip: skip || (process.arch !== "x64" && "its broken server is for x86-64") },
  async (t) => {
    const site = await siteLab(t, "rollback");
    const programs = new Programs(t);
    await programs.add("2.15.1");
    await programs.renumbered("2.15.1", "2.15.2");
    programs.broken("2.15.3");
    site.source(programs.source);
    site.vars(vars("2.15.1"));
    await site.rollout();
    const THREE = ["2.15.1", "2.15.1", "2.15.1"];

    t.test("its server doesn't start: the roll ends at the first node, the other two serve, and nothing is lost", async (t) => {
      const before = await site.servers();
      const run = await site.play("upgrade.mts", "--to", "2.15.3").result;
      exits(t, run, 1);
      const failed = run.ends("failed");
      t.equal(failed.length, 1, run.told);
      t.match(failed[0]!.failure!.what, /nats-server 2\.15\.3 doesn't start on this host; the other nodes serve/);
      t.match(failed[0]!.failure!.next, /upgrade\.mts --rollback/);
      t.match(reason(run, "every message is accounted for"), /none lost, none stored twice/);
      const after = await site.servers();
      const down = failed[0]!.lane;
      for (const name of site.names.filter((n) => n !== down)) t.same(after[name], before[name], `${name} hasn't been touched`);
      t.equal(await site.sh(down, "readlink /usr/local/bin/nats-server"), "/opt/nats-server/2.15.3/nats-server");
      t.same(
        await site.everywhere("readlink /usr/local/bin/nats-server | grep -c 2.15.3 || true"),
        site.names.map((n) => (n === down ? "1" : "0")),
        "a reboot of another would start what it had",
      );
      t.equal(inventory(site), "2.15.3");
    });

    t.test("--rollback: --check says what it would do; then the one node comes back, and the inventory says so", async (t) => {
      const check = await site.play("upgrade.mts", "--rollback", "--check").result;
      exits(t, check, 2);
      t.equal(check.ends("drift").filter((e) => e.task.startsWith("handler")).length, 1);
      t.equal(inventory(site), "2.15.3");
      const before = await site.servers();
      const run = await site.play("upgrade.mts", "--rollback").result;
      exits(t, run, 0);
      t.equal(switched(run).length, 1, "the one node, and no other");
      t.same(await versions(site), THREE);
      const after = await site.servers();
      for (const name of site.names.filter((n) => n !== switched(run)[0])) t.equal(after[name]!.pid, before[name]!.pid);
      t.equal(inventory(site), "2.15.1");
      t.same((await site.rollout()).deviations, []);
    });

    t.test("Ctrl-C after the first node, of which one was down before: the rest is done by a rerun, and nothing is lost", async (t) => {
      await site.sh("nats-node-2", "systemctl stop nats-server");
      const since = Date.now();
      const running = site.play("upgrade.mts", "--to", "2.15.2");
      const first = await running.until((e) => e.type === "task_end" && e.task.startsWith("handler switch") && e.status === "changed", "a switch");
      running.signal("SIGINT");
      const run = await running.result;
      exits(t, run, 130);
      t.equal("lane" in first && first.lane, "nats-node-2", "the one that was out went first");
      t.same(switched(run), ["nats-node-2"]);
      t.same(
        run.of("table").filter((e) => /what clients saw/.test(e.title)),
        [],
        "while a node is out, a stream of three has no place: there is no load yet",
      );
      t.match(run.of("stopped")[0]!.where.join("\n"), /nats-node-1[^]*nats-node-3/);
      t.equal(inventory(site), "2.15.2");

      const second = site.play("upgrade.mts");
      await second.until((e) => e.type === "task_end" && e.task.startsWith("handler switch") && e.status === "changed", "a switch");
      second.signal("SIGINT");
      const again = await second.result;
      exits(t, again, 130);
      t.equal(again.of("table").filter((e) => /what clients saw/.test(e.title)).length, 1, "the account is told all the same");
      t.same(
        again.of("warning").filter((e) => /lost|twice|read back/.test(e.text)),
        [],
      );

      const rerun = await site.play("upgrade.mts").result;
      exits(t, rerun, 0);
      t.same([...switched(again), ...switched(rerun)].sort(), ["nats-node-1", "nats-node-3"]);
      t.same(await versions(site), ["2.15.2", "2.15.2", "2.15.2"]);
      t.match(reason(rerun, "every message is accounted for"), /none lost, none stored twice/);
      t.same(overlaps(await absences(site, since)), []);
    });

    t.test("all three back to the version before, under load", async (t) => {
      const since = Date.now();
      const run = await site.play("upgrade.mts", "--rollback").result;
      exits(t, run, 0);
      t.same(await versions(site), THREE);
      t.equal(inventory(site), "2.15.1");
      t.match(reason(run, "every message is accounted for"), /none lost, none stored twice/);
      t.same(overlaps(await absences(site, since)), []);
      const again = await site.play("upgrade.mts", "--rollback").result;
      exits(t, again, 3);
      t.match(
        again.stderr,
        /^--rollback: no one version lies beside 2\.15\.1 that all hosts ran before; name it: --to VERSION\nnats-node-1: has 2\.15\.1, before that /,
      );
    });

    t.test("two of three are down: there is no quorum to keep, and it is refused", async (t) => {
      for (const name of ["nats-node-1", "nats-node-3"]) await site.sh(name, "systemctl stop nats-server");
      const run = await site.play("upgrade.mts", "--to", "2.15.2").result;
      exits(t, run, 1);
      t.match(
        run
          .ends("failed")
          .map((e) => e.failure!.what)
          .join(),
        /nats-node-1, nats-node-3 are out: 1 of 3 servers are no majority/,
      );
      t.equal(inventory(site), "2.15.1");
      t.same(run.ends("changed"), []);
    });
  },
);
