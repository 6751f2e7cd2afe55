import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node as YamlNode } from "yaml";
import { type Entry, emptyMap, type MapNode, type Node, type Origin } from "./node.mts";
import type { Problems } from "./problems.mts";

/** Keys that would reach into JavaScript's objects instead of being data. */
const UNSAFE = new Set(["__proto__", "constructor", "prototype"]);
/** Far beyond any inventory; guards the parser's recursion. */
const DEEPEST = 60;

/** In our words where YAML's own would puzzle; by `yaml`'s error codes. */
const SENTENCES: Record<string, string> = {
  TAB_AS_INDENT: "a tab as indentation; YAML wants spaces",
  DUPLICATE_KEY: "the same key twice in one mapping; keep one of them",
  BAD_INDENT: "wrong indentation; line it up with the keys of the same mapping",
  MULTIPLE_DOCS: "a second document begins here; an inventory file holds one, remove the ---",
  MISSING_CHAR: "something is missing here: a quote, bracket or comma, or the space after a colon; add it",
  BLOCK_AS_IMPLICIT_KEY: "a mapping can't begin on the line of another key; put it on the next line, indented, or the value in quotes",
  MULTILINE_IMPLICIT_KEY: "a key without its colon, or a value that runs on; add the colon, or quotes around the value",
  KEY_OVER_1024_CHARS: "a key of more than 1024 characters; a quote or colon is missing",
  BAD_ALIAS: "aliases (*name) are not supported; write the value out, or move it to a group's variables",
  TAG_RESOLVE_FAILED: "tags (!name) are not supported; write the value itself, and secrets as ${NAME} with the value in .env",
};

/** Reads one value as `-e` gives it. */
export const parseValue = (text: string, at: Origin, problems: Problems): Node | undefined => parse(text, () => at, problems);

/** Reads a file's text; an empty file is an empty mapping. Problems go where they belong, and what could be read is returned. */
export function parseFile(text: string, file: string, problems: Problems): MapNode {
  const lines = new LineCounter();
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const node = parse(text.replace(/^\uFEFF/, ""), at, problems, lines);
  if (!node || (node.kind === "scalar" && node.value === null)) return emptyMap({ file, line: 1, column: 1 });
  if (node.kind === "map") return node;
  problems.add(node.at, "the file is not a mapping; write lines of the form key: value");
  return emptyMap(node.at);
}

function parse(text: string, at: (offset: number) => Origin, problems: Problems, lineCounter?: LineCounter): Node | undefined {
  if (nesting(text) > DEEPEST) return void problems.add(at(0), `more than ${DEEPEST} levels of nesting; close the brackets`);
  const document = parseDocument(text, { prettyErrors: false, logLevel: "error", ...(lineCounter && { lineCounter }) });
  const faults = [...document.errors, ...document.warnings];
  for (const { code, message, pos } of faults)
    problems.add(
      at(pos[0]),
      SENTENCES[code === "BAD_INDENT" && message.startsWith("Flow") ? "MISSING_CHAR" : code] ??
        `not valid YAML: ${message.split("\n")[0]!.replace(/[.;]$/, "")}; mend the line`,
    );
  // A tree with holes would only bring follow-up errors.
  if (faults.length > 0 || !document.contents) return undefined;
  return convert(document.contents, at, problems);
}

/** Depth of brackets and of indentation, roughly and from above. */
function nesting(text: string): number {
  let depth = 0,
    most = 0;
  for (const char of text) {
    if (char === "[" || char === "{") most = Math.max(most, ++depth);
    else if (char === "]" || char === "}") depth = Math.max(0, depth - 1);
  }
  const levels = new Set([...text.matchAll(/^( *)(?=[^\s])/gm)].map(([, spaces]) => spaces!.length)).size;
  const inline = Math.max(0, ...[...text.matchAll(/^[ ]*((?:[-?:] +)+)/gm)].map(([, marks]) => marks!.replaceAll(" ", "").length));
  return Math.max(most, levels + inline);
}

function convert(node: YamlNode, at: (offset: number) => Origin, problems: Problems): Node | undefined {
  const here = at(node.range?.[0] ?? 0);
  if (isAlias(node)) return void problems.add(here, SENTENCES.BAD_ALIAS!);
  if (isSeq(node)) {
    const items = node.items.map((item) => (item ? convert(item as YamlNode, at, problems) : undefined));
    return { kind: "list", at: here, items: items.filter((item) => item !== undefined) };
  }
  if (isMap(node)) {
    const entries = new Map<string, Entry>();
    for (const { key, value } of node.items) {
      const keyAt = at((key as YamlNode | null)?.range?.[0] ?? node.range?.[0] ?? 0);
      if (!isScalar(key) || key.value === null || typeof key.value === "object") {
        problems.add(keyAt, "a key that is no word; write key: value, with the key in quotes if it has special characters");
        continue;
      }
      // `2.10:` is a number to YAML; the user's spelling is the key.
      const name = typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
      if (name === "<<") {
        problems.add(keyAt, "merge keys (<<) are not supported; move the common part to a group's variables");
        continue;
      }
      if (UNSAFE.has(name)) {
        problems.add(keyAt, `"${name}" can't be a key; rename it`);
        continue;
      }
      const child = value ? convert(value as YamlNode, at, problems) : ({ kind: "scalar", at: keyAt, value: null, source: "" } as const);
      if (child) entries.set(name, { at: keyAt, node: child });
    }
    return { kind: "map", at: here, entries };
  }
  if (!isScalar(node)) return undefined;
  const value = node.value as unknown;
  const source = typeof node.source === "string" ? node.source : String(value);
  if (value === null || typeof value === "string" || typeof value === "boolean") return { kind: "scalar", at: here, value, source };
  // A number that JavaScript would spell differently (2.10, 0x1F) stays as it was written: keys that want text get it whole.
  if (typeof value === "number") return { kind: "scalar", at: here, value: String(value) === source ? value : source, source };
  return { kind: "scalar", at: here, value: source, source };
}
