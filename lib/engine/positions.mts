import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { fileURLToPath } from "node:url";
import type { Location } from "./resource.mts";

/** A bundle's map, read when the first position in it is asked for; undefined where a file has none. */
const maps = new Map<string, { map: SourceMap; root: string } | undefined>();

function mapOf(file: string): { map: SourceMap; root: string } | undefined {
  if (!maps.has(file)) {
    try {
      const payload = JSON.parse(readFileSync(`${file}.map`, "utf8")) as SourceMapPayload;
      maps.set(file, { map: new SourceMap(payload), root: payload.sourceRoot });
    } catch {
      maps.set(file, undefined);
    }
  }
  return maps.get(file);
}

/** Where a position of a stack trace stands in the sources. Node's own --enable-source-maps reads all maps at every start, which costs 20 ms. */
function sourcePosition(file: string, line: number, column: number): Location {
  const found = mapOf(file);
  const entry = found?.map.findEntry(line - 1, column - 1);
  return found && entry && "originalSource" in entry
    ? { file: fileURLToPath(new URL(entry.originalSource, found.root)), line: entry.originalLine + 1 }
    : { file, line };
}

/** A position in a line of a stack trace. */
const POSITION = /(?:file:\/\/)?(\/[^():]+):(\d+):(\d+)(?=\)?$)/;

/** The position that a line of a stack trace names, in the sources. */
export function positionIn(line: string): Location | undefined {
  const [, file, row, column] = POSITION.exec(line) ?? [];
  return file === undefined ? undefined : sourcePosition(file, Number(row), Number(column));
}

/** A stack trace with the positions of the sources. */
export const sourceStack = (stack: string): string =>
  stack
    .split("\n")
    .map((line) => {
      const at = positionIn(line);
      return at ? line.replace(POSITION, `${at.file}:${at.line}`) : line;
    })
    .join("\n");
