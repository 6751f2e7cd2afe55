import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "./error.mts";
import { writeAtomically } from "./files.mts";
import { runtimeDir } from "./paths.mts";
import type { Suite } from "./rootfs.mts";

/** What can't be derived from names. Written before anything is made, so that whatever exists is accounted for. */
export interface RegionState {
  region: string;
  /** third number of the region's subnet */
  octet: number;
  hosts: string[];
  /** folders made for this region, which `down` removes */
  disks: string;
  inventory: string;
  /** packages of its hosts beyond a bare server's */
  packages?: string[];
  /** Debian's release on them; left out: that of the bare recipe */
  suite?: Suite;
}

const file = (region: string): string => join(runtimeDir, `${region}.json`);

export async function readState(region: string): Promise<RegionState | undefined> {
  try {
    return JSON.parse(await readFile(file(region), "utf8")) as RegionState;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

export async function writeState(state: RegionState): Promise<void> {
  await mkdir(runtimeDir, { recursive: true });
  await writeAtomically(file(state.region), `${JSON.stringify(state, null, 2)}\n`);
}

export const forgetState = (region: string): Promise<void> => rm(file(region), { force: true });

export async function allStates(): Promise<RegionState[]> {
  const names = (await readdir(runtimeDir).catch(() => [])).filter((name) => name.endsWith(".json"));
  const states = await Promise.all(names.map((name) => readState(name.slice(0, -".json".length))));
  return states.filter((state) => state !== undefined);
}
