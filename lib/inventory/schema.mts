import type { Meta } from "./fields.mts";
import type { Path } from "./node.mts";

/** What of a valibot schema is looked at here; pipes and `optional` are seen through. */
export interface View {
  type: string;
  entries?: Record<string, unknown>;
  item?: unknown;
  value?: unknown;
  wrapped?: unknown;
  default?: unknown;
  pipe?: readonly { type: string; metadata?: Meta; description?: string }[];
}

export const view = (schema: unknown): View => schema as View;

/** The schema without `optional` around it. */
export function inner(schema: unknown): View {
  let it = view(schema);
  while (it.wrapped) it = view(it.wrapped);
  return it;
}

/** Everything the schema says of itself, the outermost first. */
export function metaOf(schema: unknown): Meta & { description?: string } {
  let found = known.get(schema as object);
  if (!found) {
    collect(view(schema), (found = {}));
    known.set(schema as object, found);
  }
  return found;
}

/** Asked for every value of every host. */
const known = new WeakMap<object, Meta & { description?: string }>();

function collect(it: View, found: Meta & { description?: string }): void {
  const [first, ...actions] = it.pipe ?? [];
  for (const action of actions) {
    if (action.type === "metadata") Object.assign(found, { ...action.metadata, ...found });
    if (action.type === "description") found.description ??= action.description;
  }
  if (first && (first as View).pipe) collect(first as View, found);
  if (it.wrapped) collect(view(it.wrapped), found);
}

/** The schema at a path of keys and list indices, or undefined. */
export function schemaAt(root: unknown, path: Path): View | undefined {
  let it: View | undefined = inner(root);
  for (const key of path) {
    const next: unknown = typeof key === "number" ? it.item : (it.entries?.[key] ?? it.value);
    if (!next) return undefined;
    it = inner(next);
  }
  return it;
}

/**
 * Splits `-e`'s dotted key; below a mapping with free keys the rest is one key, as in sysctl.net.core.somaxconn.
 */
export function splitKey(root: unknown, dotted: string): string[] {
  const words = dotted.split(".");
  const path: string[] = [];
  let it: View | undefined = inner(root);
  while (words.length > 0) {
    if (it?.type === "record") return [...path, words.join(".")];
    const word = words.shift()!;
    path.push(word);
    const next: unknown = it?.entries?.[word];
    it = next ? inner(next) : undefined;
  }
  return path;
}

/** Dotted paths of all keys that stand in no list, for suggestions across levels. */
export function* keyPaths(schema: unknown, prefix = ""): Generator<string> {
  for (const [key, child] of Object.entries(inner(schema).entries ?? {})) {
    yield prefix + key;
    yield* keyPaths(child, `${prefix}${key}.`);
  }
}
