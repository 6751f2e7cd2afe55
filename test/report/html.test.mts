import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { html } from "../../lib/report/html.mts";
import { rollout } from "./rollout.mts";

function page(t: Test, events: readonly Event[]): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-html-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const reporter = html({ file: join(dir, "x.html") });
  for (const e of events) reporter.event(e);
  reporter.end();
  return readFileSync(join(dir, "x.html"), "utf8");
}

const VOID = /^(meta|br|line|rect)$/;
/** Tags that are opened and not closed, or closed and not opened. */
function unbalanced(text: string): string[] {
  const open: string[] = [];
  for (const [, end, name, self] of text.replace(/<style>[^]*?<\/style>/, "").matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
    if (end) {
      if (open.at(-1) === name) open.pop();
      else open.push(`/${name}`);
    } else if (!self && !(VOID.test(name!) && name !== "rect")) open.push(name!);
  }
  return open;
}

for (const [name, events] of Object.entries({
  bare: rollout({ bare: true }),
  broken: rollout({ broken: true, hosts: 5 }),
  check: rollout({ mode: "check" }),
  interrupted: rollout({ interrupted: true }),
  empty: [],
  "broken off": rollout().slice(0, 40),
})) {
  t.test(`the page is whole: ${name}`, async (t) => {
    const text = page(t, events);
    t.same(unbalanced(text), []);
    t.notMatch(text, /NaN|undefined|\[object/);
  });
}

t.test("the verdict comes first", async (t) => {
  t.match(page(t, rollout({ broken: true })), /<body>\n<header class="red">\n.*\n<h1>1 host failed/);
});

t.test("nothing is loaded from elsewhere, and nothing runs", async (t) => {
  t.notMatch(page(t, rollout({ bare: true })), /https?:\/\/|<script|<link|@import|url\(/);
});

t.test("a bar per task in the timeline", async (t) => {
  const events = rollout();
  const ended = events.filter((e) => e.type === "task_end" || (e.type === "gate" && e.status === "passed")).length;
  t.equal(page(t, events).split("<rect ").length - 1, ended);
});

t.test("what hosts say can't become markup", async (t) => {
  const nasty = `<img src=x onerror="alert(1)">`;
  const location = { file: nasty, line: 1 };
  const text = page(t, [
    { type: "run_start", at: 0, playbook: nasty, inventory: nasty, mode: "apply", hosts: [nasty], roles: [] },
    { type: "warning", at: 0, text: nasty },
    { type: "phase_start", at: 0, phase: nasty, lanes: [nasty], tasks: {} },
    {
      type: "task_end",
      at: 1,
      lane: nasty,
      phase: nasty,
      role: nasty,
      task: nasty,
      location,
      status: "changed",
      ms: 1,
      changes: [{ attribute: nasty, current: nasty, desired: nasty }],
      diff: nasty,
      reason: nasty,
    },
    {
      type: "task_end",
      at: 2,
      lane: nasty,
      phase: nasty,
      role: nasty,
      task: nasty,
      location,
      status: "failed",
      ms: 1,
      changes: [],
      failure: { what: nasty, output: nasty, next: nasty },
    },
    { type: "gate", at: 3, lane: nasty, gate: nasty, status: "passed", ms: 1, detail: nasty },
    { type: "table", at: 3, title: nasty, columns: [nasty], rows: [[nasty]] },
    { type: "stopped", at: 4, signal: nasty, where: [nasty] },
  ]);
  t.notMatch(text, "<img");
  t.same(unbalanced(text), []);
});
