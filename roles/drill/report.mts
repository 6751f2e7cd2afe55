import type { EventInput, Failure } from "../../lib/engine/events.mts";
import { findings } from "../../lib/nats/load/steady-account.mts";
import type { Cluster } from "../cluster.mts";
import { gateFailure } from "../gate.mts";
import type { Fault } from "./faults.mts";
import type { Rehearsal } from "./rehearse.mts";

/** A row of the report. */
export type Line = { label: string; fault: Fault } & (Rehearsal | { skipped: string });

/** Why a rehearsal failed; undefined: every acknowledged message is there, and the cluster is whole again. */
export function broken({ account, error, hit }: Rehearsal): Failure | undefined {
  const lines = findings(account);
  if (!lines.length && error === undefined) return undefined;
  const other = error === undefined ? undefined : gateFailure(error);
  if (!lines.length) return other;
  return {
    what: [...lines, ...(other ? [other.what] : [])].join("; "),
    output: account.errors.map((e) => `${e.count} × ${e.text}`).join("\n"),
    next: `read the logs of ${hit.join(", ")} (journalctl -u nats-server) from ${new Date(account.from).toISOString()} on before you trust this cluster with a failure`,
  };
}

export const summary = ({ hit, account, redundantMs }: Rehearsal): string =>
  `${hit.join(", ")}: 0 of ${n(account.acked)} acknowledged lost, no publish for ${duration(span(account).longestPublishGap.ms)}, full redundancy after ${duration(redundantMs)}`;

/** Where nothing was hit (--check), what would be left out, and why. */
export function table(lines: readonly Line[]): { columns: string[]; rows: string[][] } {
  if (lines.every((line) => "skipped" in line))
    return { columns: ["fault", ""], rows: lines.map((line) => [line.label, "skipped" in line ? `skipped: ${line.skipped}` : ""]) };
  const columns = [
    "fault",
    "hit",
    "acked",
    "acked lost",
    "stored twice",
    "redelivered",
    "queue push lost",
    "publish gap",
    "pull gap",
    "push gap",
    "redundant after",
  ];
  return {
    columns,
    rows: lines.map((line) => {
      if ("skipped" in line) return [line.label, `skipped: ${line.skipped}`, ...columns.slice(2).map(() => "-")];
      const { label, hit, account: a, redundantMs } = line;
      const s = span(a);
      return [
        label,
        hit.length > 1 ? `all ${hit.length}` : hit.join(),
        n(a.acked),
        n(a.ackedLost),
        n(a.duplicatesStored),
        n(a.redelivered),
        n(a.push.lost),
        duration(s.longestPublishGap.ms),
        duration(s.longestConsumeGap.pull.ms),
        duration(s.longestConsumeGap.push.ms),
        duration(redundantMs),
      ];
    }),
  };
}

/** The sums, and how long clients waited in each fault; nothing when nothing was hit. */
export function forPage(lane: string, all: readonly Line[]): EventInput[] {
  const lines = all.filter((l) => "account" in l);
  if (!lines.length) return [];
  const sum = (of: (l: (typeof lines)[number]) => number): number => lines.reduce((a, l) => a + of(l), 0);
  const acked = sum((l) => l.account.acked),
    lost = sum((l) => l.account.ackedLost);
  const gaps = lines.map((l) => span(l.account).longestPublishGap.ms);
  const longest = Math.max(...gaps);
  return [
    {
      type: "figures",
      lane,
      title: "drill",
      headline: `${lines.length === 1 ? "1 fault" : `${lines.length} faults`}, and ${lost > 0 ? n(lost) : "none"} of ${n(acked)} acknowledged messages lost`,
      items: [
        { name: "faults made", value: lines.length, unit: "", text: n(lines.length) },
        { name: "acknowledged", value: acked, unit: "messages", text: `${n(acked)} messages` },
        { name: "of them lost", value: lost, unit: "messages", text: `${n(lost)} messages`, ...(lost > 0 ? { bad: true } : {}) },
        { name: "longest publish gap", value: longest, unit: "ms", text: duration(longest) },
      ],
    },
    {
      type: "chart",
      lane,
      group: "How long clients waited",
      title: "longest gap from the fault on",
      kind: "bars",
      unit: "ms",
      x: [],
      labels: lines.map((l) => l.label),
      series: [
        { name: "publish", values: gaps },
        { name: "pull", values: lines.map((l) => span(l.account).longestConsumeGap.pull.ms) },
        { name: "push", values: lines.map((l) => span(l.account).longestConsumeGap.push.ms) },
        { name: "until redundant", values: lines.map((l) => l.redundantMs ?? null) },
      ],
    },
  ];
}

/** What a SIGKILL of all servers doesn't show. */
export function powerLoss({ hosts, emit }: Cluster, lines: readonly Line[]): void {
  const { sync_interval: interval } = hosts[0]!.vars.jetstream;
  if (interval !== "always" && lines.some((l) => l.fault.every && "account" in l))
    emit({
      type: "warning",
      text: `restart-all ended processes, not their hosts' power: with sync_interval ${interval}, a power cut of all nodes at once can cost the last ${interval} of acknowledged messages; sync_interval: always doesn't`,
    });
}

/** From the fault on: the last span. */
const span = (a: Rehearsal["account"]) => a.spans.at(-1)!;
const n = (value: number): string => value.toLocaleString("en-US");
const duration = (ms: number | undefined): string => (ms === undefined ? "-" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
