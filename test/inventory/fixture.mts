import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Test } from "tap";
import type { LoadedInventory, LoadOptions, Missing } from "../../lib/inventory/load.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { loadInventory } from "../../roles/inventory.mts";
import type { Vars } from "../../roles/schema.mts";

export const HOSTS = "nats:\n  hosts:\n    n1: { address: 10.0.0.1 }\n    n2: { address: 10.0.0.2 }\n    n3: { address: 10.0.0.3 }\n";

export type Files = Record<string, string | Uint8Array>;

/** Writes a folder named `inv`, hands it over and removes it whatever happens. */
export function withInventory<T>(files: Files, use: (dir: string) => T): T {
  const parent = mkdtempSync(join(tmpdir(), "sampan-inventory-"));
  try {
    const dir = join(parent, "inv");
    mkdirSync(dir);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileSync(join(dir, name), text, { mode: 0o600 });
    }
    return use(dir);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** Valid by their look, different by name. */
export const generate = (missing: readonly Missing[]): Record<string, string> =>
  Object.fromEntries(missing.map(({ name, kind }, i) => [name, kind === "nkey" ? `SU${"ABCDEFGH"[i]!.repeat(56)}` : `made-for-${name}`]));

/** Loads a folder of files; three hosts unless `hosts.yml` is given. */
export const load = (files: Files, options: LoadOptions = { generate }): LoadedInventory<Vars> =>
  withInventory({ "hosts.yml": HOSTS, ...files }, (dir) => loadInventory(dir, options));

/** The lines that a user would read, with `inv` for the folder's path. */
export function faults(files: Files, options: LoadOptions = { generate }): string[] {
  return withInventory({ "hosts.yml": HOSTS, ...files }, (dir) => {
    try {
      loadInventory(dir, options);
      return [];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return error.lines.map((line) => line.replaceAll(relative(process.cwd(), dir), "inv").replaceAll(dir, "inv"));
    }
  });
}

export const warnings = (files: Files): string[] =>
  withInventory({ "hosts.yml": HOSTS, ...files }, (dir) =>
    loadInventory(dir, { generate }).warnings.map((line) => line.replaceAll(relative(process.cwd(), dir), "inv")),
  );

export const ALL = "group_vars/all.yml",
  HOSTS_FILE = "hosts.yml";
/** What it shows, the files that differ from a valid inventory, and the lines a user must read, without the folder. */
export type Case = [what: string, files: Files, lines: string[]];

/** One test per row. */
export function table(t: Test, cases: readonly Case[]): void {
  for (const [what, files, lines] of cases)
    t.test(what, async (t) =>
      t.strictSame(
        faults(files),
        lines.map((line) => `inv/${line}`),
      ),
    );
}
