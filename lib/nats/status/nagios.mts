import { grouped, type Level } from "./alarms.mts";
import type { Status } from "./status.mts";

/** Exit statuses of the monitoring plugins' guidelines (monitoring-plugins.org). */
export const EXIT: Readonly<Record<Level, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** Characters of one alarm's text: monitoring systems cut lines, and the next alarm should still be told. */
const MOST = 160;

/** `OK|WARNING|CRITICAL|UNKNOWN - text | perfdata`, one line. Counters (`c`) only grow: the monitoring makes rates of them. */
export function nagiosLine(status: Status, counters: { inMsgs: number; outMsgs: number }): string {
  const { level, nodes, streams, consumers, alarms } = status;
  const up = nodes.filter((n) => n.up).length;
  const told = grouped(alarms)
    .slice(0, 3)
    .map((a) => `${a.title}${a.assets.length ? ` (${few(a.assets)})` : ""}: ${a.detail.length > MOST ? `${a.detail.slice(0, MOST - 1)}…` : a.detail}`);
  const more = grouped(alarms).length - told.length;
  const text =
    level === "ok"
      ? `${status.cluster}: ${up} of ${nodes.length} nodes up, streams ${streams.length}, consumers ${consumers.length}`
      : `${status.cluster}: ${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
  const stores = nodes.flatMap(({ jetstream: js }) => (js && js.storageLimit > 0 ? [(100 * js.storageBytes) / js.storageLimit] : []));
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const perf: [label: string, value: string, rest?: string][] = [
    ["nodes_up", String(up), `;;;0;${nodes.length}`],
    ["streams", String(streams.length)],
    ["consumers", String(consumers.length)],
    ["connections", String(sum(nodes.map((n) => n.connections ?? 0)))],
    ["slow_consumers", `${sum(nodes.map((n) => n.slowConsumers ?? 0))}c`],
    ["messages", String(sum(streams.map((s) => s.messages)))],
    ["bytes", `${sum(streams.map((s) => s.bytes))}B`],
    ["replica_lag", String(Math.max(0, ...streams.map((s) => s.lag)))],
    ["pending", String(sum(consumers.map((c) => c.pending)))],
    ["ack_pending", String(sum(consumers.map((c) => c.ackPending)))],
    ["store", `${Math.max(0, ...stores).toFixed(1)}%`, ";90;100;0;100"],
    ["in_msgs", `${counters.inMsgs}c`],
    ["out_msgs", `${counters.outMsgs}c`],
  ];
  return `${level.toUpperCase()} - ${oneLine(text)} | ${perf.map(([name, value, rest = ""]) => `${name}=${value}${rest}`).join(" ")}`;
}

const few = (names: readonly string[]): string => (names.length > 3 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more` : names.join(", "));

/** The bar begins the perfdata, so no text may hold one. */
export const oneLine = (text: string): string => text.replace(/\s+/g, " ").replaceAll("|", "/").trim();
