import type { Style } from "./style.mts";
import type { EventOf } from "./tally.mts";
import { clean, padEnd, padStart, width, wrap } from "./text.mts";

const GOOD = /^(ok|passed|yes|current|✓)$/i;
const BAD = /^(failed|fail|missing|lagging|✗)$/i;

/** A table in `columns` cells (0: as wide as it needs); when it is too wide, its widest column wraps. */
export function tableLines(table: EventOf<"table">, style: Style, columns = 0): string[] {
  const rows = table.rows.map((row) => table.columns.map((_, i) => clean(row[i] ?? "")));
  const head = table.columns.map(clean);
  const widths = head.map((h, i) => Math.max(width(h), ...rows.map((r) => width(r[i]!))));
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((r) => /^[-+]?[\d.,]+( ?(%|[a-zµ]{1,3}(\/s)?))?$|^-?$/i.test(r[i]!)));
  const over = columns > 0 ? widths.reduce((a, w) => a + w + 2, 0) - columns : 0;
  const widest = widths.indexOf(Math.max(...widths));
  if (over > 0) widths[widest] = Math.max(8, widths[widest]! - over);

  const line = (cells: string[], ink: (t: string, i: number) => string): string =>
    `  ${cells.map((c, i) => ink((numeric[i] ? padStart : padEnd)(c, widths[i]!), i)).join("  ")}`.trimEnd();
  const body = rows.flatMap((row) => {
    const parts = wrap(row[widest] ?? "", widths[widest] ?? 0);
    return parts.map((part, n) =>
      line(
        row.map((c, i) => (i === widest ? part : n === 0 ? c : "")),
        (text) => {
          const word = text.trim();
          return GOOD.test(word) ? style.ink("green", text) : BAD.test(word) ? style.ink(["red", "bold"], text) : text;
        },
      ),
    );
  });
  return ["", style.ink("bold", clean(table.title)), line(head, (t) => style.ink("dim", t)), ...body, ""];
}
