import t from "tap";
import { plan } from "../../lib/engine/compile.mts";
import { handler, type Resource, resource } from "../../lib/engine/resource.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { Selection } from "../../lib/playbook/selection.mts";
import { sh } from "../../lib/sh.mts";

const restart = handler("restart", { check: sh`:`, apply: sh`:`, rolling: true });
const one = (type: string, name: string): Resource => resource({ type, name, check: sh`:`, apply: sh`:` });
const FIRST = plan([
  { role: "install", resources: [one("file", "/a"), one("file", "/b.conf").notify(restart)] },
  { role: "config", resources: [one("file", "/a"), one("service", "x")] },
]);
const SECOND = plan([{ role: "late", resources: [one("file", "/z")] }]);

/** Tasks that run in two phases, one after another. */
function selected(pattern: string | undefined): string[][] {
  const selection = new Selection(pattern);
  return [FIRST, SECOND].map((steps) => {
    const left = selection.steps(steps);
    selection.passed(left.some((s) => s.kind === "resource"));
    return left.map((s) => `${s.role}: ${s.task}`);
  });
}
const ALL = FIRST.map((s) => `${s.role}: ${s.task}`),
  LATE = ["late: file /z"],
  HANDLER = ["install: handler restart"];

t.test("without it, everything", async (t) => t.same(selected(undefined), [ALL, LATE]));
t.test("from a task on, and all of the later phases", async (t) => t.same(selected("file /b.conf"), [ALL.slice(1), LATE]));
t.test("a task of two roles: the first of them", async (t) => t.same(selected("file /a"), [ALL, LATE]));
t.test("`role: task` says which", async (t) => t.same(selected("config: file /a"), [ALL.slice(2), LATE]));
t.test("a task of a later phase: of the earlier only the handlers, whose debt is the host's", async (t) => t.same(selected("file /z"), [HANDLER, LATE]));
t.test("* stands for anything, and for nothing", async (t) => {
  t.same(selected("service*"), [ALL.slice(3), LATE]);
  t.same(selected("*b.conf"), [ALL.slice(1), LATE]);
  t.same(selected("config: *"), [ALL.slice(2), LATE]);
  t.same(selected("*"), [ALL, LATE]);
  t.same(selected("ser*ice *x*"), [ALL.slice(3), LATE]);
});
t.test("all other letters stand for themselves", async (t) => {
  for (const pattern of ["file /bxconf", "file /b.con", "(file|service) x", "file /b.conf|file /a", "fil. /a", "file /[ab]", "^file /a$", "file /a?"])
    t.same(selected(pattern), [HANDLER, []], pattern);
});

t.test("tasks that come one by one", async (t) => {
  const selection = new Selection("stream B*");
  t.same(
    ["stream A", "stream B1", "stream B2", "consumer A > c"].map((task) => selection.wants("jetstream-setup", task)),
    [false, true, true, true],
  );
});

t.test("a name that no task has is refused before anything runs", async (t) => {
  const tasks = FIRST.map(({ role, task }) => ({ role, task }));
  new Selection("config: service x").validate(tasks);
  new Selection(undefined).validate([]);
  t.throws(() => new Selection("service y").validate(tasks), new UsageError(`--start-at-task "service y" names no task; --list-tasks shows them`));
});
