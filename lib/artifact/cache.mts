import { createHash } from "node:crypto";
import { createReadStream, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** What is kept beside a program, so that a run with nothing to fetch reads a few hundred bytes and not 17 MB. */
export interface Entry {
  /** absolute path of the program: in the cache, or the user's own file */
  path: string;
  sha256: string;
  size: number;
  /** the program's stamp when it was last hashed */
  stamp: string;
  /** stamp of the user's file that it was made from, for `file` sources */
  originStamp?: string;
}

/** The folder in which programs are kept; SAMPAN_CACHE, else XDG_CACHE_HOME, say where. */
export function artifactCache(env: NodeJS.ProcessEnv = process.env): string {
  return join(env["SAMPAN_CACHE"] || join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "sampan"), "artifacts");
}

/** Changes whenever a file is written, replaced or touched: the change time can't be set back as the modification time can. */
export function stampOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat?.isFile() ? [stat.size, stat.mtimeNs, stat.ctimeNs, stat.ino].join(" ") : undefined;
}

export function readEntry(folder: string): Entry | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "entry.json"), "utf8")) as Entry;
  } catch {
    return undefined; // none, or cut short: made anew either way
  }
}

export function writeEntry(folder: string, entry: Entry): void {
  const staged = join(folder, `entry.${process.pid}.tmp`);
  writeFileSync(staged, `${JSON.stringify(entry, null, 2)}\n`);
  renameSync(staged, join(folder, "entry.json"));
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

export const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12);

/** Removes what killed runs left; an hour is longer than any download goes on. */
export function sweep(cacheDir: string): void {
  for (const name of readdirSync(cacheDir).filter((n) => n.includes(".part-"))) {
    const stat = statSync(join(cacheDir, name), { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > 3_600_000) rmSync(join(cacheDir, name), { recursive: true, force: true });
  }
}
