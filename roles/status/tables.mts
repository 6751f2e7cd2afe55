import type { Level } from "../../lib/nats/status/alarms.mts";
import type { ConsumerStatus, NodeStatus, Status, StreamStatus } from "../../lib/nats/status/status.mts";
import type { Ink, Style } from "../../lib/report/style.mts";
import type { Column } from "./grid.mts";
import { age, count, milliseconds, rate, size } from "./units.mts";

export const INK: Readonly<Record<Level, Ink | readonly Ink[]>> = { ok: "green", warning: "yellow", critical: ["red", "bold"], unknown: "magenta" };

const marked = (style: Style, level: Level): string => (level === "ok" ? style.symbols.ok : level === "critical" ? style.symbols.failed : "!");
const mark = <T extends { level: Level }>(style: Style): Column<T> => ({ head: " ", cell: (x) => marked(style, x.level), ink: (x) => INK[x.level] });
const warm = (near: boolean): Ink | undefined => (near ? "yellow" : undefined);
const NEAR = 0.75;

export function nodeColumns({ at, metaLeader, nodes }: Status, style: Style): Column<NodeStatus>[] {
  const now = Date.parse(at);
  const laneOf = (server: string): string => nodes.find((n) => n.server === server)?.name ?? server;
  const full = ({ jetstream: js }: NodeStatus): boolean => js !== null && js.storageLimit > 0 && js.storageBytes >= NEAR * js.storageLimit;
  return [
    mark(style),
    { head: "NODE", cell: (n) => n.name, least: 8 },
    { head: "ROLE", cell: (n) => (n.server === metaLeader ? "leader" : n.up ? "" : "down"), ink: (n) => (n.up ? undefined : "red"), drop: 6 },
    { head: "VERSION", cell: (n) => n.version ?? "-", drop: 5 },
    { head: "UP", cell: (n) => (n.since === null ? "-" : age(now - Date.parse(n.since))), right: true },
    { head: "CPU", cell: (n) => (n.cpuPercent === null ? "-" : `${Math.round(n.cpuPercent)}%`), right: true },
    { head: "MEM", cell: (n) => size(n.memoryBytes), right: true, drop: 3 },
    { head: "CONN", cell: (n) => count(n.connections), right: true },
    { head: "SLOW", cell: (n) => count(n.slowConsumers), right: true, ink: (n) => warm((n.slowConsumers ?? 0) > 0) },
    { head: "IN/S", cell: (n) => rate(n.rates?.in ?? null), right: true },
    { head: "OUT/S", cell: (n) => rate(n.rates?.out ?? null), right: true },
    { head: "BYTES/S", cell: ({ rates: r }) => (r ? `${size(r.inBytes)}/${size(r.outBytes)}` : "-"), right: true, drop: 9 },
    {
      head: "STORE",
      cell: ({ jetstream: js }) => (js ? `${size(js.storageBytes)}/${size(js.storageLimit)}` : "-"),
      right: true,
      ink: (n) => warm(full(n)),
      drop: 2,
    },
    { head: "ROUTES", cell: (n) => n.routes.map((r) => `${laneOf(r.to)} ${milliseconds(r.rttMs)}`).join(", "), drop: 8 },
    {
      head: "RTT",
      cell: (n) => (n.routes.length ? milliseconds(Math.max(...n.routes.map((r) => r.rttMs ?? 0))) : ""),
      right: true,
      drop: 1,
      instead: "ROUTES",
    },
  ];
}

export const streamColumns = ({ streams }: Status, style: Style): Column<StreamStatus>[] => [
  mark(style),
  { head: "STREAM", cell: (s) => (several(streams) ? `${s.account}/${s.name}` : s.name), least: 12 },
  { head: "LEADER", cell: (s) => s.leader ?? "none", ink: (s) => (s.leader ? undefined : "red"), drop: 3 },
  { head: "COPIES", cell: (s) => `${s.replicasCurrent}/${s.replicas}`, right: true, ink: (s) => warm(s.replicasCurrent < s.replicas) },
  { head: "LAG", cell: (s) => count(s.lag), right: true, ink: (s) => warm(s.lag > 0 && s.level !== "ok") },
  { head: "MSGS", cell: (s) => count(s.messages), right: true },
  { head: "BYTES", cell: (s) => size(s.bytes), right: true, drop: 2 },
  { head: "IN/S", cell: (s) => rate(s.storedPerSecond), right: true },
  { head: "CONSUMERS", cell: (s) => String(s.consumers), right: true, drop: 4 },
];

export const consumerColumns = ({ streams }: Status, style: Style): Column<ConsumerStatus>[] => [
  mark(style),
  { head: "CONSUMER", cell: (c) => `${several(streams) ? `${c.account}/` : ""}${c.stream} > ${c.name}`, least: 16 },
  { head: "KIND", cell: (c) => (c.paused ? "paused" : c.kind), drop: 5 },
  { head: "LEADER", cell: (c) => c.leader ?? "none", ink: (c) => (c.leader ? undefined : "red"), drop: 4 },
  { head: "PENDING", cell: (c) => count(c.pending), right: true },
  { head: "ACK PENDING", cell: ackPending, right: true, ink: (c) => warm(c.maxAckPending !== null && c.ackPending >= NEAR * c.maxAckPending) },
  { head: "REDELIVERED", cell: (c) => count(c.redelivered), right: true, ink: (c) => warm(c.redelivered > 0), drop: 2 },
  { head: "WAITING", cell: (c) => (c.kind === "pull" ? count(c.waitingPulls) : ""), right: true, drop: 3 },
  { head: "OUT/S", cell: (c) => rate(c.deliveredPerSecond), right: true },
];

function ackPending({ ackPending: n, maxAckPending: limit }: ConsumerStatus): string {
  return limit === null ? count(n) : `${count(n)}/${count(limit)}${n > 0 ? ` ${Math.floor((100 * n) / limit)}%` : ""}`;
}

const several = (streams: readonly StreamStatus[]): boolean => streams.some((s) => s.account !== streams[0]!.account);
