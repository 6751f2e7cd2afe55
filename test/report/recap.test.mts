import t from "tap";
import type { EventInput, Status } from "../../lib/engine/events.mts";
import { recapLines, verdict } from "../../lib/report/recap.mts";
import { PLAIN } from "../../lib/report/style.mts";
import { noCounts, Tally } from "../../lib/report/tally.mts";

type Recap = Record<string, Partial<Record<Status, number>>>;

function tallyOf(mode: "apply" | "check", exit: number | undefined, recap: Recap, more: EventInput[] = []): Tally {
  const tally = new Tally();
  const events: EventInput[] = [
    { type: "run_start", playbook: "site.mts", inventory: "hk", mode, hosts: ["a", "b"], roles: [] },
    ...more,
    ...(exit === undefined
      ? []
      : [{ type: "run_end" as const, ms: 1234, exit, recap: Object.fromEntries(Object.entries(recap).map(([k, v]) => [k, { ...noCounts(), ...v }])) }]),
  ];
  events.forEach((e, i) => tally.event({ ...e, at: i } as Parameters<Tally["event"]>[0]));
  return tally;
}

const unreachable: EventInput = { type: "host_unreachable", lane: "b", failure: { what: "no answer" } };
const stopped: EventInput = { type: "stopped", signal: "SIGINT", where: ["a: after x"] };
const cases: [expected: string, ...Parameters<typeof tallyOf>][] = [
  ["nothing to change", "apply", 0, { a: { ok: 5 }, b: { ok: 5, skipped: 1 } }],
  ["nothing to change", "check", 0, { a: { ok: 5 } }],
  ["done: 1 host changed", "apply", 0, { a: { ok: 5, changed: 1 }, b: { ok: 6 } }],
  ["done: 2 hosts and nats-hk changed", "apply", 0, { a: { changed: 1 }, b: { changed: 1 }, "nats-hk": { changed: 2 } }],
  ["done: 4 clusters changed", "apply", 0, { w: { changed: 1 }, x: { changed: 1 }, y: { changed: 1 }, z: { changed: 1 } }],
  ["2 hosts would change; run without --check to apply", "check", 2, { a: { drift: 1 }, b: { drift: 2 } }],
  ["1 host would change, 3 tasks can't be known until then; run without --check to apply", "check", 2, { a: { drift: 1, unknown: 3 } }],
  ["something would change; run without --check to apply", "check", 2, {}],
  ["1 host failed; mend it and run the same command again", "apply", 1, { a: { failed: 1 }, b: { ok: 3 } }],
  ["1 host failed, 1 host unreachable", "apply", 4, { a: { failed: 1 } }, [unreachable]],
  ["1 host unreachable", "apply", 4, { a: { ok: 1 } }, [unreachable]],
  ["failed with exit status 1", "apply", 1, { a: { ok: 1 } }],
  ["interrupted by SIGINT: what was done stays done; run the same command again to continue", "apply", 130, { a: { changed: 1 } }, [stopped]],
  ["the run broke off before its end; run the same command again to continue", "apply", undefined, {}],
  ["done", "apply", 0, {}],
  ["done: 1 gate passed", "apply", 0, {}, [{ type: "gate", lane: "a", gate: "health", status: "passed", ms: 1, detail: "" }]],
];
for (const [expected, ...given] of cases) {
  t.test(`the verdict: ${expected} (${given[0]}, exit ${given[1]})`, async (t) => void t.equal(verdict(tallyOf(...given)).text, expected));
}

const recap = (...given: Parameters<typeof tallyOf>): string => recapLines(tallyOf(...given), { style: PLAIN }).join("\n");

t.test("Ansible's words and order; ok includes changed", async (t) => {
  t.match(recap("apply", 0, { a: { ok: 9, changed: 3, skipped: 1 } }), "a : ok=12 changed=3 unreachable=0 failed=0 skipped=1\n");
});

t.test("drift and unknown only in check mode", async (t) => {
  t.match(recap("check", 2, { a: { ok: 9, drift: 3, unknown: 1 } }), "a : ok=9 changed=0 unreachable=0 failed=0 skipped=0 drift=3 unknown=1\n");
});

t.test("an interrupted run says where each lane stopped", async (t) => {
  t.match(recap("apply", 130, {}, [stopped]), "stopped  a: after x\n");
});

t.test("without a word from the engine it says which task each lane was at", async (t) => {
  const location = { file: "/x", line: 1 };
  const text = recap("apply", 130, {}, [
    { type: "task_start", lane: "a", phase: "p", role: "r", task: "file /x", location },
    { ...stopped, where: [] } as EventInput,
  ]);
  t.match(text, "stopped  a: at r, file /x\n");
});
