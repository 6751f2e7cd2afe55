/**
 * A terminal's content as a picture: `tmux capture-pane -ep | npx tsx test/docs/picture.mts >docs/images/run.svg`.
 * Each stretch of one look is a text of its own at its own column, so that no font moves the columns.
 */
import { readFileSync } from "node:fs";

const CELL = { width: 8.4, height: 18 },
  PAD = 16;
const COLOURS: Readonly<Record<number, string>> = { 31: "#f47067", 32: "#57ab5a", 33: "#c69026", 34: "#539bf5", 35: "#b083f0", 36: "#39c5cf", 90: "#768390" };
const PLAIN = "#cdd9e5",
  GROUND = "#22272e";

interface Look {
  colour: string;
  bold: boolean;
  dim: boolean;
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const fresh = (): Look => ({ colour: PLAIN, bold: false, dim: false });

function apply(look: Look, code: number): Look {
  if (code === 0) return fresh();
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 39) return { ...look, colour: PLAIN };
  return COLOURS[code] ? { ...look, colour: COLOURS[code] } : look;
}

const lines = readFileSync(0, "utf8").trimEnd().split("\n");
let widest = 0,
  look = fresh();
const texts = lines.flatMap((line, row) => {
  let column = 0;
  return line.split(/(\x1b\[[\d;]*m)/).flatMap((piece) => {
    const codes = /^\x1b\[([\d;]*)m$/.exec(piece);
    if (codes) for (const code of codes[1]!.split(";")) look = apply(look, Number(code));
    if (codes || piece === "") return [];
    const count = [...piece].length,
      x = PAD + column * CELL.width;
    column += count;
    widest = Math.max(widest, column);
    if (piece.trim() === "") return [];
    const style = `fill="${look.colour}"${look.bold ? ' font-weight="bold"' : ""}${look.dim ? ' opacity="0.65"' : ""}`;
    return `<text x="${x.toFixed(1)}" y="${PAD + 13 + row * CELL.height}" textLength="${(count * CELL.width).toFixed(1)}" xml:space="preserve" ${style}>${escape(piece)}</text>`;
  });
});
const width = Math.ceil(widest * CELL.width + 2 * PAD),
  height = lines.length * CELL.height + 2 * PAD;
process.stdout.write(
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`,
    `<rect width="${width}" height="${height}" rx="8" fill="${GROUND}"/>`,
    ...texts,
    "</svg>",
    "",
  ].join("\n"),
);
