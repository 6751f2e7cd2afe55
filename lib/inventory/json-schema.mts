import { inner, metaOf, view } from "./schema.mts";

/** A JSON Schema, or a part of one. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

/** `${NAME}` may stand for any value that isn't a mapping or a list. */
const VARIABLE: JsonSchema = { type: "string", pattern: "\\$\\{" };
/** What may be written without quotes though it looks like a number. */
const NUMERIC = new Set(["a size", "a size or -1", "a list of CPUs", "a rate", "a ring size", "a percentage"]);

/** The variables of a group or host: each key may be left out, as others lie above or below. For editors; the loader says more. */
export const varsSchema = (entries: Record<string, unknown>): JsonSchema => mapping(entries, false);

/** hosts.yml around such variables. */
export function hostsSchema(entries: Record<string, unknown>): JsonSchema {
  const orNothing = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: "null" }] });
  const named = (schema: JsonSchema, description: string): JsonSchema => orNothing({ type: "object", additionalProperties: schema, description });
  const group = {
    type: "object",
    additionalProperties: false,
    properties: {
      hosts: named(orNothing({ $ref: "#/$defs/vars" }), "the group's hosts by name, each with variables of its own, or nothing"),
      children: named(orNothing({ $ref: "#/$defs/group" }), "groups within this one"),
      vars: { ...orNothing({ $ref: "#/$defs/vars" }), description: "variables of all hosts of the group" },
    },
  };
  return { type: "object", additionalProperties: orNothing({ $ref: "#/$defs/group" }), $defs: { group, vars: varsSchema(entries) } };
}

function mapping(entries: Record<string, unknown>, whole: boolean): JsonSchema {
  const required = whole ? Object.keys(entries).filter((name) => view(entries[name]).type !== "optional" && !view(entries[name]).default) : [];
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(entries).map(([name, schema]) => [name, { ...told(schema), ...valueOf(schema, whole) }])),
    ...(required.length && { required }),
  };
}

/** What an editor shows beside a key. */
function told(schema: unknown): JsonSchema {
  const { description, what, defaultText, source } = metaOf(schema);
  const standard = view(schema).default;
  const plain = ["string", "number", "boolean"].includes(typeof standard);
  const sentences = [description, what && upper(what), plain ? `Default: ${String(standard)}` : defaultText && `Default: ${defaultText}`, source];
  return { description: sentences.filter(Boolean).join(". "), ...(plain && { default: standard }) };
}

const upper = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

/** @param whole below a list, whose items aren't merged with others: what must be there must be here */
function valueOf(schema: unknown, whole: boolean): JsonSchema {
  const it = inner(schema);
  if (it.entries) return mapping(it.entries, whole);
  if (it.type === "array") return { type: "array", items: it.item ? valueOf(it.item, true) : {} };
  if (it.type === "record") return { type: "object", additionalProperties: it.value ? valueOf(it.value, whole) : {} };
  return it.type === "unknown" ? scalar(metaOf(schema).what ?? "") : {};
}

function scalar(what: string): JsonSchema {
  const [, least, most] = what === "a port" ? ["", "1", "65535"] : (/^a whole number from (-?\d+)(?: to (\d+))?$/.exec(what) ?? []);
  if (least !== undefined)
    return {
      anyOf: [
        { type: "integer", minimum: Number(least), ...(most && { maximum: Number(most) }) },
        { type: "string", pattern: "^-?\\d+$|\\$\\{" },
      ],
    };
  if (what === "true or false") return { type: "boolean" };
  if (what === "true") return { const: true };
  const [, values] = /^one of (.+)$/.exec(what) ?? [];
  if (values !== undefined) return { anyOf: [{ enum: values.split(", ") }, VARIABLE] };
  if (what === "a value of a sysctl" || what === "a kernel argument's value") return { type: ["string", "number", "boolean", "null"] };
  if (what === "a text or number") return { type: ["string", "number", "boolean"] };
  return { type: NUMERIC.has(what) ? ["string", "number"] : "string" };
}
