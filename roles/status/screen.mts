import { grouped } from "../../lib/nats/status/alarms.mts";
import type { Status } from "../../lib/nats/status/status.mts";
import type { Style } from "../../lib/report/style.mts";
import { clean, padStart, plural, truncate, width } from "../../lib/report/text.mts";
import { alarmLines, atMost } from "./alarm-lines.mts";
import { type Column, grid } from "./grid.mts";
import { consumerColumns, INK, nodeColumns, streamColumns } from "./tables.mts";
import { rate } from "./units.mts";

/** Cells; Infinity where there is no end. */
export interface Room {
  columns: number;
  rows: number;
}

/** Of a section that doesn't fit, at least so many rows stay. */
const LEAST = 2;
/** Share of the rows beyond the sections' least that alarms may take where all can't have what they want. */
const ALARMS = 0.6;

/** The screen as lines, none wider and not more of them than there is room: alarms, nodes, streams and consumers, worst first. Pure. */
export function screen(status: Status, { columns, rows }: Room, style: Style): string[] {
  const head = title(status, columns, style);
  const sections = [
    section("node", status.nodes, nodeColumns(status, style), columns, style),
    section("stream", status.streams, streamColumns(status, style), columns, style),
    section("consumer", status.consumers, consumerColumns(status, style), columns, style),
  ].filter((s) => s.rows.length > 0);
  const least = sections.map((s) => Math.min(LEAST, s.rows.length));
  const wanted = sections.map((s) => s.rows.length);
  const free = rows - head.length - 1 - 2 * sections.length; // an empty line before the alarms; and one with a heading for each section
  const told = alarmLines(grouped(status.alarms), Math.max(2, Math.floor((free - sum(least)) * ALARMS), free - sum(wanted)), columns, style);
  const dealt = deal(wanted, least, free - told.length);
  return [...head, "", ...told, ...sections.flatMap((s, i) => ["", s.heading, ...s.fit(dealt[i]!)])].slice(0, rows);
}

interface Section {
  heading: string;
  rows: readonly string[];
  fit(most: number): string[];
}

function section<T extends { level: string }>(what: string, items: readonly T[], columns: readonly Column<T>[], cells: number, style: Style): Section {
  const [heading = "", ...rows] = items.length ? grid(items, columns, cells, style) : [];
  return {
    heading,
    rows,
    fit(most) {
      if (rows.length <= most) return [...rows];
      const shown = Math.max(0, most - 1);
      const well = items.slice(shown).every((i) => i.level === "ok");
      return [...rows.slice(0, shown), style.ink("dim", `   and ${plural(rows.length - shown, `more ${what}`)}${well ? ", all well" : ""}: --all shows them`)];
    },
  };
}

/** Rows for each section: the least, then one more for each in turn, until it has what it wants. */
function deal(wanted: readonly number[], least: readonly number[], rows: number): number[] {
  const given = [...least];
  if (sum(wanted) <= rows) return [...wanted];
  for (let left = rows - sum(least); left > 0; ) {
    const hungry = wanted.flatMap((w, i) => (given[i]! < w ? [i] : []));
    if (!hungry.length) break;
    for (const i of hungry.slice(0, left)) {
      given[i]!++;
      left--;
    }
  }
  return given;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function title(status: Status, columns: number, style: Style): string[] {
  const { nodes, streams, consumers, metaLeader } = status;
  const perSecond = (rates: readonly (number | null)[]): string => rate(sum(rates.map((r) => r ?? 0)));
  const facts = [
    `${nodes.filter((n) => n.up).length} of ${plural(nodes.length, "node")}`,
    ...(nodes.length > 1 ? [metaLeader ? `meta leader ${metaLeader}` : "no meta leader"] : []),
    plural(streams.length, "stream"),
    plural(consumers.length, "consumer"),
    ...(status.ratesOverMs === null
      ? []
      : [`${perSecond(streams.map((s) => s.storedPerSecond))}/s in`, `${perSecond(consumers.map((c) => c.deliveredPerSecond))}/s out`]),
  ].join(` ${style.symbols.dot} `);
  const time = new Date(status.at).toTimeString().slice(0, 8),
    verdict = status.level.toUpperCase();
  const name = truncate(clean(status.cluster), Math.max(8, columns - width(verdict) - width(time) - 6), style.symbols.ellipsis);
  const rest = columns - width(name) - width(verdict) - 2;
  const line = `${style.ink("bold", name)}  ${style.ink(INK[status.level], verdict)}${Number.isFinite(rest) ? padStart(time, rest) : `  ${time}`}`;
  return [line, ...atMost(2, facts, columns, style)];
}
