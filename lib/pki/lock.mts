import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { UsageError } from "../inventory/types.mts";
import { codeOf } from "./files.mts";

/** What is done under the lock takes milliseconds: one this old was left behind by a run that was killed. */
const STALE_MS = 5_000;

/** Runs `work` while no other process does the same for this path. */
export function locked<T>(path: string, work: () => T): T {
  const lock = `${path}.lock.tmp`;
  while (!taken(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    closeSync(openSync(lock, "wx", 0o600));
    return true;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw new UsageError(`${lock}: can't be written (${codeOf(error)}); make its folder writable`);
  }
  const held = statSync(lock, { throwIfNoEntry: false }); // undefined: its holder has just finished
  if (held && Date.now() - held.mtimeMs > STALE_MS) rmSync(lock, { force: true });
  return false;
}
