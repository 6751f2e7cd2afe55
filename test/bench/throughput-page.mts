import type { FlowKind, FlowSummary, Spread } from "../../lib/nats/bench/types.mts";
import { type CpuKind, type CpuProfile, profileText } from "../../lib/nats/profile.mts";
import { summary } from "./measure.mts";
import { type Cell, ROWS, type Row, type ThroughputResults } from "./throughput.mts";
import { SIDES } from "./throughput-field.mts";

/** The source article's figures, msg/s: one node, three nodes. */
const ARTICLE = { push: [12_000, 28_000], pull: [8_000, 25_000] } as const;

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i ? "---:" : "---")), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
const rate = (n: number): string => Math.round(n).toLocaleString("en-US");
const spread = ({ median, least, most }: Spread): string => `${rate(median)} (${rate(least)}–${rate(most)})`;
const times = (ratio: number): string => (Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : "–");
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const middle = (values: readonly number[]): number => summary([...values]).median;
const flow = (cell: Cell | undefined, kind: FlowKind): FlowSummary | undefined => cell?.summary.find((f) => f.kind === kind);

interface Line {
  row: Row;
  kind: FlowKind;
  sync: string;
  single: Cell;
  cluster: Cell;
  ratio: number;
}

/** A line per flow of each row that was measured on both sides. */
function lines(r: ThroughputResults): Line[] {
  return Object.entries(r.cells).flatMap(([sync, rows]) =>
    ROWS.flatMap((row) => {
      const { single, cluster } = rows[row.id] ?? {};
      if (!single || !cluster) return [];
      return cluster.summary.map(({ kind, rate: { delivered } }): Line => {
        const ratio = delivered.median / flow(single, kind)!.rate.delivered.median;
        return { row, kind, sync, single, cluster, ratio };
      });
    }),
  );
}
const label = ({ row, kind }: Line): string => (row.id === "mixed" ? `${row.text}: ${kind}` : row.text);

/** Markdown about a run of the benchmark: the article's table with ours beside it, and what bounds each figure. */
export function throughputPage(r: ThroughputResults): string {
  const all = lines(r);
  const syncs = Object.keys(r.cells);
  return `# Throughput: one node and three

Written by \`${r.command}\`; don't edit. ${r.started.slice(0, 16).replace("T", " ")} to ${r.ended.slice(11, 16)} UTC, at commit ${r.commit}, nats-server ${r.versions.join(", ")}.

Machine: ${r.machine.join(" · ")}; load average ${Math.min(...r.load).toFixed(1)} to ${Math.max(...r.load).toFixed(1)}. Servers and load generator share it, so that absolute figures say little; what three nodes
do that one doesn't is said fairly: **every host of the lab is held to ${r.share.cpu} % of one CPU and ${rate(r.share.mbit)} Mbit/s each way**, and the generator
runs outside of that. Both sides were rolled out by \`site.mts\` from inventories that differ in nothing but their hosts, TLS included. Each figure is the median of ${r.rounds} rounds of ${r.seconds} s (least–most),
128 bytes a message, closed loop: as fast as the window lets.${ARTICLE_NOTE}

${syncs
  .map(
    (sync) => `## sync_interval: ${sync}

${table(
  ["", "one node, msg/s", "three nodes, msg/s", "ratio", "CPU used, one / three", "generator, cores"],
  all
    .filter((l) => l.sync === sync)
    .map((l) => [
      label(l),
      spread(flow(l.single, l.kind)!.rate.delivered),
      spread(flow(l.cluster, l.kind)!.rate.delivered),
      `**${times(l.ratio)}**`,
      `${percent(middle(l.single.used))} / ${percent(middle(l.cluster.used))}`,
      `${l.single.generator.cpu.median.toFixed(2)} / ${l.cluster.generator.cpu.median.toFixed(2)}${l.single.generator.bottleneck || l.cluster.generator.bottleneck ? " **its limit**" : ""}`,
    ]),
)}
`,
  )
  .join("\n")}
Of all messages of these rounds ${rate(sum(all, "lost"))} were lost and ${rate(sum(all, "duplicates"))} delivered twice. "CPU used" is the share of what the hosts may use: near 100 % the servers are
what bounds the figure.

## Beside the article

${table(
  ["", "the article, one → three", "ratio", "here, one → three", "ratio"],
  syncs.flatMap((sync) =>
    (["push", "pull"] as const).flatMap((kind) => {
      const best = all
        .filter((l) => l.sync === sync && l.kind === kind && ["push", "pull-r3", "pull-r3-p"].includes(l.row.id))
        .sort((a, b) => b.ratio - a.ratio)[0];
      if (!best) return [];
      const [one, three] = ARTICLE[kind];
      return [
        [
          `${label(best)}${best.row.stream ? `, sync_interval ${sync}` : ""}`,
          `${rate(one)} → ${rate(three)}`,
          times(three / one),
          `${rate(flow(best.single, kind)!.rate.delivered.median)} → ${rate(flow(best.cluster, kind)!.rate.delivered.median)}`,
          `**${times(best.ratio)}**`,
        ],
      ];
    }),
  ),
)}

The article wants its writes synced (its \`file_sync\`; NATS has \`sync_interval: always\`), so that its pull row belongs beside that one.

## What bounds it

Three nodes have three times the CPU. What that yields is three times the share used, divided by how much more a message costs: CPU of all
servers together, for a message that reached its worker.

${table(
  ["", "sync_interval", "one node, µs", "three nodes, µs", "a message costs", "so at most"],
  all
    .filter((l, i) => all.findIndex((o) => o.cluster === l.cluster && o.single === l.single) === i)
    .map((l) => {
      const [one, three] = [middle(l.single.cpuPerMessage), middle(l.cluster.cpuPerMessage)];
      return [l.row.text, l.row.stream ? l.sync : "–", one.toFixed(0), three.toFixed(0), times(three / one), times(SIDES.cluster / (three / one))];
    }),
)}

${profiles(all)}${free(r)}## Goals

${table(
  ["goal", "measured", ""],
  goals(r, all).map(([goal, measured, reached]) => [goal, measured, reached ? "reached" : "**not reached**"]),
)}
`;
}

