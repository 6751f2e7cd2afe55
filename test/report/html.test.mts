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

const VOID = /^(meta|br|line)$/;
/** Tags that are opened and not closed, or closed and not opened. */
function unbalanced(text: string): string[] {
  const open: string[] = [];
  for (const [, end, name, self] of text.replace(/<(style|script)\b[^]*?<\/\1>/g, "").matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
    if (end) {
      if (open.at(-1) === name) open.pop();
      else open.push(`/${name}`);
    } else if (!self && !VOID.test(name!)) open.push(name!);
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

t.test("the verdict comes first, then what to do next", async (t) => {
  const text = page(t, rollout({ broken: true })).replace(/<(style|script)\b[^]*?<\/\1>/g, "");
  t.match(text, /<body>\n<header class="verdict red">\n.*\n<h1>.*1 host failed/);
  const next = text.indexOf("correct the name in roles/");
  t.ok(next > 0 && next < text.indexOf("<table"), "before any table");
});

t.test("nothing is loaded from elsewhere, and only the page's own scripts run", async (t) => {
  const text = page(t, rollout({ bare: true }));
  t.notMatch(text, /<link|@import|url\(|\bsrc=/);
  t.match(text, /default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-/);
  t.notMatch(text, /uPlot/, "without charts their library isn't there");
});

t.test("all tasks are in the timeline, twice: over the run, and over their phase", async (t) => {
  const events = rollout();
  const ended = events.filter((e) => e.type === "task_end").length;
  const drawn = [...page(t, events).matchAll(/data-tasks="(\d+)"/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  t.equal(drawn, 2 * ended);
});

t.test("the same failure of many hosts is told once, with all of them", async (t) => {
  const events = rollout({ hosts: 30 }).map((e): Event => {
    if (e.type !== "task_end" || !e.task.startsWith("template")) return e;
    return { ...e, status: "failed", failure: { what: "no space left on device", next: "make room" } };
  });
  const text = page(t, events);
  t.equal(text.split('<article class="failure">').length - 1, 1);
  t.match(text, /on 30 hosts: (nats-node-\d+(, )?){30}</);
});

t.test("hosts that can't be reached for the same reason are one card, with what each of them told", async (t) => {
  const unreachable = [11, 12, 13].map(
    (n): Event => ({
      type: "host_unreachable",
      at: n,
      lane: `hk-${n}`,
      failure: { what: `no answer on 10.20.0.${n} port 22 within 3 s`, next: `check that hk-${n} is up: ssh 10.20.0.${n}` },
    }),
  );
  const other: Event = { type: "host_unreachable", at: 20, lane: "hk-20", failure: { what: "10.20.0.20 refuses the key", next: "add it" } };
  const text = page(t, [...unreachable, other]);
  t.equal(text.split('<article class="failure">').length - 1, 2);
  t.match(text, "<li>hk-12: no answer on 10.20.0.12 port 22 within 3 s</li>");
});

t.test("a table of one column without a heading keeps its lines and indents, to be copied", async (t) => {
  const text = page(t, [{ type: "table", at: 1, title: "c: for the inventory", columns: [""], rows: [["streams:"], ["  - name: LOGS"]] }]);
  t.match(text, /<pre class="copy-me">streams:\n {2}- name: LOGS<\/pre>/);
});

/** A cluster of so many, the last of which doesn't answer. */
function topology(count: number): Event {
  const names = Array.from({ length: count }, (_, i) => `n${i + 1}`);
  return {
    type: "topology",
    at: 1,
    lane: "c",
    servers: names.map((name, i) => ({
      name,
      up: i < count - 1,
      metaLeader: i === 0,
      routes: i < count - 1 ? names.filter((_, k) => k !== i && k < count - 1).map((to) => ({ to, rttMs: i + 0.25 })) : [],
    })),
    streams: [{ name: "S", account: "A", leader: "n2", replicas: ["n1"], messages: 3, bytes: 1500 }],
  };
}

t.test("routes tell the slower direction's round trip, and where there is none", async (t) => {
  const text = page(t, [topology(3)]);
  t.match(text, /aria-label="c: n1 is the meta leader, n2, n3 doesn&#39;t answer. Routes: n1 to n2 1.3 ms, n1 to n3 no route, n2 to n3 no route"/);
  t.match(
    text,
    /<th scope="row">S.*?<\/th><td><span class="copy">○<span class="vh">replica.*?<td><span class="lead">●<span class="vh">leader.*?<td><\/td><td class="n">3<\/td><td class="n">1.5 kB</,
  );
});

t.test("of many servers the round trips are a table", async (t) => {
  const text = page(t, [topology(9)]);
  t.notMatch(text, /<svg class="map"/);
  t.match(text, /<th scope="row">n4<\/th>(<td class="n">3.3 ms<\/td>){3}<td class="n"><\/td>(<td class="n">3.3 ms<\/td>){4}<td class="n">no route<\/td>/);
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
    { type: "figures", at: 3, lane: nasty, title: nasty, headline: nasty, items: [{ name: nasty, value: 1, unit: nasty, text: nasty }] },
    {
      type: "chart",
      at: 3,
      lane: nasty,
      group: nasty,
      title: nasty,
      kind: "time",
      unit: nasty,
      x: [0, 1],
      series: [{ name: `</script>${nasty}`, values: [1, 2] }],
    },
    {
      type: "chart",
      at: 3,
      lane: nasty,
      group: nasty,
      title: nasty,
      kind: "bars",
      unit: nasty,
      x: [],
      labels: [nasty],
      series: [{ name: nasty, values: [1] }],
    },
    {
      type: "topology",
      at: 3,
      lane: nasty,
      servers: [{ name: nasty, up: true, version: nasty, routes: [{ to: nasty, rttMs: 1 }] }],
      streams: [{ name: nasty, account: nasty, leader: nasty, replicas: [nasty], messages: 1, bytes: 1 }],
    },
    { type: "stopped", at: 4, signal: nasty, where: [nasty] },
  ]);
  t.notMatch(text, "<img");
  t.same(unbalanced(text), []);
});
