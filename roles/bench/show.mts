import type { BenchProgress, BenchResult, BenchSpec, FlowKind, FlowSpec, Spread } from "../../lib/nats/bench/types.mts";
import type { Cluster } from "../cluster.mts";

const n = (value: number): string => Math.round(value).toLocaleString("en-US");
const ms = (value: number): string => (value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : value < 10 ? `${value.toFixed(1)} ms` : `${n(value)} ms`);
const KINDS = ["push", "pull"] as const satisfies FlowKind[];
const perSecond = ({ rate }: FlowSpec): string => (rate === "max" ? "as fast as it goes" : `${n(rate)} msg/s`);

/** A bench in a few words: the task's name. */
export const told = (spec: BenchSpec): string =>
  KINDS.flatMap((kind) => (spec[kind] ? [`${kind} ${perSecond(spec[kind])}`] : [])).join(" and ") + (spec.rounds > 1 ? `, ${spec.rounds} rounds` : "");

/** What is going on, once a second. */
export function progressLine({ rounds, seconds, warmUp }: BenchSpec, p: BenchProgress): string {
  const time = p.phase === "warm-up" ? `${p.at + warmUp}/${warmUp} s` : p.phase === "measuring" ? `${p.at}/${seconds} s` : "";
  const flows = p.flows.map(
    ({ kind, sent, delivered, ackPending, numPending }) =>
      `${kind} ${n(sent)} in, ${n(delivered)} out${ackPending === null ? "" : `, ack pending ${n(ackPending)}, waiting ${n(numPending ?? 0)}`}`,
  );
  return [`round ${p.round}/${rounds} ${p.phase} ${time}`.trim(), ...flows].join(" · ");
}

/** What --check tells. */
export function showPlan({ emit, name, target }: Cluster, spec: BenchSpec, from: string | undefined): void {
  const { push, pull, seconds, warmUp, rounds, threads } = spec;
  const rows: string[][] = [];
  if (push)
    rows.push([
      "push",
      `${perSecond(push)} of ${push.payload} bytes, ${push.publishers} publishers to a queue group of ${push.workers}, window ${n(push.window)}`,
    ]);
  if (pull) {
    rows.push([
      "pull",
      `${perSecond(pull)} of ${pull.payload} bytes, ${pull.publishers} publishers, ${pull.workers} workers, window ${n(pull.window)}, batch ${pull.batch}, ack ${pull.ack}${pull.ingest === "fast" ? ", fast ingest" : ""}`,
    ]);
    rows.push([
      "streams",
      `${pull.partitions === 1 ? "one temporary stream" : `${pull.partitions} temporary streams`} _sampan_bench_… a round, R${pull.replicas}, ${pull.storage}; removed at its end`,
    ]);
  }
  rows.push(["time", `${rounds === 1 ? "one round" : `${rounds} rounds`} of ${warmUp} s warm-up and ${seconds} s`]);
  rows.push(["nodes", target.nodes.map((node) => `${node.lane} (${node.host}:${node.port})`).join(", ")]);
  rows.push(["generator", `${from ?? "this machine"}, ${threads} threads`]);
  emit({ type: "table", title: `${name}: what would be offered`, columns: ["", ""], rows });
}

/** The verdict first, then the figures; the whole result for whoever computes or draws. */
export function show({ emit, name }: Cluster, result: BenchResult): void {
  emit({ type: "bench", lane: name, result });
  emit({ type: "table", title: `${name}: verdict`, columns: ["", ""], rows: result.verdict.map((v) => [v.status, v.text]) });
  const { generator, rounds } = result;
  emit({
    type: "table",
    title: `${name}: ${rounds.length === 1 ? "one round" : `medians of ${rounds.length} rounds, and from the least to the most`}`,
    columns: ["way", "offered/s", "delivered/s", ...(rounds.length > 1 ? ["least–most"] : []), "p50", "p90", "p99", "p99.9", "max", "lost", "twice", "unsent"],
    rows: result.summary.map(({ kind, rate, latency: { delivery: d }, lost, duplicates, unsent }) => [
      kind,
      rate.offered === null ? "max" : n(rate.offered),
      n(rate.delivered.median),
      ...(rounds.length > 1 ? [fromTo(rate.delivered)] : []),
      ...[d.p50, d.p90, d.p99, d.p999, d.max].map((s) => ms(s.median)),
      n(lost),
      n(duplicates),
      n(unsent),
    ]),
  });
  const stored = result.summary.filter((s) => s.latency.publish);
  if (stored.length)
    emit({
      type: "table",
      title: `${name}: the stream's acknowledgements`,
      columns: ["way", "acked/s", "p50", "p99", "p99.9", "refused", "unanswered", "redelivered", "highest ack pending", "backlog"],
      rows: stored.map(({ kind, rate, latency, rejected, unacked, redelivered }) => {
        const flows = rounds.flatMap((r) => r.flows.filter((f) => f.kind === kind));
        const growth = Math.max(...flows.map((f) => f.backlogGrowth));
        const p = latency.publish!;
        return [
          kind,
          n(rate.acked.median),
          ms(p.p50.median),
          ms(p.p99.median),
          ms(p.p999.median),
          n(rejected),
          n(unacked),
          n(redelivered),
          n(Math.max(0, ...flows.flatMap((f) => f.samples.map((s) => s.ackPending ?? 0)))),
          growth > 0 ? `+${n(growth)}/s` : "steady",
        ];
      }),
    });
  const mean = (values: readonly number[]): number => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : 0);
  const samplesOf = (node: string) =>
    rounds.flatMap((r) => r.nodes.filter((s) => s.node === node).flatMap((s) => s.samples.filter((x) => x.at > 0 && x.at <= result.spec.seconds)));
  emit({
    type: "table",
    title: `${name}: what it took`,
    columns: ["", "CPU", "in MB/s", "out MB/s", "version"],
    rows: [
      ...result.servers.map(({ name: node, version }) => {
        const samples = samplesOf(node);
        return [
          node,
          `${mean(samples.map((s) => s.cpu)).toFixed(0)} %`,
          (mean(samples.map((s) => s.inBytes)) / 1e6).toFixed(1),
          (mean(samples.map((s) => s.outBytes)) / 1e6).toFixed(1),
          version,
        ];
      }),
      [
        `generator on ${result.machine.host}`,
        `${(100 * generator.cpu.median).toFixed(0)} %`,
        "",
        "",
        `busiest loop ${(100 * generator.loop.median).toFixed(0)} %`,
      ],
    ],
  });
}

const fromTo = ({ least, most }: Spread): string => `${n(least)}–${n(most)}`;