const ARTICLE_NOTE = `
The article offered 20,000 msg/s and tells 28,000 and 25,000 delivered, more than that; so its figures are read as the most that got through.`;

const sum = (all: readonly Line[], what: "lost" | "duplicates"): number =>
  [...new Set(all.flatMap((l) => [l.single, l.cluster]))].flatMap((c) => c.summary).reduce((total, f) => total + f[what], 0);

function free(r: ThroughputResults): string {
  if (Object.keys(r.free).length === 0) return "";
  return `## The cluster without limits

${table(
  ["", "msg/s", "p50, ms", "p99, ms", "lost", "twice", "most waiting", "servers, cores", "generator, cores"],
  Object.entries(r.free).flatMap(([text, cell]) =>
    cell.summary.map((f) => [
      cell.summary.length > 1 ? `${text}: ${f.kind}` : text,
      spread(f.rate.delivered),
      f.latency.delivery.p50.median.toFixed(1),
      f.latency.delivery.p99.median.toFixed(1),
      rate(f.lost),
      rate(f.duplicates),
      f.kind === "pull" ? rate(Math.max(...cell.backlog.map((b) => b.most))) : "–",
      (middle(cell.used) * cell.cpus).toFixed(2),
      `${cell.generator.cpu.median.toFixed(2)}${cell.generator.bottleneck ? " **its limit**" : ""}`,
    ]),
  ),
)}

"Most waiting" is the highest count of messages that were stored and not yet acknowledged by a worker, looked at every second. Three servers and the
generator have the machine's CPUs together here.

`;
}

