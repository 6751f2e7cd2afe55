import { type Sample, summary } from "./measure.mts";
import type { Cell, Results } from "./rollout.mts";

const seconds = (s: number): string => (s < 10 ? s.toFixed(2) : s.toFixed(1));
const of = (samples: readonly Sample[], pick: (s: Sample) => number = (s) => s.seconds) => summary(samples.map(pick));
const median = (cell: Cell | undefined, id: string, pick?: (s: Sample) => number): number | undefined =>
  cell?.[id]?.length ? of(cell[id], pick).median : undefined;

/** three digits say enough */
const times = (ratio: number): string => (ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(1));

/** Markdown's table; the first column is text, the others are figures. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i ? "---:" : "---")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** `12.6 (12.1–13.0) · 24×`: median, spread, and how many times as long as sampan */
function figure(cell: Cell | undefined, id: string): string {
  const samples = cell?.[id];
  if (!samples?.length) return "–";
  const { median: m, least, most } = of(samples);
  const ours = median(cell, "sampan");
  return `${seconds(m)} (${seconds(least)}–${seconds(most)})${ours ? ` · **${times(m / ours)}×**` : ""}`;
}

/** From profiles (node --cpu-prof, getrusage of 15 starts, least values), 2 CPUs of the machine below; to be taken anew when the engine changes. */
const BOUNDS = `## What bounds it

- No-op against the floor: both spend most of their CPU in the same ssh and sshd. On top of that sampan pays for Node.js itself (\`node -e 0\`: 60 ms of CPU),
  for reading its bundle, the YAML and the schema until the first ssh can start (52 ms more; \`--list-hosts\`: 112 ms), for starting each ssh from a process of its size (4 ms each), and for
  rendering and reporting during the run. On the hosts, it is a fork per step (a subshell, so that a check may exit).
- No-op with a round trip time: two round trips more than the floor. The program follows the facts, as roles depend on them (one), and the shell
  is told to end and waited for after the last program, so that the lock is free when the command returns (one). The start of Node.js comes on
  top, so floor + 2 RTT can't be reached at 40 ms.
- First run against the floor's: the program is sent when a step asks for it, is hashed twice on the host (received, then in place), the
  configuration is validated, and every changed task is checked again and written to the audit log. The floor does none of this.
`;

/** The page about a run of the benchmark: tables, ratios with sampan as 1, goals beside what was measured. */
export function page(r: Results): string {
  const ids = Object.keys(r.names);
  const rtts = Object.keys(r.noop);
  const row = (cells: readonly (Cell | undefined)[]) => ids.map((id) => [r.names[id]!, ...cells.map((c) => figure(c, id))]);
  const counts = (cell: Cell | undefined): string =>
    ids
      .filter((id) => cell?.[id])
      .map((id) => `${id} ${cell![id]!.length}`)
      .join(", ");
  return `# Benchmarks

Written by \`${r.command}\`; don't edit. ${r.started.slice(0, 16).replace("T", " ")} to ${r.ended.slice(11, 16)} UTC, at commit ${r.commit}.

Machine: ${r.machine.join(" · ")}. Controller and hosts share it, so compare ratios, not seconds.
Its load average was ${Math.min(...r.load).toFixed(1)} to ${Math.max(...r.load).toFixed(1)} while this ran${r.load[0]! > 1 ? `, and ${r.load[0]!.toFixed(1)} before it began: others were at work on it, which lengthens and scatters all figures` : ""}.

The job, about 30 tasks that end in a healthy three-node NATS cluster, is [test/bench/job](../test/bench/job/tasks.mts) for sampan and
[test/bench/peers](../test/bench/peers) for the others: 12 sysctls (live and in a file), limits, group, user, three folders, the program (2.10.27, 16 MB),
environment, accounts, server configuration with validation, unit, logrotate, a block in /etc/hosts, motd, service, handlers, wait for health.
What one leaves on the hosts is what all others would leave there; each no-op counts only if it finds nothing to change.

Hosts: the lab's systemd-nspawn containers on this machine, with Python for Ansible's sake. Round trip times by a delay line in the benchmark's
own process (TCP, both directions, no bandwidth limit). Health is a GET on /healthz: Ansible's \`uri\` for Ansible, bash's \`/dev/tcp\`
for sampan and the floor, as the hosts have no curl. Time is from starting the command to its exit. All take turns in one run.
${r.missing.map((m) => `\n- ${m}`).join("")}

## Time

Median in seconds (least–most) · as a multiple of sampan's. ${ids.length ? `Runs per figure: first run ${counts(r.first)}; no-op ${rtts.map((t) => `at ${t} ms ${counts(r.noop[t])}`).join("; ")}.` : ""}

${table(["3 hosts", "first run", ...rtts.map((t) => `no-op, ${t} ms RTT`)], row([r.first, ...rtts.map((t) => r.noop[t])]))}

"Tuned" and "warm" use connections that an earlier run has left; sampan, the cold floor and Mitogen make theirs anew. The floor's first run
unpacks one archive over one connection and starts the service: it compares, validates and tells nothing.

## Cost

Of a no-op on 3 hosts at 0 ms. CPU in seconds, controller (with its ssh processes) + hosts; memory in MB: the largest process of the controller, and
all its processes together; SSH connections and channels per host.

${table(
  ["", "CPU", "largest process", "together", "connections", "channels"],
  ids.map((id) => {
    const cell = r.noop["0"],
      cost = r.costs[id];
    const cpu = cell?.[id] ? `${of(cell[id], (s) => s.controllerCpu).median.toFixed(2)} + ${of(cell[id], (s) => s.hostsCpu).median.toFixed(2)}` : "–";
    const mb = (kb: number | undefined): string => (kb === undefined ? "–" : String(Math.round(kb / 1024)));
    return [r.names[id]!, cpu, mb(cost?.process), mb(cost?.together), String(cost?.connections ?? "–"), String(cost?.channels ?? "–")];
  }),
)}

${many(r)}## Goals

${table(
  ["goal", "measured", ""],
  goals(r).map(([goal, measured, reached]) => [goal, measured, reached === undefined ? "not measured" : reached ? "reached" : "**not reached**"]),
)}

${BOUNDS}`;
}

