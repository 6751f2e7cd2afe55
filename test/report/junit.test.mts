import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { junit } from "../../lib/report/junit.mts";
import { golden } from "./golden.mts";
import { rollout } from "./rollout.mts";

function written(t: Test, events: readonly Event[]): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-junit-"));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const reporter = junit({ file: join(dir, "sub/out.xml") });
  for (const e of events) reporter.event(e);
  reporter.end();
  t.same(readdirSync(join(dir, "sub")), ["out.xml"], "one file, nothing temporary");
  return readFileSync(join(dir, "sub/out.xml"), "utf8");
}

/** Well-formed enough for a parser: tags nest, attributes are quoted, no raw `<` or `&`, no character that XML 1.0 forbids. */
function wellFormed(xml: string): string {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(xml)) return "a forbidden character";
  const open: string[] = [];
  const rest = xml
    .replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, "")
    .replace(/<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>/g, (_all, end: string, name: string, _attributes, empty: string) => {
      if (end) {
        if (open.pop() !== name) open.push(`</${name}>`);
      } else if (!empty) open.push(name);
      return "";
    });
  if (open.length > 0) return `not closed: ${open.join(", ")}`;
  return /<|&(?!(amp|lt|gt|quot);)/.test(xml.replace(/<[^<>]*>/g, "")) || rest.includes("<") ? "a raw < or &" : "yes";
}

const cases = {
  bare: rollout({ bare: true }),
  broken: rollout({ broken: true, hosts: 5 }),
  check: rollout({ mode: "check" }),
  interrupted: rollout({ interrupted: true }),
};
for (const [name, events] of Object.entries(cases)) {
  t.test(`JUnit is well-formed: ${name}`, async (t) => void t.equal(wellFormed(written(t, events)), "yes"));
}

t.test("JUnit of a broken rollout", async (t) => golden(t, "junit-broken.xml", written(t, cases.broken)));

t.test("a run that breaks off makes a valid file at every event", async (t) => {
  for (let n = 0; n < cases.bare.length; n += 23) t.equal(wellFormed(written(t, cases.bare.slice(0, n))), "yes", `after ${n} events`);
});

t.test("a task that was cut off is an error that names the signal", async (t) => {
  t.match(
    written(t, cases.interrupted),
    /<testcase classname="nats-node-1.cluster-config" name="systemd-unit nats-server.service".*\n +<error type="interrupted" message="stopped by SIGINT"\/>/,
  );
});

t.test("the totals are those of the cases", async (t) => {
  const xml = written(t, cases.broken);
  const attribute = (name: string): number => Number(new RegExp(`<testsuites [^>]*${name}="(\\d+)"`).exec(xml)![1]);
  t.same(
    [attribute("tests"), attribute("failures"), attribute("errors"), attribute("skipped")],
    ["<testcase ", "<failure ", "<error ", "<skipped "].map((tag) => xml.split(tag).length - 1),
  );
});

t.test("names and output full of markup and control characters", async (t) => {
  const location = { file: "/x/a&b.mts", line: 1 };
  const nasty = `<a href="x">&amp;]]>\x00\x1b[31m\ud800\uffff\u202e`;
  const xml = written(t, [
    { type: "run_start", at: 0, playbook: nasty, inventory: "i", mode: "apply", hosts: [nasty], roles: [] },
    {
      type: "task_end",
      at: 1,
      lane: nasty,
      phase: nasty,
      role: nasty,
      task: nasty,
      location,
      status: "failed",
      ms: 1,
      changes: [],
      failure: { what: nasty, output: nasty, command: nasty },
    },
  ]);
  t.equal(wellFormed(xml), "yes");
  t.match(xml, "&lt;a href=&quot;x&quot;&gt;&amp;amp;");
});
