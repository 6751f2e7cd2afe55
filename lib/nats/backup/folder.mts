import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { hasEnded, ORIGIN } from "../../engine/lock.mts";
import { UsageError } from "../../inventory/types.mts";
import { MANIFEST, type Manifest, readManifest } from "./manifest.mts";

/** While it is written, a backup's folder has another name, and says in `owner` whose it is. */
const PARTIAL = ".partial",
  OWNER = "owner";
/** As `folderName` writes it. */
const NAMED = /^\d{4}-\d\d-\d\dT\d{6}Z$/;

/** `2026-11-22T174500Z` */
export const folderName = (at: Date): string => at.toISOString().replaceAll(":", "").replace(/\.\d+/, "");

/** A backup that is being written: it appears under its name when it is complete, or not at all. */
export class BackupFolder {
  readonly dir: string;
  readonly #partial: string;

  /** @throws UsageError when it can't be written there; what a run that was killed left is taken away */
  constructor(to: string) {
    this.dir = resolve(to);
    this.#partial = `${this.dir}${PARTIAL}`;
    free(this.dir);
    try {
      rmSync(this.#partial, { recursive: true, force: true });
      mkdirSync(this.#partial, { recursive: true, mode: 0o700 });
      writeFileSync(join(this.#partial, OWNER), ORIGIN, { mode: 0o600 });
    } catch (error) {
      throw new UsageError(`can't write to ${this.#partial}: ${(error as Error).message}; name another folder with --to`);
    }
  }

  path(file: string): string {
    return join(this.#partial, file);
  }

  complete(manifest: Manifest): void {
    const file = this.path(MANIFEST);
    writeFileSync(file, `${JSON.stringify(manifest, undefined, 1)}\n`, { mode: 0o600, flush: true });
    rmSync(this.path(OWNER));
    renameSync(this.#partial, this.dir);
    sync(dirname(this.dir));
  }

  /** Takes back a file, to write it anew. */
  discard(file: string): void {
    rmSync(this.path(file), { force: true });
  }

  abandon(): void {
    rmSync(this.#partial, { recursive: true, force: true });
  }
}

/** Whether a complete backup lies there. */
export const isComplete = (dir: string): boolean => existsSync(join(dir, MANIFEST));

/** Whether a backup may be written there. @throws UsageError */
export function free(to: string): void {
  const dir = resolve(to);
  if (existsSync(dir)) throw new UsageError(`${dir} is there already; a backup is never written over: name another folder with --to`);
  const owner = read(join(`${dir}${PARTIAL}`, OWNER));
  if (owner && !hasEnded(owner))
    throw new UsageError(`another run is writing ${dir}${PARTIAL} (process ${owner.split("/").at(-1)}); if none is, remove that folder`);
}

/** What `prune` did: folders that are gone, and those beyond the number that stay, with why. */
export interface Pruned {
  gone: string[];
  spared: { name: string; why: string }[];
}

/**
 * Takes away the oldest complete backups of a folder, so that `keep` are left with the one just written, and what killed runs left in
 * it. One that holds what the new one doesn't is never taken away.
 */
export function prune(parent: string, keep: number, written: string): Pruned {
  const names = readdirSync(parent).sort(),
    newest = readManifest(join(parent, written));
  const others = names.filter((n) => n !== written && NAMED.test(n) && isComplete(join(parent, n)));
  const judged = others.slice(0, Math.max(0, others.length + 1 - keep)).map((name) => ({ name, why: onlyThere(join(parent, name), newest) }));
  const gone = judged.filter(({ why }) => why === undefined).map(({ name }) => name);
  gone.push(...names.filter((n) => n.endsWith(PARTIAL) && NAMED.test(n.slice(0, -PARTIAL.length)) && hasEnded(read(join(parent, n, OWNER)))));
  for (const name of gone) {
    rmSync(join(parent, name, MANIFEST), { force: true });
    rmSync(join(parent, name), { recursive: true, force: true });
  }
  return { gone, spared: judged.flatMap(({ name, why }) => (why === undefined ? [] : [{ name, why }])) };
}

/** What a backup holds that a newer one doesn't: a stream that is gone since, or was made anew. Undefined: nothing */
function onlyThere(dir: string, newest: Manifest): string | undefined {
  let older: Manifest;
  try {
    older = readManifest(dir);
  } catch (error) {
    return (error as Error).message;
  }
  if (older.cluster !== newest.cluster) return `it is of cluster ${older.cluster}`;
  const only = older.streams.filter((o) => !newest.streams.some((n) => n.account === o.account && n.name === o.name && n.last >= o.last));
  return only.length === 0 ? undefined : `the new one hasn't all of ${only.map((s) => s.name).join(", ")}`;
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** A new name in a folder is safe from a power cut when the folder itself is on the disk. */
function sync(dir: string): void {
  const fd = openSync(dir, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
