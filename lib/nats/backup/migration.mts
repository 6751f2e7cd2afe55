import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../inventory/types.mts";
import type { StreamInfo } from "../jetstream/api.mts";
import { folderName } from "./folder.mts";

/** How far a migration has come; it stands beside the backup of the old server. Streams themselves tell the rest. */
export interface MigrationState {
  /** `host:port` of the old server */
  source: string;
  /**
   * `open`: nothing is saved, some streams may be closed to publishers. `saved`: all are closed and saved. `stopping` (in place): from here on
   * the old server may be gone. `restoring`: from here on the cluster may have taken messages. `done`: it has all.
   */
  stage: "open" | "saved" | "stopping" | "restoring" | "done";
  /** each stream's configuration before it was closed */
  configs: Record<string, StreamInfo["config"]>;
}

const FILE = "migration.json";

/** Undefined when none was begun there. @throws UsageError when it is of another server */
export function readState(dir: string, source: string): MigrationState | undefined {
  let state: MigrationState;
  try {
    state = JSON.parse(readFileSync(join(dir, FILE), "utf8")) as MigrationState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UsageError(`${join(dir, FILE)} can't be read: ${(error as Error).message}`);
  }
  if (state.source !== source) throw new UsageError(`${dir} is of a migration from ${state.source}, not ${source}; name another folder with --to`);
  return state;
}

export function writeState(dir: string, state: MigrationState): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, FILE);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(state, undefined, 1)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.tmp`, file);
}

/** What is written from now on isn't in it: out of the way, but kept. */
export const giveUp = (dir: string): void => renameSync(dir, `${dir}-given-up-${folderName(new Date())}`);
