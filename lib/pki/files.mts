import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fchownSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { UsageError } from "../inventory/types.mts";

/** The text of a file, or undefined when there is none. @throws UsageError when it is there and can't be read */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new UsageError(`${path}: can't be read (${codeOf(error)}); make it a file that you can read`);
  }
}

/** As readIfThere, for what only its owner may see. @throws UsageError when the file's mode lets others at it */
export function readPrivate(path: string): string | undefined {
  const text = readIfThere(path);
  if (text !== undefined && statSync(path).mode & 0o077) throw new UsageError(`${path}: holds a secret and others may read it; run: chmod 600 ${path}`);
  return text;
}

/** Puts a whole file in place at once. It has its final mode before it holds a byte. */
export function replaceFile(path: string, text: string, mode: number, owner?: { uid: number; gid: number }): void {
  const staged = stage(path, text, mode, owner);
  try {
    renameSync(staged, path);
  } catch (error) {
    unlinkSync(staged);
    throw error;
  }
}

/**
 * Puts a whole file in place unless there is one already; of several runs at once exactly one wins.
 * @returns what the file holds now: the given text or the winner's
 */
export function createFile(path: string, text: string, mode: number): string {
  const staged = stage(path, text, mode);
  try {
    linkSync(staged, path);
    return text;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return readFileSync(path, "utf8");
    throw error;
  } finally {
    unlinkSync(staged);
  }
}

function stage(path: string, text: string, mode: number, owner?: { uid: number; gid: number }): string {
  const staged = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.tmp`;
  const fd = openSync(staged, "wx", mode);
  try {
    fchmodSync(fd, mode); // a umask may have taken bits away
    writeFileSync(fd, text);
    if (owner && process.getuid?.() === 0) fchownSync(fd, owner.uid, owner.gid); // under sudo the file stays the user's
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return staged;
}

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
