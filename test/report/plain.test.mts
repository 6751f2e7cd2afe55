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

/** A task of one phase that ends on one lane after another, `ms` apart. */
function spread(lanes: readonly string[], hosts: readonly string[], ms: number, tables = false): Event[] {
  const task = { phase: "p", role: "r", task: "sysctl x", location: { file: "x", line: 1 } };
  return [
    { at: 1, type: "run_start", playbook: "site", inventory: "/x", mode: "apply", hosts: [...hosts], roles: ["r"] },
    { at: 1, type: "phase_start", phase: "p", lanes: [...lanes], tasks: {} },
    ...[...lanes].reverse().flatMap((lane, i): Event[] => {
      const at = 2 + i * ms;
      const end: Event = { at, type: "task_end", lane, ...task, status: "changed", ms: 1, changes: [{ attribute: "value", current: "1", desired: "2" }] };
      return tables ? [{ at, type: "table", title: `${lane}: servers`, columns: ["server", "role"], rows: [[`${lane}-1`, "leader"]] }, end] : [end];
    }),
    { at: 2 + lanes.length * ms, type: "phase_end", phase: "p", ms: 1 },
  ];
}
const numbered = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${String(i + 1).padStart(3, "0")}`);

t.test("hosts come to a task one after another: of a hundred it is one line all the same, hosts in the inventory's order", async (t) => {
  const hosts = numbered("host", 100);
  const text = shown(spread(hosts, hosts, 200));
  t.equal(text.match(/sysctl x/g)?.length, 1, text);
  t.match(text, /changed {2}all 100 hosts {2}r {5}sysctl x {2}value 1 → 2/);
  const some = shown(spread(hosts.slice(0, 60), hosts, 200).map((e) => (e.type === "phase_start" ? { ...e, lanes: hosts } : e)));
  t.match(some, /changed {2}60 of 100 .*\n +host-001, host-002, host-003/);
});

t.test("a file that differs from host to host is one change on many hosts, and one each on a few", async (t) => {
  const own = (hosts: readonly string[]): string =>
    shown(
      spread(hosts, hosts, 200).map((e) =>
        e.type === "task_end"
          ? { ...e, changes: [{ attribute: "content", current: `sha256 ${"a".repeat(64)}`, desired: `sha256 ${e.lane.slice(-3).padEnd(64, "0")}` }] }
          : e,
      ),
    );
  t.match(own(numbered("host", 100)), /changed {2}all 100 hosts {2}r {5}sysctl x {2}content sha256 … → sha256 …\n/);
  t.match(own(numbered("host", 4)), /changed {2}host-004 .*\n +content sha256 a{12}… → sha256 0040{9}…\n/);
});

t.test("tables of many clusters are one, those of a few stand by themselves", async (t) => {
  const clusters = numbered("edge", 30);
  const text = shown(spread(clusters, ["host-1"], 200, true));
  t.match(text, /^servers: 30 clusters\n {2}cluster +server +role\n {2}edge-001 +edge-001-1 +leader\n {2}edge-002 /m);
  t.equal(text.match(/-1 +leader/g)?.length, 30);
  t.match(text, /changed {2}all 30 clusters {2}r/);
  const few = shown(spread(clusters.slice(0, 3), ["host-1"], 200, true));
  t.match(few, /^edge-003: servers\n {2}server +role\n {2}edge-003-1 +leader$/m);
  const broken = shown(spread(clusters, ["host-1"], 200, true).slice(0, -1));
  t.equal(broken.match(/-1 +leader/g)?.length, 30, "also when the run breaks off");
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