function many(r: Results): string {
  const sizes = Object.keys(r.scale);
  if (!sizes.length) return "";
  const ids = Object.keys(r.names).filter((id) => sizes.some((n) => r.scale[n]!.cell[id]));
  return `## More hosts

No-op at 0 ms, on so many lab hosts of their own (no host counts twice). All of them, and the controller, share this machine's CPUs.

${table(
  ["", ...sizes.map((n) => `${n} hosts`), ...sizes.map((n) => `CPU, ${n} hosts`)],
  ids.map((id) => [
    r.names[id]!,
    ...sizes.map((n) => figure(r.scale[n]!.cell, id)),
    ...sizes.map((n) => {
      const s = r.scale[n]!.cell[id];
      return s ? `${of(s, (x) => x.controllerCpu).median.toFixed(2)} + ${of(s, (x) => x.hostsCpu).median.toFixed(2)}` : "–";
    }),
  ]),
)}

sampan's controller: ${sizes.map((n) => `${Math.round(r.scale[n]!.sampanPeak.process / 1024)} MB in one process and ${Math.round(r.scale[n]!.sampanPeak.together / 1024)} MB with its ssh processes at ${n} hosts`).join("; ")}.

`;
}

type Goal = readonly [goal: string, measured: string, reached: boolean | undefined];

function goals(r: Results): Goal[] {
  const ratio = (cell: Cell | undefined, id: string, other: string, limit: number, atMost: boolean, what: string): Goal => {
    const a = median(cell, id),
      b = median(cell, other);
    if (a === undefined || b === undefined) return [what, "–", undefined];
    const runs = Math.min(cell![id]!.length, cell![other]!.length);
    return [what, `${(a / b).toFixed(2)} ×${runs < 3 ? ` (${runs === 1 ? "one run" : "two runs"} only)` : ""}`, atMost ? a / b <= limit : a / b >= limit];
  };
  const zero = r.noop["0"];
  const out: Goal[] = [
    ratio(zero, "sampan", "floor", 1.5, true, "no-op, 3 hosts, 0 ms: at most 1.5 × the floor (cold)"),
    ratio(zero, "tuned", "sampan", 10, false, "no-op: at least 10 × faster than Ansible tuned"),
    ratio(zero, "mitogen", "sampan", 3, false, "no-op: at least 3 × faster than Mitogen"),
    ["no-op: at least 3 × faster than pyinfra", "left out", undefined],
  ];
  for (const rtt of Object.keys(r.noop).filter((t) => t !== "0")) {
    const [a, b] = [median(r.noop[rtt], "sampan"), median(r.noop[rtt], "floor")];
    if (a === undefined || b === undefined) continue;
    const over = ((a - b) * 1000) / Number(rtt);
    out.push([`no-op at ${rtt} ms RTT: at most the floor + 2 RTT`, `floor + ${((a - b) * 1000).toFixed(0)} ms = ${over.toFixed(1)} RTT`, over <= 2]);
  }
  const cost = r.costs["sampan"];
  out.push([
    "no more than one SSH connection and two channels per host and phase",
    cost ? `${cost.connections} and ${cost.channels}` : "–",
    cost && cost.connections <= 1 && cost.channels <= 2,
  ]);
  out.push(ratio(r.first, "sampan", "floor", 1.5, true, "first rollout: at most 1.5 × copying the program and starting the services (the floor's first run)"));
  for (const id of ["default", "tuned", "mitogen"])
    out.push(ratio(r.first, id, "sampan", 3, false, `first rollout: at least 3 × faster than ${r.names[id] ?? id}`));
  const sizes = Object.keys(r.scale);
  const cpu = (cell: Cell | undefined): number | undefined => median(cell, "sampan", (s) => s.controllerCpu + s.hostsCpu);
  const last = sizes.at(-1),
    base = cpu(zero);
  if (last !== undefined && base !== undefined) {
    const each = cpu(r.scale[last]!.cell)! / Number(last),
      before = base / 3;
    out.push([`${last} hosts: CPU near-linear`, `${each.toFixed(3)} s per host, against ${before.toFixed(3)} s at 3 hosts`, each <= before * 1.25]);
    out.push([
      "controller memory below 200 MB",
      `${Math.round(r.scale[last]!.sampanPeak.process / 1024)} MB at ${last} hosts`,
      r.scale[last]!.sampanPeak.process < 200 * 1024,
    ]);
  }
  if (Number(last ?? 0) < 90) out.push(["100 hosts", "not taken: `--scale 99` on a machine with time for it", undefined]);
  out.push(["pyinfra at 30 and 100 hosts", "left out", undefined]);
  if (r.help) {
    const { median: m, most } = summary(r.help);
    out.push(["controller start-up (`--help`): below 0.5 s", `${m.toFixed(2)} s (at most ${most.toFixed(2)})`, m < 0.5]);
  }
  return out;
}
