import type { BenchResult, FlowKind, FlowRound, LatencyResult, NodeSample } from "../../nats/bench/types.mts";
import type { Chart } from "./charts.mts";
import { html, type Markup, NOTHING, tableOf } from "./markup.mts";
import { n } from "./verdict.mts";

/** What one would want to see as curves: all rounds on one axis of time, with a gap between them. */
export function benchCharts(result: BenchResult): Chart[] {
  const kinds = result.summary.map((f) => f.kind);
  const name = (kind: FlowKind, what: string): string => (kinds.length > 1 ? `${kind} ${what}` : what);
  const flows = kinds.flatMap((kind) =>
    (["delivered", "sent", "acked"] as const)
      // Both at once are four lines already.
      .filter((what) => what !== "acked" || (kind === "pull" && kinds.length === 1))
      .map((what) => ({
        name: name(kind, what),
        of: (r: Round) => samples(r, kind).map((s) => ({ at: s.at, value: what === "sent" && s.at >= result.spec.seconds ? null : s[what] })),
      })),
  );
  const pulls = kinds.includes("pull");
  const time = (title: string, unit: string, series: readonly Line[]): Chart => ({ group: "", title, kind: "time", unit, ...onOneAxis(result, series) });
  const perNode = (title: string, unit: string, of: (s: NodeSample) => number): Chart =>
    time(
      title,
      unit,
      [...new Set(result.rounds.flatMap((r) => r.nodes.map((v) => v.node)))].map((node) => ({
        name: node,
        of: (r) => (r.nodes.find((v) => v.node === node)?.samples ?? []).map((s) => ({ at: s.at, value: of(s) })),
      })),
    );
  return [
    time("throughput", "msg/s", flows),
    percentiles(result, kinds, name),
    ...(pulls
      ? [
          time("waiting in the stream", "messages", [
            { name: "not yet acknowledged", of: (r) => samples(r, "pull").map((s) => ({ at: s.at, value: s.ackPending })) },
            { name: "not yet delivered", of: (r) => samples(r, "pull").map((s) => ({ at: s.at, value: s.numPending })) },
          ]),
        ]
      : []),
    perNode("CPU by node", "cores", (s) => s.cpu / 100),
    perNode("network by node, in and out", "MB/s", (s) => (s.inBytes + s.outBytes) / 1e6),
    ...(pulls ? [perNode("memory by node", "MB", (s) => s.memory / 1e6)] : []),
  ];
}

type Round = BenchResult["rounds"][number];
interface Line {
  name: string;
  of: (r: Round) => { at: number; value: number | null }[];
}

const samples = (r: Round, kind: FlowKind): FlowRound["samples"] => r.flows.find((f) => f.kind === kind)?.samples ?? [];

/** Seconds since the first round's measured time began. */
function onOneAxis({ rounds }: BenchResult, lines: readonly Line[]): Pick<Chart, "x" | "series" | "marks"> {
  const began = rounds[0]?.startedAt ?? 0;
  const x: number[] = [];
  const values = lines.map((): (number | null)[] => []);
  for (const round of rounds) {
    const shift = (round.startedAt - began) / 1000;
    const found = lines.map((l) => new Map(l.of(round).map((s) => [s.at, s.value])));
    const times = [...new Set(found.flatMap((f) => [...f.keys()]))].sort((a, b) => a - b).filter((t) => x.length === 0 || t + shift > x.at(-1)!);
    if (x.length > 0 && times.length > 0) {
      x.push((x.at(-1)! + times[0]! + shift) / 2);
      for (const v of values) v.push(null);
    }
    for (const t of times) {
      x.push(Math.round((t + shift) * 1000) / 1000);
      values.forEach((v, i) => v.push(found[i]!.get(t) ?? null));
    }
  }
  const marks = rounds.map((r, i) => ({ x: (r.startedAt - began) / 1000, text: rounds.length > 1 ? `round ${i + 1}` : "measured" }));
  return { x, series: lines.map((l, i) => ({ name: l.name, values: values[i]! })), marks };
}