/** µs of CPU per message by kind of work, from profiles that nats-server took of itself. */
function profiles(all: readonly Line[]): string {
  const cells = all
    .filter((l, i) => l.single.profile && l.cluster.profile && all.findIndex((o) => o.row === l.row && o.sync === l.sync) === i)
    .flatMap((l) => (["single", "cluster"] as const).map((side) => ({ l, side, cell: l[side] })))
    // one node's figure stands for several rows
    .filter(({ l, cell }, i, them) => them.findIndex((o) => o.l.sync === l.sync && JSON.stringify(o.cell) === JSON.stringify(cell)) === i);
  if (cells.length === 0) return "";
  const kinds = [...new Set(cells.flatMap(({ cell }) => Object.keys(cell.profile!.kinds) as CpuKind[]))];
  const total = (kind: CpuKind): number => cells.reduce((s, { cell }) => s + (cell.profile!.kinds[kind] ?? 0), 0);
  kinds.sort((a, b) => total(b) - total(a));
  const micros = (cell: Cell, { ms, kinds: spent }: CpuProfile, kind: CpuKind): string => (((spent[kind] ?? 0) / ms) * middle(cell.cpuPerMessage)).toFixed(0);
  return `Where it goes, µs of CPU per message, by nats-server's own profiles (the load once more, ten seconds, all servers of a side together):

${table(
  ["", ...kinds],
  cells.map(({ l, side, cell }) => [
    `${side === "single" ? l.row.text.replace(/ → .*/, "") : l.row.text.replace("R1 → ", "")}, ${side === "single" ? "one node" : "three"}${l.row.stream ? `, ${l.sync}` : ""}`,
    ...kinds.map((kind) => micros(cell, cell.profile!, kind)),
  ]),
)}

`;
}

function goals(r: ThroughputResults, all: readonly Line[]): (readonly [string, string, boolean])[] {
  const best = (kind: FlowKind, ids: readonly string[]): Line | undefined =>
    all.filter((l) => l.kind === kind && ids.includes(l.row.id)).sort((a, b) => b.ratio - a.ratio)[0];
  const out: (readonly [string, string, boolean])[] = [];
  const push = best("push", ["push"]);
  const why = (l: Line): string => (l.cluster.profile ? `; three nodes: ${profileText(l.cluster.profile)}` : "");
  if (push) out.push(["push: three nodes at least 2.5 × one", times(push.ratio) + (push.ratio >= 2.5 ? "" : why(push)), push.ratio >= 2.5]);
  const pulled = best("pull", ["pull-r3", "pull-r3-p"]);
  if (pulled)
    out.push(["pull at R3, with partitions: 3.1 × (the article's)", times(pulled.ratio) + (pulled.ratio >= 3.1 ? "" : why(pulled)), pulled.ratio >= 3.1]);
  const most = (kind: FlowKind): { delivered: number; text: string } => {
    const [best] = Object.values(r.free)
      .filter((c) => c.summary.length === 1 && flow(c, kind) && c.options[kind]?.payload === undefined)
      .map((c) => ({ cell: c, delivered: flow(c, kind)!.rate.delivered.median }))
      .sort((x, y) => y.delivered - x.delivered);
    if (!best) return { delivered: 0, text: "–" };
    const { cell, delivered } = best;
    const [servers, generator] = [middle(cell.used) * cell.cpus, cell.generator.cpu.median];
    const full = servers + generator >= 0.85 * cell.cpus ? `: the machine's ${cell.cpus} are full` : "";
    return { delivered, text: `${rate(delivered)}/s; servers ${servers.toFixed(2)} cores, generator ${generator.toFixed(2)}${full}` };
  };
  if (Object.keys(r.free).length === 0) return out;
  const [push10, pull2] = [10 * ARTICLE.push[1], 2 * ARTICLE.pull[1]];
  const [pushMost, pullMost] = [most("push"), most("pull")];
  out.push([`without limits: push of 128 bytes at least ${rate(push10)}/s, ten times the article's cluster`, pushMost.text, pushMost.delivered >= push10]);
  out.push([`without limits: pull at R3 at least ${rate(pull2)}/s, twice the article's cluster`, pullMost.text, pullMost.delivered >= pull2]);
  const mixed = Object.values(r.free).find((c) => c.summary.length === 2);
  if (mixed) {
    const grows = Math.max(...mixed.backlog.map((b) => b.growth));
    const kept = mixed.summary.every((f) => f.unsent === 0 && f.lost === 0 && f.rate.delivered.median >= 0.99 * (f.rate.offered ?? 0));
    out.push([
      "20,000 + 20,000 msg/s at once, ack pending doesn't grow",
      `${mixed.summary.map((f) => `${f.kind} ${rate(f.rate.delivered.median)}/s`).join(", ")}; ${grows > 0 ? `what waits grows by ${rate(grows)}/s` : "what waits doesn't grow"}`,
      kept && grows === 0,
    ]);
  }
  return out;
}
