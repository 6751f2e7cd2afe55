import { inner, metaOf, type View, view } from "./schema.mts";

/** One key as the documentation shows it. */
export interface KeyDoc {
  key: string;
  what: string;
  default: string;
  description: string;
  source?: string;
}

/** All keys below some entries, each after its section; `streams[].name` is the name of each item of the list. */
export function keyDocs(entries: Record<string, unknown>, prefix = ""): KeyDoc[] {
  return Object.entries(entries).flatMap(([name, schema]) => {
    const meta = metaOf(schema);
    const key = prefix + name;
    const own: KeyDoc = {
      key,
      what: meta.what ?? kindOf(inner(schema)),
      default: defaultOf(schema, meta.defaultText),
      description: meta.description ?? "",
      source: meta.source,
    };
    return [own, ...below(key, inner(schema))];
  });
}

function below(key: string, it: View): KeyDoc[] {
  if (it.entries) return keyDocs(it.entries, `${key}.`);
  const item = it.item ? inner(it.item) : undefined;
  return item?.entries ? keyDocs(item.entries, `${key}[].`) : [];
}

function kindOf(it: View): string {
  if (it.entries) return "a mapping";
  if (it.type === "record") return "a mapping with names of your own";
  if (it.type !== "array") return it.type;
  const item = metaOf(it.item).what;
  return item ? `a list; each ${item.replace(/^an? /, "")}` : "a list of mappings";
}

function defaultOf(schema: unknown, text: string | undefined): string {
  if (text !== undefined) return text;
  const it = view(schema);
  if (it.type !== "optional") return "required";
  if (inner(schema).entries && (!it.default || Object.keys(it.default).length === 0)) return "";
  return it.default === undefined
    ? ""
    : `\`${
        typeof it.default === "string"
          ? it.default
          : JSON.stringify(it.default)
              .replaceAll('"', "")
              .replaceAll(":", ": ")
              .replace(/^\{(.+)\}$/, "{ $1 }")
      }\``;
}

/** A Markdown table of keys. */
export function table(keys: readonly KeyDoc[]): string {
  const rows = keys.map(
    ({ key, what, default: standard, description, source }) =>
      `| \`${key}\` | ${cell(standard)} | ${cell(`${description}. *${what[0]!.toUpperCase()}${what.slice(1)}.*`)}${source ? ` [↗](${source})` : ""} |`,
  );
  return ["| Key | Default | Meaning |", "|---|---|---|", ...rows, ""].join("\n");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/<([a-z ]+)>/g, "&lt;$1&gt;");
