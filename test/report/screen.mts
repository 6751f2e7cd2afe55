import type { Out } from "../../lib/report/reporter.mts";
import { width } from "../../lib/report/text.mts";

/** As much of a terminal as the live display uses: text with wrapping, cursor up, erasing, the cursor's visibility. Throws on anything else. */
export class Screen implements Out {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  raw = "";
  writes = 0;
  cursorShown = true;
  /** all lines ever, the scrolled ones too */
  private lines: string[][] = [[]];
  private row = 0;
  private column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    this.raw += text;
    this.writes++;
    for (const [token] of text.matchAll(/\x1b\[[?]?[\d;]*[A-Za-z]|[\s\S]/gu)) this.token(token);
  }

  on(): void {}
  off(): void {}

  text(): string {
    return this.lines
      .map((l) =>
        Array.from(l, (c) => c ?? " ")
          .join("")
          .trimEnd(),
      )
      .join("\n")
      .trimEnd();
  }

  private token(token: string): void {
    if (token === "\r") this.column = 0;
    else if (token === "\n") {
      this.row++;
      this.column = 0;
      this.lines[this.row] ??= [];
    } else if (!token.startsWith("\x1b")) this.put(token);
    else if (/m$/.test(token) || /\?2026[hl]$/.test(token)) return;
    else if (/\?25[hl]$/.test(token)) this.cursorShown = token.endsWith("h");
    else if (token.endsWith("A")) this.up(Number(token.slice(2, -1)));
    else if (token === "\x1b[K") this.lines[this.row]!.length = Math.min(this.lines[this.row]!.length, this.column);
    else if (token === "\x1b[J") {
      this.lines.length = this.row + 1;
      this.lines[this.row]!.length = Math.min(this.lines[this.row]!.length, this.column);
    } else throw new Error(`the screen doesn't know ${JSON.stringify(token)}`);
  }

  private up(n: number): void {
    const top = Math.max(0, this.lines.length - this.rows);
    if (this.row - n < top) throw new Error(`cursor up ${n} leaves the screen`);
    this.row -= n;
  }

  private put(char: string): void {
    const cells = width(char);
    if (this.column + cells > this.columns) {
      this.row++;
      this.column = 0;
      this.lines[this.row] ??= [];
    }
    this.lines[this.row]![this.column] = char;
    this.column += cells;
  }
}

/** A pipe that remembers. */
export class Pipe implements Out {
  text = "";
  write(text: string): void {
    this.text += text;
  }
}
