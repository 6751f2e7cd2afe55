import t, { type Test } from "tap";
import { clusterPhase, toFailure } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import { counts, startRun } from "./fixture.mts";

interface C {
  name: string;
}
const A: C = { name: "a" },
  B: C = { name: "b" };
const at = { file: "role.mts", line: 7 };
const FAILED: TaskResult = { status: "failed", failure: { what: "it is broken", next: "mend it" } };

/** A task that notes that it ran. */
const task = (name: string, result: TaskResult | (() => TaskResult), ran: string[] = [], more: Partial<ClusterTask> = {}): ClusterTask => ({
  task: name,
  at,
  run: async () => {
    ran.push(name);
    return typeof result === "function" ? result() : result;
  },
  ...more,
});
const role = (tasks: (c: C) => Iterable<ClusterTask> | AsyncIterable<ClusterTask>, list: string[] = []): ClusterRole<C> => ({
  kind: "cluster",
  name: "r",
  tasks,
  list: () => list,
});
const drifted = { type: "task_end" as const, lane: "h", phase: "p", role: "x", task: "file /x", location: at, ms: 0, changes: [], status: "drift" as const };

t.test("tasks come one after another, and each is told", async (t) => {
  const { run, events, ends } = startRun(t, []);
  await clusterPhase(
    run,
    "phase",
    role(
      () => [task("one", { status: "ok", reason: "fine" }), task("two", { status: "changed", changes: [{ attribute: "x", current: "1", desired: "2" }] })],
      ["one", "two"],
    ),
    [A],
  );
  t.match(events[0], { type: "phase_start", phase: "phase", lanes: ["a"], tasks: { a: 2 } });
  t.match(events[1], { type: "task_start", lane: "a", role: "r", task: "one", location: at });
  t.match(events[2], { type: "task_end", reason: "fine", changes: [] });
  t.same(ends(), ["a one ok", "a two changed"]);
  t.equal(events.at(-1)?.type, "phase_end");
  t.same(run.recap, { a: counts({ ok: 1, changed: 1 }) });
  t.equal(run.exit, 0);
});

t.test("a failed task doesn't keep the next ones from running: what verify finds is all told", async (t) => {
  const { run, ends } = startRun(t, []);
  await clusterPhase(
    run,
    "phase",
    role(() => [task("one", FAILED), task("two", { status: "ok" })]),
    [A],
  );
  t.same(ends(), ["a one failed", "a two ok"]);
  t.equal(run.exit, 1);
});

t.test("an error thrown by a task is its failure, with what it carries", async (t) => {
  const { run, events } = startRun(t, []);
  const thrown = (error: unknown) =>
    task("t", () => {
      throw error;
    });
  await clusterPhase(
    run,
    "phase",
    role(() => [thrown(Object.assign(new Error("x"), { failure: { what: "carried" } })), thrown(new Error("plain")), thrown("a text")]),
    [A],
  );
  t.same(
    events.flatMap((e) => (e.type === "task_end" ? [e.failure?.what] : [])),
    ["carried", "plain", "a text"],
  );
  t.same(toFailure(Object.assign(new Error("x"), { next: "do that" })), { what: "x", next: "do that" });
});

t.test("a cluster that can't be asked is a failure of the cluster, and the others go on", async (t) => {
  const { run, events, ends } = startRun(t, []);
  await clusterPhase(
    run,
    "phase",
    role(async function* (c) {
      yield task("one", { status: "ok" });
      if (c === A) throw new Error("no server answers");
      yield task("two", { status: "ok" });
    }),
    [A, B],
  );
  t.same(ends().sort(), ["a cluster a failed", "a one ok", "b one ok", "b two ok"]);
  t.match(
    events.find((e) => e.type === "task_end" && e.status === "failed"),
    { failure: { what: "no server answers" } },
  );
  t.equal(run.exit, 1);
});

