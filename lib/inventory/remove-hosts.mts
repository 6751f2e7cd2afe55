import { accessSync, constants, existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { replaceFile } from "./edit.mts";
import { locate } from "./files.mts";
import { shown } from "./problems.mts";
import { UsageError } from "./types.mts";

/** What taking hosts out of an inventory's files comes to. */
export interface Removal {
  /** hosts.yml, or hosts.yaml */
  file: string;
  /** its text without them */
  text: string;
  /** by host: the lines that go, counted from 1 */
  lines: ReadonlyMap<string, readonly number[]>;
  /** files of host_vars that would speak of nobody: they get another name */
  vars: readonly string[];
}

/**
 * Plans to take hosts out of hosts.yml; everything else in it stays as it is, comments too. Writes nothing.
 * @throws UsageError when a host isn't written on lines of its own, or the file can't be written
 */
export function planRemoval(dir: string, names: readonly string[]): Removal {
  const { hostsFile: file } = locate(dir);
  const before = readFileSync(file, "utf8");
  try {
    accessSync(file, constants.W_OK);
  } catch {
    throw new UsageError(`${shown(file)}: can't be written, and ${names.join(", ")} must go out of it; run as its owner`);
  }
  const rows = before.split("\n");
  const lines = new Map<string, number[]>();
  const gone = new Set<number>();
  for (const { name, pair, flow } of hostPairs(before)) {
    if (!names.includes(name)) continue;
    const [start, end] = span(pair);
    const first = lineOf(before, start),
      last = lineOf(before, Math.max(start, end - 1));
    const alone = !flow && rows[first]!.slice(0, start - lineStart(before, start)).trim() === "";
    if (!alone)
      throw new UsageError(
        `${shown(file)}:${first + 1}: ${name} shares its line with others, so it can't be taken out here; write each host on lines of its own, then run again`,
      );
    for (let line = first; line <= last; line++) {
      gone.add(line);
      lines.set(name, [...(lines.get(name) ?? []), line + 1]);
    }
  }
  const text = rows.filter((_, i) => !gone.has(i)).join("\n");
  const left = (of: string): string =>
    JSON.stringify(
      hostPairs(of)
        .map((h) => h.name)
        .filter((name) => !names.includes(name)),
    );
  if (left(text) !== left(before) || hostPairs(text).some((h) => names.includes(h.name))) {
    throw new UsageError(
      `${shown(file)}: ${names.join(", ")} can't be taken out without touching others; delete them by hand when they have left, or write each host on lines of its own`,
    );
  }
  const vars = names.flatMap((name) => [name, `${name}.yml`, `${name}.yaml`].map((entry) => join(dir, "host_vars", entry)).filter((path) => existsSync(path)));
  return { file, text, lines, vars };
}

/** Carries a plan out: hosts.yml in one step, then the host_vars of the hosts that went (kept as NAME.bak, which is not read). */
export function applyRemoval({ file, text, vars }: Removal): void {
  replaceFile(file, text);
  for (const path of vars) renameSync(path, `${path}.bak`);
}

/** Every host of every group, however deep, with the pair that names it. */
function hostPairs(text: string): { name: string; pair: Pair; flow: boolean }[] {
  const found: { name: string; pair: Pair; flow: boolean }[] = [];
  const groups = (map: unknown): void => {
    if (!isMap(map)) return;
    for (const { value } of map.items) group(value);
  };
  const group = (map: unknown): void => {
    if (!isMap(map)) return;
    const hosts = map.get("hosts", true) as unknown;
    if (isMap(hosts))
      for (const pair of (hosts as YAMLMap).items)
        if (isScalar(pair.key)) found.push({ name: String(pair.key.value), pair, flow: (hosts as YAMLMap).flow === true });
    groups(map.get("children", true));
  };
  groups(parseDocument(text).contents);
  return found;
}

/** Offsets of a pair: from its key to the end of its value. */
function span({ key, value }: Pair): [number, number] {
  const [start] = (key as { range: [number, number, number] }).range;
  const range = (value as { range?: [number, number, number] } | null)?.range;
  const end = range ? range[1] : (key as { range: [number, number, number] }).range[1];
  return [start, Math.max(end, (key as { range: [number, number, number] }).range[1])];
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;
const lineOf = (text: string, offset: number): number => text.slice(0, offset).split("\n").length - 1;
