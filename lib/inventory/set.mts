import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { appended, type Edit, edited, replaceFile, textOf } from "./edit.mts";
import type { LoadedInventory } from "./load.mts";
import { Problems, place, shown } from "./problems.mts";
import { UsageError } from "./types.mts";
import { parseFile } from "./yaml.mts";

/** A file of the inventory that is to have another text. */
export interface FileChange {
  file: string;
  /** `inventory/hk/group_vars/nats.yml:4: nats_version 2.10.27 → 2.15.1`, one for each place */
  says: string[];
  before: string;
  after: string;
}

/**
 * What has to be written so that all hosts have one value: wherever it stands now, and where none of a host's files has it, in
 * group_vars/all. Nothing is written yet.
 * @returns none when all say so already
 * @throws UsageError where the value isn't one of a file
 */
export function changesFor(inventory: LoadedInventory<unknown>, key: string, value: string): FileChange[] {
  const edits = new Map<string, Edit>();
  let unwritten = false;
  for (const host of inventory.hosts) {
    const written = inventory.writtenAt(host.name, [key]);
    if (!written) {
      unwritten = true;
      continue;
    }
    const { at, source } = written;
    if (!at.file.startsWith(`${inventory.dir}/`)) throw new UsageError(`${key} is given by ${shown(at.file)}; leave that out`);
    if (source.includes("${"))
      throw new UsageError(`${place(at)}: ${key} is ${source}; give that variable the value ${value} where it is set (.env), and run again`);
    if (source !== value) edits.set(place(at), { at, current: source, desired: value });
  }
  const changes = new Map<string, FileChange>();
  const of = (file: string): FileChange => {
    if (!changes.has(file)) {
      const before = textOf(file);
      changes.set(file, { file, says: [], before, after: before });
    }
    return changes.get(file)!;
  };
  // From the end: an edit moves what comes after it on its line.
  for (const edit of [...edits.values()].sort((a, b) => (b.at.line ?? 0) - (a.at.line ?? 0) || (b.at.column ?? 0) - (a.at.column ?? 0))) {
    const change = of(edit.at.file);
    change.after = edited(change.after, edit);
    change.says.unshift(`${shown(edit.at.file)}:${edit.at.line}: ${key} ${edit.current} → ${value}`);
  }
  if (unwritten) {
    const change = of(forAll(inventory.dir));
    change.after = appended(change.after, key, value);
    change.says.push(`${shown(change.file)}:${change.after.split("\n").length - 1}: ${key} ${value}, which stood nowhere`);
  }
  for (const change of changes.values()) {
    const problems = new Problems();
    parseFile(change.after, change.file, problems);
    if (problems.size) throw new UsageError(`${shown(change.file)}: ${key}: ${value} can't be written there; write it yourself, and run again`);
  }
  return [...changes.values()];
}

/** Writes them, each file in one step. @throws UsageError when a file can't be written */
export function write(changes: readonly FileChange[]): void {
  for (const { file, after } of changes) {
    mkdirSync(dirname(file), { recursive: true });
    replaceFile(file, after);
  }
}

/** The file of all hosts' variables, as readVars looks for it. */
function forAll(dir: string): string {
  const all = join(dir, "group_vars/all");
  const there = [`${all}.yml`, `${all}.yaml`, all].find((path) => statSync(path, { throwIfNoEntry: false }));
  if (there === all && statSync(all).isDirectory()) return join(all, "zz-set-by-sampan.yml");
  return there ?? `${all}.yml`;
}
