import type { Style } from "./style.mts";
import { clean, reveal } from "./text.mts";

/** The diff in colour, with `^M` for a carriage return and dots for spaces at a line's end. */
export function diffLines(diff: string, style: Style): string[] {
  const lines = diff.split("\n");
  if (lines.at(-1) === "") lines.pop();
  let header = true;
  return lines.map((line) => {
    if (line.startsWith("@@")) header = false;
    if (header && /^(---|\+\+\+) /.test(line)) return style.ink("bold", clean(line.replace("\t", "  ")));
    const text = visible(line, style.symbols.space);
    if (line.startsWith("@@")) return style.ink("cyan", text);
    if (line.startsWith("+")) return style.ink("green", text);
    if (line.startsWith("-")) return style.ink("red", text);
    return line.startsWith("\\") ? style.ink("yellow", text) : style.ink("dim", text);
  });
}

/** Only changed lines are marked: an unchanged line's trailing space is not what the reader looks for. */
function visible(line: string, space: string): string {
  const changed = /^[+-]/.test(line);
  const cr = /\r+$/.exec(line)?.[0].length ?? 0;
  const body = cr > 0 ? line.slice(0, -cr) : line;
  const trailing = changed ? (/[ \t]+$/.exec(body.slice(1))?.[0] ?? "") : "";
  const text = trailing === "" ? body : body.slice(0, -trailing.length);
  return reveal(text.replaceAll("\t", "    ")) + trailing.replaceAll(" ", space).replaceAll("\t", "^I") + (changed ? "^M".repeat(cr) : "");
}
