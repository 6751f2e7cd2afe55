import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { compile, forRoll, plan } from "../../lib/engine/compile.mts";
import { handler } from "../../lib/engine/resource.mts";
import { quote, Sh } from "../../lib/sh.mts";
import { Disk, flag, LocalHost, programOf, sha256, step, stepsOf, summary } from "./local-host.mts";
import { notRoot, shells } from "./shells.mts";

t.setTimeout(600_000);

for (const [name, argv, unusable] of shells) {
  t.test(name, { skip: unusable || notRoot }, async (t) => {
    const disk = new Disk(t);
    const at = (file: string): string => disk.at(file);
    const host = new LocalHost(t, argv, disk);

    t.test("check, apply, check: ok, changed, then ok", async (t) => {
      const first = await host.run(programOf("apply", step("fine", ":"), flag(at("made"))));
      t.strictSame(summary(first.ends), ["fine ok", "made changed"]);
      t.strictSame(first.ends[1]!.changes, [{ attribute: "state", current: "absent", desired: "present" }]);
      t.match(first.outcome, { ok: true, stopped: false, lost: false });
      t.strictSame(summary((await host.run(programOf("apply", step("fine", ":"), flag(at("made"))))).ends), ["fine ok", "made ok"]);
    });

    t.test("--check says drift and changes nothing", async (t) => {
      const { ends, outcome } = await host.run(programOf("check", flag(at("unmade"))));
      t.strictSame(summary(ends), ["unmade drift"]);
      t.notOk(existsSync(at("unmade")));
      t.equal(outcome.ok, true);
      t.equal(outcome.drifted.length, 1);
    });

    t.test("what needs something that would change is unknown, also in a chain", async (t) => {
      const { ends } = await host.run(
        programOf(
          "check",
          flag(at("no")),
          step("child", "exit 1", ":", { needs: ["step no"] }),
          step("grandchild", "exit 1", ":", { needs: ["step child"] }),
          step("free", ":", ":", { needs: ["step elsewhere"] }),
        ),
      );
      t.strictSame(summary(ends), ["no drift", "child unknown", "grandchild unknown", "free ok"]);
      t.equal(ends[1]!.reason, "depends on step no");
    });

    t.test("skip has a reason, and the program goes on", async (t) => {
      const { ends } = await host.run(
        programOf("apply", step("a", "skip 'not in a container'; echo unreached"), step("b", ":", ":", { skip: "known from 'facts'" }), step("c", ":")),
      );
      t.strictSame(summary(ends), ["a skipped", "b skipped", "c ok"]);
      t.strictSame([ends[0]!.reason, ends[1]!.reason], ["not in a container", "known from 'facts'"]);
    });

    t.test("a failure ends the program: command, status and output are told", async (t) => {
      const { ends, outcome } = await host.run(programOf("apply", step("bad", "differs a b c", "echo out; echo err >&2; return 7"), flag(at("later"))));
      t.strictSame(summary(ends), ["bad failed"]);
      t.match(ends[0]!.failure, { exit: 7, output: "out\nerr", command: "echo out; echo err >&2; return 7" });
      t.notOk(existsSync(at("later")));
      t.equal(outcome.ok, false);
    });

    t.test("a check that fails", async (t) => {
      const { ends } = await host.run(programOf("check", step("bad", "echo broken >&2; return 3")));
      t.match(ends[0]!.failure, { what: "its state could not be read", exit: 3, output: "broken" });
    });

    t.test("cannot: plain words, and what to do", async (t) => {
      const { ends } = await host.run(programOf("apply", step("bad", "differs a b c", "cannot 'it is é locked' 'unlock it'")));
      t.match(ends[0]!.failure, { what: "it is é locked", next: "unlock it" });
    });

    t.test("what doesn't converge fails there and then", async (t) => {
      const { ends } = await host.run(programOf("apply", step("stubborn", "differs value 1 2")));
      t.strictSame(summary(ends), ["stubborn failed"]);
      t.match(ends[0]!.failure!.what, "value is 1 instead of 2");
    });

    t.test("a step has no stdin and doesn't eat the program", async (t) => {
      const { ends } = await host.run(programOf("apply", step("greedy", "cat >/dev/null; read -r x; :"), step("next", ":")));
      t.strictSame(summary(ends), ["greedy ok", "next ok"]);
    });

    t.test("variables and folders of one step don't reach the next", async (t) => {
      const { ends } = await host.run(
        programOf(
          "apply",
          step("one", "leak=1; cd /tmp; set -f; IFS=x; umask 0; differs a b c", "leak=1; cd /tmp"),
          step("two", '[ -z "$leak" ] && [ "$(umask)" = 0022 ] && [ "$(pwd)" != /tmp ] || return 5'),
        ),
      );
      t.equal(summary(ends)[0], "one failed", "(it never converges)");
      const again = await host.run(programOf("apply", step("two", '[ -z "$leak" ] && [ "$(umask)" = 0022 ] || return 5')));
      t.strictSame(summary(again.ends), ["two ok"]);
    });

    t.test("output of 500 kB, output that looks like frames, and bytes that are no text", async (t) => {
      const noisy = "head -c 500000 /dev/zero | tr '\\0' x; printf '\\nsampan-local e 1 2\\n1ok\\n'; printf '\\303\\050\\377\\000z'; return 4";
      const { ends } = await host.run(programOf("apply", step("noisy", noisy)));
      t.strictSame(summary(ends), ["noisy failed"]);
      t.ok(ends[0]!.failure!.output!.length <= 4000);
      t.match(ends[0]!.failure!.output!, "sampan-local e 1 2");
    });

    t.test("handlers run when the host's state says so, once, after the resources", async (t) => {
      const restart = handler("restart", { check: new Sh(`[ ! -e ${quote(at("debt"))} ] || differs state old new`), apply: new Sh(`rm ${quote(at("debt"))}`) });
      const config = flag(at("config"), `: >${quote(at("debt"))}; : >${quote(at("config"))}`).notify(restart);
      const other = flag(at("config2")).notify(restart);
      t.strictSame(summary((await host.run(programOf("check", config))).ends), ["config drift", "handler restart drift"]);
      const changed = await host.run(programOf("apply", config, other, step("last", ":")));
      t.strictSame(summary(changed.ends), ["config changed", "config2 changed", "last ok", "handler restart changed"]);
      t.strictSame(summary((await host.run(programOf("apply", config, other))).ends), ["config ok", "config2 ok", "handler restart ok"]);
      writeFileSync(at("debt"), "");
      t.strictSame(summary((await host.run(programOf("check", config))).ends), ["config ok", "handler restart drift"], "debt of an earlier run");
      t.strictSame(summary((await host.run(programOf("apply", config))).ends), ["config ok", "handler restart changed"]);
    });

    t.test("in --check a handler says which task would set it off", async (t) => {
      const restart = handler("restart", { check: new Sh(":"), apply: new Sh(":") });
      const { ends } = await host.run(programOf("check", flag(at("never")).notify(restart)));
      t.match(ends[1], { status: "drift", handler: true, reason: "would run because of step never" });
    });

    t.test("a rolling handler is only looked at, and done by the roll", async (t) => {
      const roll = handler("roll", {
        rolling: true,
        check: new Sh(`[ ! -e ${quote(at("rolling"))} ] || differs state old new`),
        apply: new Sh(`rm ${quote(at("rolling"))}`),
      });
      const resource = step("config", ":").notify(roll);
      const idle = await host.run(programOf("apply", resource));
      t.strictSame([summary(idle.ends), idle.outcome.due.length], [["config ok", "handler roll ok"], 0]);
      writeFileSync(at("rolling"), "");
      t.strictSame(summary((await host.run(programOf("check", resource))).ends), ["config ok", "handler roll drift"]);
      const { outcome, ends } = await host.run(programOf("apply", resource));
      t.strictSame([summary(ends), outcome.due.map((s) => s.task), existsSync(at("rolling"))], [["config ok"], ["handler roll"], true]);
      const rolled = await host.run(compile(forRoll(outcome.due), { mode: "apply", diff: false }));
      t.strictSame([summary(rolled.ends), existsSync(at("rolling"))], [["handler roll changed"], false]);
    });

    t.test("an apply throws the prefetched state of files away, and so does the next program", async (t) => {
      const path = at("cached");
      writeFileSync(path, "one");
      const looks = { stat: [path], sum: [path], text: [path] };
      const sees = (what: string, want: string): string =>
        `${what}_of ${quote(path)}; [ "$S_${what.toUpperCase()}" = ${quote(want)} ] || cannot "$S_${what.toUpperCase()}"`;
      const change = step("change", `text_of ${quote(path)}; [ "$S_TEXT" = two ] || differs text "$S_TEXT" two`, `printf two >${quote(path)}`, {
        looksAt: looks,
      });
      const { ends } = await host.run(
        programOf("apply", step("before", sees("sum", sha256("one"))), change, step("after", sees("sum", sha256("two"))), step("text", sees("text", "two"))),
      );
      t.strictSame(summary(ends), ["before ok", "change changed", "after ok", "text ok"]);
      await host.run(programOf("apply", step("look", ":", ":", { looksAt: looks })));
      writeFileSync(path, "three");
      t.strictSame(summary((await host.run(programOf("apply", step("later", sees("sum", sha256("three")))))).ends), ["later ok"]);
    });

    t.test("stat_of, sum_of and text_of give the same with and without prefetch, whatever the name", async (t) => {
      const names = ["plain", "with space", "two  spaces", "tab\there", "back\\slash", "new\nline", "quote'", "st*r[a]", "香港", "-dash", "colon:x"];
      for (const n of names) writeFileSync(at(n), `text of ${n.replace("\n", "")}\nmore\n`, { mode: 0o640 });
      const steps = names.map((n) =>
        step(
          `see ${n}`,
          `stat_of ${quote(at(n))}; sum_of ${quote(at(n))}; text_of ${quote(at(n))}
        [ "$S_TYPE:$S_MODE:$S_OWNER" = "regular file:640:root" ] || cannot "stat: $S_TYPE:$S_MODE:$S_OWNER"
        [ "$S_SUM" = ${sha256(readFileSync(at(n)))} ] || cannot "sum: $S_SUM"
        [ "$S_TEXT" = ${quote(`text of ${n.replace("\n", "")}`)} ] || cannot "text: $S_TEXT"`,
        ),
      );
      const prefetched = steps.map((s, i) => ({ ...s, looksAt: { stat: [at(names[i]!)], sum: [at(names[i]!)], text: [at(names[i]!)] } }));
      for (const set of [steps, prefetched]) {
        for (const one of set) t.match((await host.run(programOf("check", one))).ends[0], { status: "ok", failure: undefined }, one.name);
      }
      t.match((await host.run(programOf("check", ...prefetched))).ends.at(-1), { status: "ok" }, "all at once");
    });

    t.test("what blocks a reader is not prefetched", { timeout: 10_000 }, async (t) => {
      await host.exchange(`mkfifo ${quote(at("fifo"))}; emit made\n`, ["made"]);
      const { ends } = await host.run(
        programOf("check", step("fifo", `stat_of ${quote(at("fifo"))}; [ "$S_TYPE" = fifo ]`, ":", { looksAt: { stat: [at("fifo")], sum: [at("fifo")] } })),
      );
      t.strictSame(summary(ends), ["fifo ok"]);
    });

    t.test("changes are written to the audit log with who and what; nothing else is", async (t) => {
      const before = disk.audit;
      await host.run(programOf("apply", step("quiet", ":"), flag(at("audited")), step("skipped", "skip no")));
      await host.run(programOf("check", flag(at("not audited"))));
      const lines = disk.audit.slice(before.length).trim().split("\n");
      t.equal(lines.length, 1);
      t.match(lines[0], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ tester@here test role: step audited$/);
    });

    t.test("a program of 200 steps", async (t) => {
      const many = Array.from({ length: 200 }, (_, i) => flag(at(`many-${i}`)));
      t.match((await host.run(programOf("apply", ...many))).outcome.counts, { changed: 200 });
      t.match((await host.run(programOf("check", ...many))).outcome.counts, { ok: 200, drift: 0 });
    });

    t.test("a program of 600 kB arrives whole", async (t) => {
      const big = "香".repeat(200_000);
      const { ends } = await host.run(programOf("apply", step("big", `[ "$(printf %s ${quote(big)} | wc -c)" -eq 600000 ]`)));
      t.strictSame(summary(ends), ["big ok"]);
    });

    t.test("nothing was written to stderr", async (t) => {
      // bash warns of NUL bytes in a step's output
      t.equal(host.stderr.replace(/^.*ignored null byte.*\n/gm, ""), "");
    });

    t.test("USR1: the step in hand finishes, later ones don't run", async (t) => {
      const steps = stepsOf(step("slow", `[ -e ${quote(at("slow"))} ] || differs a b c`, `sleep 0.5; : >${quote(at("slow"))}`), flag(at("after-stop")));
      const { outcome, ends } = await host.run(compile(steps, { mode: "apply", diff: false }), (f) => {
        if (f.kind === "d1") host.child.kill("SIGUSR1");
      });
      t.strictSame(summary(ends), ["slow changed"]);
      t.match(outcome, { stopped: true, ok: false });
      t.notOk(existsSync(at("after-stop")));
      const next = await host.run(compile(plan([{ role: "r", resources: [flag(at("after-stop"))] }]), { mode: "apply", diff: false }));
      t.match(next.outcome, { stopped: true }, "nor do those of a later program");
    });

    t.test("USR1 while idle stops the next program", async (t) => {
      const idle = new LocalHost(t, argv, disk);
      await idle.exchange("emit ready\n", ["ready"]);
      idle.child.kill("SIGUSR1");
      await sleep(100);
      t.match((await idle.run(programOf("apply", flag(at("idle-stop"))))).outcome, { stopped: true });
      t.notOk(existsSync(at("idle-stop")));
      t.equal(await idle.close(), 0);
    });
  });
}
