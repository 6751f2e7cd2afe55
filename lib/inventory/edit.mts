import { closeSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { why } from "./files.mts";
import type { Origin } from "./node.mts";
import { place } from "./problems.mts";
import { UsageError } from "./types.mts";

/** A scalar of an inventory file that is to have another value. */
export interface Edit {
  at: Origin;
  current: string;
  desired: string;
}

/** What a plain or quoted scalar may look like where it begins; aliases, blocks and the like are none. */
const SCALAR = /^(?:"[^"\\\n]*"|'[^'\n]*'|[^\s#,[\]{}&*!|>'"%@`][^\s#,[\]{}]*)/;

/**
 * Puts another value in a scalar's place; all else of the file stays as it is, byte for byte: comments, quotes, line ends.
 * @returns the new text
 * @throws UsageError where there is no such scalar
 */
export function edited(text: string, { at, current, desired }: Edit): string {
  const lines = text.split("\n");
  const line = lines[(at.line ?? 0) - 1] ?? "";
  // A byte order mark is no column to an editor.
  const mark = at.line === 1 && line.startsWith("\uFEFF") ? 1 : 0;
  const start = (at.column ?? 1) - 1 + mark;
  const [found = ""] = SCALAR.exec(line.slice(start)) ?? [];
  const quote = /^["']/.exec(found)?.[0] ?? "";
  if (found === "" || found.slice(quote.length, found.length - quote.length) !== current) {
    throw new UsageError(`${place(at)}: ${JSON.stringify(current)} isn't written here as a word of its own; write ${desired} there yourself, and run again`);
  }
  lines[at.line! - 1] = `${line.slice(0, start)}${quote}${desired}${quote}${line.slice(start + found.length)}`;
  return lines.join("\n");
}

/** A line `key: value` at the end of a file that hasn't that key. */
export const appended = (text: string, key: string, value: string): string => `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${key}: ${value}\n`;

/**
 * Puts a file's new text in its place in one step: never half a file, whatever happens. A link stays a link, and the rights stay.
 * @throws UsageError when it can't be written
 */
export function replaceFile(file: string, text: string): void {
  let staged: string | undefined;
  try {
    const target = statSync(file, { throwIfNoEntry: false }) ? realpathSync(file) : file;
    const mode = statSync(target, { throwIfNoEntry: false })?.mode;
    staged = join(dirname(target), `.${basename(target)}.sampan.tmp`);
    const handle = openSync(staged, "w", mode === undefined ? 0o644 : mode & 0o777);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(staged, target);
  } catch (error) {
    if (staged) rmSync(staged, { force: true });
    throw new UsageError(
      `${place({ file })}: can't be written: ${(error as Error).message.replace(/^[A-Z]+: /, "").replace(/,.*/, "")}; make it writable, or edit it yourself`,
    );
  }
}

/** A file's text; empty when it isn't there. @throws UsageError when it can't be read */
export function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw new UsageError(`${place({ file })}: ${why(error)}`);
  }
}
