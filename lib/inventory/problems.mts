import { relative } from "node:path";
import type { Origin } from "./node.mts";

/** `inventory/hk/hosts.yml:3:5`, relative to where the user stands. */
export function place({ file, line, column }: Origin): string {
  return [shown(file), line, column].filter((part) => part !== undefined).join(":");
}

/** Paths are absolute inside; `-e port=1` and the like are no paths. */
export const shown = (file: string): string => (file.startsWith("/") ? relative(process.cwd(), file) || "." : file);

/** Collects what is wrong, each once, in the order of files and lines. */
export class Problems {
  readonly #lines = new Map<string, Origin>();
  add(at: Origin, text: string): void {
    this.#lines.set(`${place(at)}: ${text}`.replace(/[\0-\x1f\x7f-\x9f]/g, escaped), at);
  }
  addAll(other: Problems): void {
    for (const [line, at] of other.#lines) this.#lines.set(line, at);
  }
  get size(): number {
    return this.#lines.size;
  }
  lines(): string[] {
    return [...this.#lines]
      .sort(
        ([textA, a], [textB, b]) =>
          rank(a) - rank(b) || compare(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || compare(textA, textB),
      )
      .map(([text]) => text);
  }
}

/** Names and values may hold anything; a problem stays one line, and harmless to a terminal. */
const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const rank = ({ file }: Origin): number => (file.startsWith("/") ? 0 : 1);
