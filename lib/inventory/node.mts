/** A place in a file, as an editor counts: from 1. Without a line: the file or option as a whole. */
export interface Origin {
  file: string;
  line?: number;
  column?: number;
}

interface Base {
  at: Origin;
}
export interface ScalarNode extends Base {
  kind: "scalar";
  value: string | number | boolean | null;
  /** as the user wrote it */
  source: string;
}
export interface ListNode extends Base {
  kind: "list";
  items: Node[];
}
export interface MapNode extends Base {
  kind: "map";
  entries: Map<string, Entry>;
}
/** `at` is the place of the key, `node` has that of the value. */
export interface Entry {
  at: Origin;
  node: Node;
}
/** What a file holds, every value with its place. */
export type Node = ScalarNode | ListNode | MapNode;

export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };
export type Path = readonly (string | number)[];

export const emptyMap = (at: Origin): MapNode => ({ kind: "map", at, entries: new Map() });

/** Mappings merge deeply; lists and scalars of the later layer replace. Neither argument is changed. */
export function merge(low: Node, high: Node): Node {
  if (low.kind !== "map" || high.kind !== "map") return high;
  const entries = new Map(low.entries);
  for (const [key, entry] of high.entries) {
    const below = entries.get(key);
    entries.set(key, below ? { at: entry.at, node: merge(below.node, entry.node) } : entry);
  }
  return { kind: "map", at: high.at, entries };
}

/** Builds the tree of a value that stands in no file (defaults). */
export function fromPlain(value: Plain, at: Origin): Node {
  if (Array.isArray(value)) return { kind: "list", at, items: value.map((item) => fromPlain(item, at)) };
  if (value === null || typeof value !== "object") return { kind: "scalar", at, value, source: JSON.stringify(value) };
  return { kind: "map", at, entries: new Map(Object.entries(value).map(([key, child]) => [key, { at, node: fromPlain(child, at) }])) };
}

/** The node at a path, or undefined. */
export function nodeAt(root: Node, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const key of path) node = node?.kind === "map" ? node.entries.get(String(key))?.node : node?.kind === "list" ? node.items[Number(key)] : undefined;
  return node;
}

/** Where a path was set: the value of a scalar, the key of anything else; for what nobody wrote, the nearest that is there. */
export function originAt(root: Node, path: Path, part: "key" | "value" = "value"): Origin {
  let at = root.at;
  let node: Node | undefined = root;
  for (const key of path) {
    const entry: Entry | undefined = node?.kind === "map" ? node.entries.get(String(key)) : undefined;
    const item: Node | undefined = node?.kind === "list" ? node.items[Number(key)] : entry?.node;
    if (!item) return at;
    at = entry && (part === "key" || item.kind !== "scalar" || item.value === null) ? entry.at : item.at;
    node = item;
  }
  return at;
}

export const showPath = (path: Path): string =>
  path.reduce<string>((text, key) => (typeof key === "number" ? `${text}[${key}]` : text ? `${text}.${key}` : key), "");
