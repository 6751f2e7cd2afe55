import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { skip } from "../lab/fixture.mts";
import type { Result } from "../support/result.mts";
import { type Point, TrustHost } from "./host.mts";
import { all, type Element, parseXml } from "./xml.mts";

t.setTimeout(600_000);

/** The reports of a run that was stopped. */
interface Stopped {
  run: Result;
  cases: Element[];
  junit: Element;
  html: string;
  held: string;
}

t.test("the reports of an interrupted run are whole, and say what was done and where it stopped", { skip }, async (t) => {
  const host = await TrustHost.up(t, "interrupt");
  const { site, name } = host;
  site.vars("lame_duck_grace_period: 1s\n");
  const dir = mkdtempSync(join(tmpdir(), "sampan-reports-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));

  /** Holds a run on a bare host, sends it signals, lets it go. */
  async function stop(point: Point, ...signals: NodeJS.Signals[]): Promise<Stopped> {
    await host.scrub();
    await host.arm(point);
    const running = site.start(...host.args, "--junit", join(dir, "run.xml"), "--report", join(dir, "run.html"));
    const held = (await host.reached(running.result)) ?? "";
    for (const signal of signals) {
      running.signal(signal);
      if (signals.length > 1) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    // the signal has to be on its way to the host before the step that it finds goes on
    await running.until((e) => e.type === "warning" && e.text.includes("stopping"), "a word about the stop");
    await new Promise((resolve) => setTimeout(resolve, 500));
    await host.release();
    const run = await running.result;
    const junit = parseXml(readFileSync(join(dir, "run.xml"), "utf8"));
    return { run, junit, cases: all(junit, "testcase"), html: readFileSync(join(dir, "run.html"), "utf8"), held };
  }

  /** What events tell, JUnit tells too. */
  function agree(t: Test, { run, cases, junit }: Stopped): void {
    const ends = run
      .of("task_end")
      .map((e) => `${e.lane}.${e.role} ${e.task} ${e.status}`)
      .sort();
    const told = cases
      .filter((c) => c.attributes["name"] !== "connect" && c.children[0]?.attributes["type"] !== "interrupted")
      .map(
        (c) =>
          `${c.attributes["classname"]} ${c.attributes["name"]} ${c.children[0] ? (c.children[0].name === "skipped" ? "skipped" : c.children[0].attributes["type"]) : ""}`,
      )
      .sort();
    t.same(
      told.map((l) => l.trim()),
      ends.map((l) => l.replace(/ (ok|changed)$/, "")),
      "a case for each task that ended",
    );
    t.equal(Number(junit.attributes["tests"]), cases.length, "and it can count");
    t.equal(Number(junit.attributes["errors"]), all(junit, "error").length);
    t.same(readdirSync(dir).sort(), ["run.html", "run.xml"], "nothing beside them");
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    t.test(`${signal} in a step: it finishes, and no other begins`, async (t) => {
      const stopped = await stop({ command: 60 }, signal);
      const { run, html, held } = stopped;
      t.equal(run.status, 130);
      t.equal(run.stderr, "");
      const events = run.events;
      t.match(events.at(-1), { type: "run_end", exit: 130 });
      t.match(events.at(-2), { type: "stopped", signal });
      const last = run.of("task_end").at(-1)!;
      t.equal(last.status, "changed", `the step in hand (${held}) was finished`);
      t.same(
        run.of("task_start").map((e) => e.task),
        run.of("task_end").map((e) => e.task),
        "each that began ended",
      );
      const where = run.of("stopped")[0]!.where;
      t.match(where, [new RegExp(`^${name}: after ${last.task} \\(\\d+ of \\d+\\)$`)]);
      t.same(
        await host.audit(),
        run
          .ends("changed")
          .map((e) => `${e.role}: ${e.task}`)
          .sort(),
        "the host says the same",
      );
      agree(t, stopped);
      t.match(html, `<h3>Stopped by ${signal}</h3>`);
      t.ok(html.includes(where[0]!) && html.trimEnd().endsWith("</html>"));
      t.match(await site.run(...host.args), { status: 0 }, "the next run goes on");
    });
  }

  t.test("twice: it stops at once, and the reports are there", async (t) => {
    const stopped = await stop({ command: 60 }, "SIGINT", "SIGINT");
    t.equal(stopped.run.status, 130);
    agree(t, stopped);
    const cut = stopped.cases.filter((c) => c.children[0]?.attributes["type"] === "interrupted");
    t.equal(cut.length, 1, "the step in hand is cut off");
    t.equal(cut[0]?.attributes["name"], stopped.run.of("task_start").at(-1)!.task);
    t.ok(stopped.html.trimEnd().endsWith("</html>"));
    t.match(await site.run(...host.args), { status: 0 });
    t.same(await host.leftovers(), []);
  });

  t.test("in the middle of a push: the push ends first", async (t) => {
    const stopped = await stop({ bytes: 4_000_000 }, "SIGINT");
    t.equal(stopped.run.status, 130);
    t.match(stopped.run.of("task_end").at(-1), { task: /^artifact /, status: "changed" });
    agree(t, stopped);
    t.same(await host.leftovers(), []);
    t.match(await site.run(...host.args), { status: 0 });
  });
});
