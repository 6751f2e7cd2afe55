import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Test } from "tap";

/** Compares with test/report/golden/NAME; `UPDATE_GOLDEN=1` writes it anew, to be read before it is committed. */
export function golden(t: Test, name: string, text: string): void {
  const file = new URL(`golden/${name}`, import.meta.url);
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(file, text);
  t.equal(text, existsSync(file) ? readFileSync(file, "utf8") : "(no golden file)", `is as in golden/${name}`);
}
