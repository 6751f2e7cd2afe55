import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../../lib/inventory/types.mts";

/** An empty inventory folder `…/hk` that is gone after the test, failed or not. */
export function inventoryFolder(t: { teardown(fn: () => void): void }): string {
  const base = mkdtempSync(join(tmpdir(), "sampan-pki-"));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  return mkdtempSync(join(base, "hk-"));
}

/** Every file below a folder with its bytes. */
export function contents(dir: string): Record<string, string> {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  return Object.fromEntries(names.map((e) => [join(e.path, e.name).slice(dir.length + 1), readFileSync(join(e.path, e.name), "utf8")]));
}

/** The lines of the UsageError that `work` must end with. */
export async function usageLines(work: () => unknown): Promise<readonly string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof UsageError) return error.lines;
    throw error;
  }
  throw new Error("there was no UsageError");
}
