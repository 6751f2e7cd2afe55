import t from "tap";
import { clock, frame } from "../../lib/report/frame.mts";
import { PLAIN, style } from "../../lib/report/style.mts";
import { Tally } from "../../lib/report/tally.mts";
import { width } from "../../lib/report/text.mts";
import { rollout, type Scenario } from "./rollout.mts";

function after(ms: number, scenario: Scenario): { tally: Tally; now: number } {
  const events = rollout(scenario);
  const tally = new Tally();
  for (const e of events) if (e.at - events[0]!.at <= ms) tally.event(e);
  return { tally, now: events[0]!.at + ms };
}

for (const columns of [20, 36, 60, 80, 99, 100, 140, 220]) {
  for (const mode of ["apply", "check"] as const) {
    t.test(`no line is wider than a screen of ${columns} columns (${mode})`, async (t) => {
      for (const ms of [0, 200, 500, 900, 2500, 3300, 4100, 5000, 7000]) {
        const { tally, now } = after(ms, { mode, bare: true, hosts: 5 });
        for (const line of frame(tally, { columns, rows: 30 }, now, style({ colour: true, unicode: true }))) t.ok(width(line) < columns, JSON.stringify(line));
      }
    });
  }
}

t.test("a row per lane: host, role, task, counts, elapsed", async (t) => {
  const { tally, now } = after(2600, { bare: true });
  const lines = frame(tally, { columns: 100, rows: 30 }, now, PLAIN);
  t.match(lines[0], /install .* 88% +ok +changed +skipped +failed +2.2s$/);
  t.match(lines[1], /^› nats-node-1 {2}nats-install +artifact .* of 18.9 MB +22 +22 +1 +· +2.2s$/);
  t.equal(lines.length, 4);
});

t.test("a task that takes long says how long", async (t) => {
  const { tally, now } = after(2300, {});
  t.match(frame(tally, { columns: 100, rows: 30 }, now + 5000, PLAIN)[1], /artifact \S+ 2.15.1 {2}6.\ds /);
});

t.test("a gate that is waited for shows in its lane", async (t) => {
  const { tally } = after(6200, { bare: true });
  t.match(frame(tally, { columns: 120, rows: 30 }, tally.at, PLAIN).join("\n"), /› nats-node-1 +gate +streams current: LOGS: lag \d+/);
});

for (const rows of [5, 10, 24, 60]) {
  t.test(`100 lanes fit on ${rows} rows, and the rest is counted`, async (t) => {
    const { tally, now } = after(3000, { bare: true, hosts: 100 });
    const lines = frame(tally, { columns: 80, rows }, now, PLAIN);
    t.ok(lines.length < rows, `${lines.length} lines`);
    t.match(lines.at(-1), new RegExp(`^  and ${100 - (lines.length - 2)} more: `));
  });
}

t.test("of 100 lanes the failed ones are shown first", async (t) => {
  const { tally, now } = after(9000, { broken: true, hosts: 100 });
  t.match(frame(tally, { columns: 100, rows: 10 }, now, PLAIN).join("\n"), /✗ nats-node-2 +failed[^]*✗ nats-node-3 +unreachable/);
});

t.test("wide host names keep the columns straight", async (t) => {
  const tally = new Tally();
  tally.event({ type: "run_start", at: 0, playbook: "p", inventory: "i", mode: "apply", hosts: ["香港一", "hk-2"], roles: ["r"] });
  const lines = frame(tally, { columns: 80, rows: 24 }, 0, PLAIN);
  t.equal(width(lines[1]!), width(lines[2]!));
});

for (const [ms, text] of [
  [0, "0.0s"],
  [59_990, "59.9s"],
  [60_000, "1:00"],
  [3_723_000, "1:02:03"],
] as const) {
  t.test(`${ms} ms on the clock: ${text}`, async (t) => void t.equal(clock(ms), text));
}
