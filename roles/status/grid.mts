import type { Ink, Style } from "../../lib/report/style.mts";
import { clean, padEnd, padStart, truncate, width } from "../../lib/report/text.mts";

export interface Column<T> {
  head: string;
  cell(item: T): string;
  /** numbers stand to the right */
  right?: boolean;
  ink?(item: T): Ink | readonly Ink[] | undefined;
  /** where the screen is narrow the highest goes first; without one the column stays */
  drop?: number;
  /** heading of a column that says the same and more: only one of the two is shown */
  instead?: string;
  /** least cells to which it may be cut (names) */
  least?: number;
}

/** A heading and a line per item, none wider than `cells` (Infinity: as wide as need be). */
export function grid<T>(items: readonly T[], columns: readonly Column<T>[], cells: number, style: Style): string[] {
  let chosen = columns
    .map((column) => ({ column, texts: items.map((item) => clean(column.cell(item))) }))
    .filter(({ texts, column }) => column.drop === undefined || texts.some((t) => t !== ""))
    .map((c) => ({ ...c, wide: Math.max(width(c.column.head), ...c.texts.map(width)) }));
  const shown = () => chosen.filter(({ column }) => column.instead === undefined || !chosen.some((o) => o.column.head === column.instead));
  const total = (): number => shown().reduce((sum, c) => sum + c.wide + 2, -2);
  while (total() > cells) {
    const least = chosen.reduce((a, b) => ((b.column.drop ?? -1) > (a.column.drop ?? -1) ? b : a));
    if (least.column.drop === undefined) break;
    chosen = chosen.filter((c) => c !== least);
  }
  chosen = shown();
  for (const c of chosen) {
    const over = total() - cells;
    if (over > 0 && c.column.least !== undefined) c.wide = Math.max(c.column.least, c.wide - over);
  }
  const line = (texts: readonly string[], ink: (text: string, i: number) => string): string =>
    texts
      .map((text, i) => {
        const { column, wide } = chosen[i]!;
        return ink((column.right ? padStart : padEnd)(truncate(text, wide, style.symbols.ellipsis), wide), i);
      })
      .join("  ")
      .trimEnd();
  return [
    line(
      chosen.map((c) => c.column.head),
      (t) => style.ink("dim", t),
    ),
    ...items.map((item, row) =>
      line(
        chosen.map((c) => c.texts[row]!),
        (text, i) => {
          const ink = chosen[i]!.column.ink?.(item);
          return ink ? style.ink(ink, text) : text;
        },
      ),
    ),
  ];
}
