import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lab/fixture.mts";

const END = "<!-- end -->";

/** Writes what was measured into docs/reliability.md, between the marks of the command that made it. */
export function writeResult(command: string, text: string): void {
  const file = join(root, "docs/reliability.md");
  const page = readFileSync(file, "utf8");
  const begin = `<!-- made by ${command} -->`;
  const at = page.indexOf(begin);
  if (at < 0) throw new Error(`${file} has no ${begin}`);
  writeFileSync(file, `${page.slice(0, at + begin.length)}\n${text}\n${page.slice(page.indexOf(END, at))}`);
}

export const row = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
