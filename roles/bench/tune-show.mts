import type { Figure } from "../../lib/engine/events.mts";
import type { Finalist, Knob, Tuned } from "../../lib/nats/bench/tune.mts";
import type { BenchSpec, PullSpec } from "../../lib/nats/bench/types.mts";
import type { Cluster } from "../cluster.mts";

const n = (value: number): string => Math.round(value).toLocaleString("en-US");
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : n(value)} ms`;

/** What --check tells. */
export function showTuning(
  { emit, name }: Cluster,
  { spec, knobs, most, seconds, from }: { spec: BenchSpec; knobs: readonly [Knob, readonly number[]][]; most: number; seconds: number; from?: string },
): void {
  const { payload, replicas, storage, ack } = spec.pull!;
  emit({
    type: "table",
    title: `${name}: what would be tried`,
    columns: ["", ""],
    rows: [
      ["load", `pull as fast as it goes, ${payload} bytes, R${replicas}, ${storage}, ack ${ack}, on temporary streams that each round removes`],
      ...knobs.map(([knob, values]) => [knob, values.join(", ")]),
      ["time", `at most ${most} rounds of ${spec.warmUp} + ${spec.seconds} s, so ${Math.ceil(seconds / 60)} minutes`],
      ["generator", from ?? "this machine"],
    ],
  });
}

/** All that was tried, and the finalists. */
export function showTrials(cluster: Cluster, tuned: Tuned): void {
  const { emit, name } = cluster;
  const { trials, finalists, best, start } = tuned;
  emit({
    type: "table",
    title: `${name}: rounds`,
    columns: ["turned", "partitions", "window", "batch", "workers", "publishers", "delivered/s", "p99", ""],
    rows: trials
      .filter((t) => t.why !== "final")
      .map(({ why, setting: s, rate, p99, wrong, generator }) => [
        why,
        ...[s.partitions, s.window, s.batch, s.workers, s.publishers].map(String),
        n(rate),
        ms(p99),
        wrong ?? (generator ? "the generator's limit" : ""),
      ]),
  });
  emit({
    type: "table",
    title: `${name}: finalists, medians of three rounds in turn`,
    columns: ["", "partitions", "window", "batch", "workers", "publishers", "delivered/s", "least–most", "p99", ""],
    rows: finalists.map((f) => [
      f === best ? "best" : f === start ? "start" : "",
      ...[f.setting.partitions, f.setting.window, f.setting.batch, f.setting.workers, f.setting.publishers].map(String),
      n(f.median),
      `${n(f.least)}–${n(f.most)}`,
      ms(f.p99),
      worthless(f) && `${worthless(f)}: ${[...new Set(f.wrong)].join("; ")}`,
    ]),
  });
  forPage(cluster, tuned);
}

/** Empty where each round counted. */
const worthless = ({ wrong }: Finalist): string => (wrong.length ? `${wrong.length === 1 ? "one round" : `${wrong.length} rounds`} worthless` : "");

/** What the page shows first, and draws. */
function forPage({ emit, name }: Cluster, { finalists, best, start }: Tuned): void {
  const word = ({ setting: s }: Finalist): string =>
    `${s.partitions === 1 ? "1 partition" : `${s.partitions} partitions`}, window ${n(s.window)}, batch ${n(s.batch)}`;
  const figure = (of: string, f: Finalist): Figure => ({ name: of, value: f.median, unit: "msg/s", text: `${n(f.median)} msg/s` });
  emit({
    type: "figures",
    lane: name,
    title: "tune",
    headline: `pull ${n(best.median)} msg/s with ${word(best)}`,
    items: [figure("best", best), { name: "its p99", value: best.p99, unit: "ms", text: ms(best.p99) }, figure("start", start)],
  });
  emit({
    type: "chart",
    lane: name,
    group: "Finalists",
    title: "delivered, median of three rounds",
    kind: "bars",
    unit: "msg/s",
    x: [],
    labels: finalists.map((f) => [word(f), worthless(f)].filter(Boolean).join("; ")),
    series: [{ name: "delivered", values: finalists.map((f) => f.median) }],
  });
}

/** What to write into the inventory, and what into the clients. */
export function showAdvice(cluster: Cluster, { best }: Tuned, pull: PullSpec): void {
  const { emit, name } = cluster;
  emit({ type: "table", title: `${name}: for the inventory`, columns: [""], rows: advice(cluster, best, pull).map((line) => [line]) });
  const { setting: s } = best;
  const perWorker = Math.ceil(s.window / s.publishers);
  emit({
    type: "table",
    title: `${name}: for the clients`,
    columns: ["", ""],
    rows: [
      ["publishers", `${s.publishers} connections, each with up to ${n(perWorker)} publishes waiting for their acknowledgement`],
      ["workers", `${s.workers}, each with consume({ max_messages: ${2 * s.batch} })${s.partitions > 1 ? ", on one partition's consumer each" : ""}`],
    ],
  });
}

/** YAML of the inventory's first pull stream, or of one like the article's. */
function advice({ hosts: [first] }: Cluster, { setting: s }: Finalist, { replicas, storage, maxAckPending }: PullSpec): string[] {
  const stream = first!.vars.streams.find((d) => d.subjects?.length && d.consumers.some((c) => c.deliver_subject === undefined));
  const consumer = stream?.consumers.find((c) => c.deliver_subject === undefined)?.durable_name;
  return [
    "streams:",
    `  - name: ${stream?.name ?? "LOGS"}`,
    `    subjects: ${JSON.stringify(stream?.subjects ?? ["logs.>"])}`,
    `    storage: ${storage}`,
    `    num_replicas: ${replicas}`,
    ...(s.partitions > 1 ? [`    partitions: ${s.partitions}`] : []),
    "    consumers:",
    `      - durable_name: ${consumer ?? "pull-worker"}`,
    "        ack_policy: explicit",
    `        max_ack_pending: ${maxAckPending}`,
    "bench:",
    `  pull: { partitions: ${s.partitions}, window: ${s.window}, batch: ${s.batch}, workers: ${s.workers}, publishers: ${s.publishers}, max_ack_pending: ${maxAckPending} }`,
  ];
}