/** At each percentile the middle of the rounds; the quickest message alone tells nothing. */
function percentiles({ rounds }: BenchResult, kinds: readonly FlowKind[], name: (kind: FlowKind, what: string) => string): Chart {
  const curves = kinds.flatMap((kind) =>
    (["delivery", "publish"] as const).map((what) => ({
      name: name(kind, what === "publish" ? "publish, acknowledged" : "delivery"),
      all: rounds
        .flatMap((r) => r.flows.filter((f) => f.kind === kind).map((f) => f.latency[what]))
        .filter((l): l is LatencyResult => l !== null && l.count > 0),
    })),
  );
  const told = curves.filter((c) => c.all.length > 0);
  const x = [...new Set(told.flatMap((c) => c.all.flatMap((l) => l.distribution.map((d) => d.percentile).filter((p) => p > 0))))].sort((a, b) => a - b);
  const series = told.map(({ name, all }) => ({
    name,
    values: x.map((p) => {
      const found = all.flatMap((l) => l.distribution.filter((d) => d.percentile === p).map((d) => d.ms)).sort((a, b) => a - b);
      return found.length > 0 ? found[Math.floor((found.length - 1) / 2)]! : null;
    }),
  }));
  return { group: "", title: "latency by percentile", kind: "percentiles", unit: "ms", x, series };
}

/** What was found, the worst first, and under which conditions. */
export function benchNotes(result: BenchResult): Markup {
  const marks = { ok: "✓", failed: "✕", note: "!" };
  const tones = { ok: "ok", failed: "failed", note: "changed" };
  return html`<ul class="notes">${result.verdict.map((v) => html`<li><span class="t-${tones[v.status]}" aria-hidden="true">${marks[v.status]}</span> <span>${v.text}</span></li>`)}</ul>`;
}

/** Who led the partitions when the last round began; a single one is told by nothing. */
export function leaders({ rounds }: BenchResult): Markup {
  const partitions = rounds.at(-1)?.flows.flatMap((f) => f.partitions) ?? [];
  if (partitions.length < 2) return NOTHING;
  const rows = partitions.map((p) => [p.stream, p.leader, p.consumerLeader]);
  return html`<details class="print"><summary>Who led the ${partitions.length} partitions</summary>${tableOf("Who led the partitions", [{ head: "stream" }, { head: "leader" }, { head: "consumer's leader" }], rows)}</details>`;
}

/** How it was measured: enough to do it again. */
export function conditions({ spec, machine, servers, tunnelled }: BenchResult): Markup {
  const flow = (kind: FlowKind): string[] => {
    const f = spec[kind];
    if (!f) return [];
    const pull = kind === "pull" ? spec.pull : undefined;
    return [
      f.rate === "max" ? "as fast as it goes (closed loop)" : `${n(f.rate)} msg/s offered (open loop)`,
      `${n(f.payload)} bytes`,
      `${f.publishers} publishers`,
      `${f.workers} workers`,
      `window ${n(f.window)}`,
      ...(pull ? [`R${pull.replicas}, ${pull.storage}`, `${pull.partitions} partitions`, `batch ${pull.batch}`, `ack ${pull.ack}`] : []),
    ];
  };
  const rows = [
    ...(["push", "pull"] as const).filter((k) => spec[k]).map((k) => [k, flow(k).join(" · ")]),
    ["rounds", `${spec.rounds} of ${spec.seconds} s, each after ${spec.warmUp} s of warm-up`],
    ["servers", servers.map((s) => `${s.name} ${s.version}`).join(" · ")],
    ["generator", `${machine.host}: ${machine.cpus} × ${machine.cpu}, ${n(machine.memory / 2 ** 30)} GiB, Node.js ${machine.node}, ${spec.threads} threads`],
    ...(tunnelled.length > 0 ? [["through an SSH tunnel", tunnelled.join(", ")]] : []),
  ];
  return html`<details class="print"><summary>How it was measured</summary>${tableOf("How it was measured", [{ head: "" }, { head: "" }], rows, "pairs")}</details>`;
}
