import type { AlarmGroup } from "../../lib/nats/status/alarms.mts";
import type { Style } from "../../lib/report/style.mts";
import { clean, list, plural, truncate, wrap } from "../../lib/report/text.mts";
import { INK } from "./tables.mts";

/** How many lines an alarm may take: what is wrong, and what to do. From roomy to tight; the first that fits is taken. */
const LAYOUTS = [
  { what: 3, next: 3 },
  { what: 2, next: 2 },
  { what: 1, next: 1 },
  { what: 1, next: 0 },
] as const;

/** Alarms in at most so many lines; those that find no place are counted. The first one always says what to do. */
export function alarmLines(groups: readonly AlarmGroup[], most: number, cells: number, style: Style): string[] {
  if (!groups.length) return [style.ink("green", `${style.symbols.ok} no alarms`)];
  for (const layout of LAYOUTS) {
    const lines = groups.flatMap((a, i) => alarm(a, i === 0 ? { ...layout, next: Math.max(1, layout.next) } : layout, cells, style));
    if (lines.length <= most) return lines;
    if (layout === LAYOUTS.at(-1))
      return [...lines.slice(0, most - 1), style.ink("dim", `  and ${plural(lines.length - most + 1, "more alarm")}: --json has them all`)];
  }
  return [];
}

function alarm(a: AlarmGroup, { what, next }: { what: number; next: number }, cells: number, style: Style): string[] {
  const sign = a.level === "critical" ? style.symbols.failed : "!";
  const who = a.assets.length ? list(a.assets, 4) : a.id.startsWith("meta.") ? "meta group" : a.title;
  const text = clean(`${who}: ${a.detail}${a.others > 0 ? " (the others differ)" : ""}`);
  const lines = atMost(what, text, cells - 2, style).map((line, i) => `${i === 0 ? style.ink(INK[a.level], sign) : " "} ${line}`);
  if (a.next === null || next === 0) return lines;
  return [...lines, ...atMost(next, `${style.symbols.arrow} ${clean(a.next)}`, cells - 2, style).map((line) => `  ${style.ink("cyan", line)}`)];
}

/** A text in lines of `cells` cells; what doesn't fit into so many of them is cut. */
export function atMost(most: number, text: string, cells: number, style: Style): string[] {
  const lines = wrap(text, Number.isFinite(cells) ? Math.max(1, cells) : 0);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), truncate(lines.slice(most - 1).join(" "), cells, style.symbols.ellipsis)];
}