t.test("--check", async (t: Test) => {
  t.test("a failure with nothing to be changed before is a failure", async (t) => {
    const { run } = startRun(t, [], { check: true });
    await clusterPhase(
      run,
      "phase",
      role(() => [task("one", FAILED)]),
      [A],
    );
    t.equal(run.exit, 1);
  });
  t.test("after something that would change it is unknown, and so is a cluster that can't be asked yet", async (t) => {
    const { run, events } = startRun(t, [], { check: true });
    run.emit(drifted);
    await clusterPhase(
      run,
      "phase",
      role(async function* () {
        yield task("one", FAILED);
        yield task("two", { status: "ok" });
        throw new Error("no server answers");
      }),
      [A],
    );
    t.match(events.filter((e) => e.type === "task_end").slice(1), [
      { task: "one", status: "unknown", reason: "depends on what would change first; now: it is broken" },
      { task: "two", status: "ok" },
      { task: "cluster a", status: "unknown", reason: "depends on what would change first; now: no server answers" },
    ]);
    t.equal(run.exit, 2);
  });
  t.test("tasks are told the mode", async (t) => {
    const modes: string[] = [];
    for (const check of [true, false])
      await clusterPhase(
        startRun(t, [], { check }).run,
        "p",
        role(() => [
          {
            task: "one",
            at,
            run: async (mode) => {
              modes.push(mode);
              return { status: "ok" };
            },
          },
        ]),
        [A],
      );
    t.same(modes, ["check", "apply"]);
  });
});

t.test("--role leaves it out altogether", async (t) => {
  const { run, events } = startRun(t, [], { roles: ["other"] });
  await clusterPhase(
    run,
    "phase",
    role(() => [task("one", FAILED)]),
    [A],
  );
  t.same(events, []);
});

t.test("--start-at-task: earlier tasks don't run", async (t) => {
  const ran: string[] = [];
  const { run, ends } = startRun(t, [], { startAtTask: "two" });
  await clusterPhase(
    run,
    "phase",
    role(() => ["one", "two", "three"].map((n) => task(n, { status: "ok" }, ran))),
    [A],
  );
  t.same(ran, ["two", "three"]);
  t.same(ends(), ["a two ok", "a three ok"]);
});

t.test("--start-at-task with a name of --list-tasks that stands for several tasks", async (t) => {
  const ran: string[] = [];
  const { run } = startRun(t, [], { startAtTask: "r: all the checks" });
  await clusterPhase(
    run,
    "phase",
    role(() => [
      task("before", { status: "ok" }, ran),
      ...["x", "y"].map((n) => task(n, { status: "ok" }, ran, { listed: "all the checks" })),
      task("after", { status: "ok" }, ran),
    ]),
    [A],
  );
  t.same(ran, ["x", "y", "after"]);
});

t.test("Ctrl-C ends it before the next task, and says where", async (t) => {
  const ran: string[] = [];
  const { run } = startRun(t, []);
  await clusterPhase(
    run,
    "phase",
    role(() => [
      task(
        "one",
        () => {
          run.stop("SIGINT");
          return { status: "ok" };
        },
        ran,
      ),
      task("two", { status: "ok" }, ran),
    ]),
    [A],
  );
  t.same(ran, ["one"]);
  t.same(run.whereStopped, ["a: before two"]);
  t.equal(run.exit, 130);
});

t.test("Ctrl-C in a task that gives up: no failure is told", async (t) => {
  const { run, ends } = startRun(t, []);
  await clusterPhase(
    run,
    "phase",
    role(() => [
      {
        task: "one",
        at,
        run: (_, signal) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
            run.stop("SIGINT");
          }),
      },
    ]),
    [A],
  );
  t.same(ends(), []);
  t.same(run.whereStopped, ["a: in r"]);
  t.equal(run.exit, 130);
});

t.test("after Ctrl-C no phase starts", async (t) => {
  const { run, events } = startRun(t, []);
  run.stop("SIGINT");
  await clusterPhase(
    run,
    "phase",
    role(() => [task("one", FAILED)]),
    [A],
  );
  t.notOk(events.some((e) => e.type === "phase_start"));
});
