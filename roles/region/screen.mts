import { PLAIN, style, wantsColour, wantsUnicode } from "../../lib/report/style.mts";
import { tableLines } from "../../lib/report/table.mts";

export const say = (line: string): boolean => process.stdout.write(`${line}\n`);

/** A table on stdout, as wide as its terminal. */
export function show(title: string, columns: string[], rows: string[][]): void {
  const look = process.stdout.isTTY ? style({ colour: wantsColour(process.env, true), unicode: wantsUnicode(process.env) }) : PLAIN;
  say(tableLines({ type: "table", at: 0, title, columns, rows }, look, process.stdout.columns ?? 0).join("\n"));
}
