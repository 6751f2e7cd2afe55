import * as v from "valibot";
import { explain, type Fault } from "./issues.mts";
import { type Node, nodeAt, type Path, type Plain } from "./node.mts";
import { plain } from "./resolve.mts";

type Schema = v.GenericSchema<unknown, unknown>;

export interface Parsed {
  /** the values, if they could be read; those under `bad` paths are then defaults, good enough for the checks of the others */
  output?: unknown;
  faults: Fault[];
  bad: Path[];
}

/** Rounds of taking bad values out: each brings at most the issues that the last one hid. */
const ROUNDS = 4;

/**
 * Validates one host's tree. Bad values are taken out and the rest is validated again, so that one typing mistake
 * doesn't hide the others' meaning.
 * @param defaults the values below the inventory's own, which take the place of bad ones
 * @param known paths that are bad already and not to be spoken of
 */
export function parseHost(root: Node, defaults: () => Node, schema: Schema, known: readonly Path[]): Parsed {
  let base: Node | undefined;
  const without = (path: Path): void => takeOut(value, path, (base ??= defaults()));
  const value = plain(root) as Record<string, Plain>;
  const bad = [...known];
  const faults: Fault[] = [];
  for (const path of known) without(path);
  for (let round = 0; round < ROUNDS; round++) {
    const result = v.safeParse(schema, value);
    if (result.success) return { output: result.output, faults, bad };
    // Later rounds only see what the taking out itself brought about.
    const found = result.issues.map((issue) => explain(issue, root, schema)).filter((fault) => !bad.some((path) => related(path, fault.path)));
    if (round === 0 || found.length > 0) faults.push(...found);
    for (const issue of result.issues) {
      const path = (issue.path ?? []).map((item) => item.key as string | number);
      if (!bad.some((other) => same(other, path))) bad.push(path);
      without(round > 1 ? path.slice(0, 1) : path);
    }
  }
  return { faults, bad };
}

/** Removes a value, or puts the default in; below a list the whole top-level key goes, as the places of the others would shift. */
function takeOut(value: Record<string, Plain>, path: Path, base: Node): void {
  if (path.length === 0) return;
  const keys = path.some((key) => typeof key === "number") ? path.slice(0, 1) : path;
  let parent: Plain | undefined = value;
  for (const key of keys.slice(0, -1)) parent = parent !== null && typeof parent === "object" ? (parent as Record<string, Plain>)[key as string] : undefined;
  if (parent === null || typeof parent !== "object" || Array.isArray(parent)) return;
  const last = keys.at(-1) as string;
  const standby = nodeAt(base, keys);
  if (standby) parent[last] = plain(standby);
  else delete parent[last];
}

const same = (a: Path, b: Path): boolean => a.length === b.length && a.every((key, i) => key === b[i]);
/** One lies within the other. */
export const related = (a: Path, b: Path): boolean => a.every((key, i) => i >= b.length || key === b[i]);
