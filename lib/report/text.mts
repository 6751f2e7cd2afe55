import { stripVTControlCharacters } from "node:util";

// biome-ignore lint/suspicious/noMisleadingCharacterClass: single code points are meant
const ZERO = /[\p{Mn}\p{Me}\u200b-\u200f\ufe00-\ufe0f]/u;
/** East Asian Wide and Fullwidth of Unicode's EastAsianWidth.txt, by block, and what is an emoji by default. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Cells that a text takes on a terminal; colour codes take none. */
export function width(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let cells = 0;
  for (const char of stripVTControlCharacters(text)) cells += cellsOf(char);
  return cells;
}

const cellsOf = (char: string): number => (char < "\x7f" ? 1 : ZERO.test(char) ? 0 : WIDE.test(char) ? 2 : 1);

/** Cuts a text without colour codes to at most `cells` cells. */
export function truncate(text: string, cells: number, ellipsis = "…"): string {
  if (width(text) <= cells) return text;
  const room = cells - ellipsis.length;
  if (room <= 0) return ellipsis.slice(0, Math.max(0, cells));
  let out = "";
  let used = 0;
  for (const char of text) {
    used += cellsOf(char);
    if (used > room) break;
    out += char;
  }
  return out + ellipsis;
}

/** Cuts out of the middle, since a path's end says most: the first word stays if there is room, then the end. */
export function truncateMiddle(text: string, cells: number, ellipsis = "…"): string {
  if (width(text) <= cells) return text;
  const first = /^\S+ /.exec(text)?.[0] ?? "";
  const head = width(first) <= cells / 2 ? first : "";
  const room = cells - width(head) - ellipsis.length;
  if (head === "" || room < 4) return truncate(text, cells, ellipsis);
  const chars = [...text.slice(head.length)];
  let start = chars.length;
  for (let used = 0; start > 0 && (used += cellsOf(chars[start - 1]!)) <= room; ) start--;
  return head + ellipsis + chars.slice(start).join("");
}

/** Lines of at most `cells` cells (0: one line): breaks at spaces, and within a word only when it has to. */
export function wrap(text: string, cells: number): string[] {
  if (cells <= 0 || width(text) <= cells) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && width(line) + 1 + width(word) <= cells) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const char of word) {
      if (width(line + char) > cells) {
        lines.push(line);
        line = "";
      }
      line += char;
    }
  }
  return [...lines, line];
}

export const padEnd = (text: string, cells: number): string => text + " ".repeat(Math.max(0, cells - width(text)));
export const padStart = (text: string, cells: number): string => " ".repeat(Math.max(0, cells - width(text))) + text;

/** One line that can't move the cursor, ring the bell, turn the text around or colour the screen: what hosts print is not trusted. */
export function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\r\n]+/g, " ")
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "");
}

/** For texts that are compared: what `clean` would take away is written out, as cat -v and git do (`^[`, `<U+202E>`). */
export function reveal(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f]/g, (c) => `^${String.fromCharCode(c.charCodeAt(0) ^ 64)}`)
    .replace(
      /[\x80-\x9f\u200b-\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g,
      (c) => `<U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`,
    );
}

/** `clean`, line by line; a line rewritten by carriage returns (a progress bar) keeps its last state. */
export function cleanLines(text: string): string[] {
  const lines = text
    .replace(/\r\n/g, "\n")
    .split("\n")
    .map((l) =>
      clean(
        l
          .replace(/\r+$/, "")
          .replace(/^[^]*\r/, "")
          .replaceAll("\t", "    "),
      ),
    );
  while (lines.at(-1)?.trim() === "") lines.pop();
  return lines;
}

/** 340 ms, 12.4 s, 3 min 05 s, 1 h 02 min */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1000) return `${whole} ms`;
  if (whole < 59_950) return `${(whole / 1000).toFixed(1)} s`;
  const seconds = Math.round(whole / 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** a, b and c; from `most` on: a, b, c and 9 more */
export function list(names: readonly string[], most = 4): string {
  if (names.length > most) return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)!}`;
}
