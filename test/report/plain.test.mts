import t from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { plain } from "../../lib/report/plain.mts";
import { PLAIN } from "../../lib/report/style.mts";
import { golden } from "./golden.mts";
import { rollout, type Scenario } from "./rollout.mts";
import { Pipe } from "./screen.mts";

function shown(events: readonly Event[], options: { verbose?: boolean; diff?: boolean } = {}): string {
  const stdout = new Pipe();
  const reporter = plain({ stdout, style: PLAIN, ...options });
  for (const e of events) reporter.event(e);
  reporter.end();
  return stdout.text;
}

const cases: [name: string, scenario: Scenario, options?: { verbose?: boolean; diff?: boolean }][] = [
  ["bare", { bare: true }],
  ["noop", { noop: true }],
  ["check-diff", { mode: "check" }, { diff: true }],
  ["broken", { broken: true, hosts: 5 }],
  ["verbose", { hosts: 1 }, { verbose: true }],
  ["interrupted", { interrupted: true }],
];
for (const [name, scenario, options] of cases) {
  t.test(`plain lines: ${name}`, async (t) => golden(t, `plain-${name}.txt`, shown(rollout(scenario), options)));
}

t.test("an equal change on 100 hosts is one line", async (t) => {
  t.match(shown(rollout({ hosts: 100 })), /changed {2}all 100 hosts {2}kernel-tuning {4}sysctl net.core.somaxconn/);
});

t.test("of a hundred hosts that can't be reached five are told of in full, the others by a line", async (t) => {
  const hosts = Array.from({ length: 100 }, (_, i) => `host-${i + 1}`);
  const lines = shown([
    { at: 1, type: "run_start", playbook: "site", inventory: "/x", mode: "apply", hosts, roles: [] },
    ...hosts.map((lane): Event => ({ at: 2, type: "host_unreachable", lane, failure: { what: `${lane} doesn't answer`, next: "look there" } })),
  ]).split("\n");
  t.equal(lines.filter((l) => l.includes("look there")).length, 5);
  for (const lane of hosts)
    t.ok(
      lines.some((l) => l.startsWith("failed ") && l.includes(`${lane} `)),
      lane,
    );
  t.ok(lines.slice(0, lines.indexOf("recap")).length < 150, "two screens, and not eight");
});

t.test("a run that breaks off still has its recap", async (t) => {
  const text = shown(rollout({ bare: true }).slice(0, 200));
  t.match(text, /nats-node-1 : ok=\d+/);
  t.match(text, /the run broke off before its end; run the same command again to continue/);
});

t.test("no change is lost, whatever the order in which hosts finish", async (t) => {
  const events = rollout({ bare: true, hosts: 7 });
  const text = shown(events);
  for (const e of events) if (e.type === "task_end" && e.status === "changed") t.ok(text.includes(e.task), e.task);
});

t.test("nothing that a pipe can't show", async (t) => {
  t.notMatch(shown(rollout({ broken: true }), { verbose: true, diff: true }), /\x1b|\r/);
});
