import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { emptyMap, type MapNode, merge } from "./node.mts";
import { type Problems, shown } from "./problems.mts";
import { nearest } from "./suggest.mts";
import { UsageError } from "./types.mts";
import { parseFile } from "./yaml.mts";

/** No inventory comes near; a file this large was named by mistake. */
const LARGEST = 4 * 1024 * 1024;

const REASONS: Record<string, string> = {
  EACCES: "can't be read: permission denied; run as its owner or change its mode",
  EISDIR: "is a folder where a file belongs; rename it",
  ELOOP: "is a link that leads nowhere; mend it",
  ENOENT: "is a link that leads nowhere; mend it",
  ENOTDIR: "is a file where a folder belongs; rename it",
};
export const why = (error: unknown): string => REASONS[(error as NodeJS.ErrnoException).code ?? ""] ?? `can't be read: ${(error as Error).message}; mend it`;

/** Reads one YAML file; what is wrong with it goes to `problems`. */
export function readYaml(file: string, problems: Problems): MapNode {
  try {
    const { size } = statSync(file);
    if (size > LARGEST) {
      problems.add({ file }, "is larger than 4 MB; this is no inventory file");
      return emptyMap({ file });
    }
    return parseFile(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(file)), file, problems);
  } catch (error) {
    problems.add(
      { file },
      error instanceof TypeError ? "is not UTF-8 text; save it as UTF-8" : error instanceof RangeError ? "is nested too deeply; flatten it" : why(error),
    );
    return emptyMap({ file });
  }
}

/** The inventory's folder, absolute, and its hosts.yml. @throws UsageError in one line */
export function locate(dir: string): { dir: string; hostsFile: string } {
  if (dir === "") throw new UsageError(`-i "": names no folder; name the one that holds hosts.yml`);
  const absolute = resolve(dir);
  const kind = statSync(absolute, { throwIfNoEntry: false });
  if (!kind) {
    if (/^lab(-|$)/.test(basename(absolute))) throw new UsageError(`-i ${dir}: no such folder; ./playbooks/lab.mts up makes it`);
    const guess = nearest(basename(absolute), foldersIn(dirname(absolute)));
    throw new UsageError(
      `-i ${dir}: no such folder; ${guess ? `did you mean ${shown(join(dirname(absolute), guess))}?` : "name the folder that holds hosts.yml"}`,
    );
  }
  if (!kind.isDirectory()) throw new UsageError(`-i ${dir}: is a file; name the folder that holds it: -i ${shown(dirname(absolute))}`);
  const found = ["hosts.yml", "hosts.yaml"].map((name) => join(absolute, name)).filter((file) => statSync(file, { throwIfNoEntry: false }));
  if (found.length === 0) throw new UsageError(`-i ${dir}: has no hosts.yml; write one (inventory/hk/hosts.yml is an example)`);
  if (found.length === 2) throw new UsageError(`-i ${dir}: has both hosts.yml and hosts.yaml; remove one`);
  return { dir: absolute, hostsFile: found[0]! };
}

const foldersIn = (dir: string): string[] => {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
};

/**
 * `group_vars` or `host_vars`: NAME.yml, NAME.yaml, NAME, or a folder NAME of such files (merged in their alphabetical order).
 * @param known names that hosts.yml has: a file for any other is the user's slip
 */
export function readVars(dir: string, noun: "group" | "host", known: readonly string[], problems: Problems, warnings: Problems): Map<string, MapNode> {
  const vars = new Map<string, MapNode>();
  for (const { name, path, folder } of list(join(dir, `${noun}_vars`), problems)) {
    // NAME may have dots itself, as host names do.
    const owner = known.includes(name) ? name : name.replace(/\.ya?ml$/, "");
    if (!folder && owner === name && /\.\w+$/.test(name) && !known.includes(name)) {
      warnings.add({ file: path }, `is not read; name it after a ${noun}, with .yml`);
      continue;
    }
    if (!known.includes(owner)) {
      const guess = nearest(owner, known);
      problems.add({ file: path }, `hosts.yml has no ${noun} "${owner}"; ${guess ? `did you mean "${guess}"?` : `rename it, or add the ${noun}`}`);
      continue;
    }
    const files = folder
      ? list(path, problems)
          .filter((entry) => !entry.folder && /\.ya?ml$/.test(entry.name))
          .map((entry) => entry.path)
      : [path];
    for (const file of files) {
      const read = readYaml(file, problems);
      vars.set(owner, vars.has(owner) ? (merge(vars.get(owner)!, read) as MapNode) : read);
    }
  }
  return vars;
}

/** Without hidden files and what editors leave behind. */
function list(dir: string, problems: Problems): { name: string; path: string; folder: boolean }[] {
  try {
    return readdirSync(dir)
      .filter((name) => !/^\.|~$|\.(swp|bak|orig|rej|tmp)$/.test(name))
      .sort()
      .map((name) => ({ name, path: join(dir, name), folder: statSync(join(dir, name), { throwIfNoEntry: false })?.isDirectory() ?? false }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") problems.add({ file: dir }, why(error));
    return [];
  }
}
