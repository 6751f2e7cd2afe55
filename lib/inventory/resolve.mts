import { createHash } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { resolve as absolute, join } from "node:path";
import { type Env, parts } from "./env.mts";
import type { Meta } from "./fields.mts";
import type { Node, Origin, Path, Plain, ScalarNode } from "./node.mts";
import { showPath } from "./node.mts";
import { type Problems, shown } from "./problems.mts";
import { inner, metaOf, type View } from "./schema.mts";

/** A credential that is to be made, by the name of its variable. */
export interface Missing {
  name: string;
  kind: "nkey" | "password";
}

export interface Context {
  dir: string;
  host: string;
  env: Env;
  problems: Problems;
  warnings: Problems;
  /** takes the unset variables of users' credentials, for which a stand-in keeps the validation going */
  missing?: Map<string, Missing>;
  /** paths whose value can't be known: told already, nothing more is to be said about them */
  bad: Path[];
}

/** Looks right and differs by name, so that the checks of the users go on; never leaves the loader. */
function standIn({ name, kind }: Missing): string {
  const digest = createHash("sha512").update(name).digest();
  return kind === "password"
    ? digest.toString("hex", 0, 20)
    : `SU${Array.from(digest.subarray(0, 56), (byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[byte & 31]).join("")}`;
}

/** A tree as it will be validated: `${NAME}` filled in, the controller's files absolute. Sources and places stay the user's. */
export function resolve(node: Node, schema: unknown, context: Context, path: Path = []): Node {
  const view: View | undefined = schema ? inner(schema) : undefined;
  if (node.kind === "list" && (view?.entries || view?.type === "record")) {
    // To JavaScript, and so to valibot, a list is an object like any other.
    context.problems.add(node.at, notAMapping(path, "a list"));
    context.bad.push(path);
  }
  if (node.kind === "list") return { ...node, items: node.items.map((item, i) => resolve(item, view?.item, context, [...path, i])) };
  if (node.kind === "map") {
    const entries = new Map(
      [...node.entries].map(
        ([key, { at, node: child }]) => [key, { at, node: resolve(child, view?.entries?.[key] ?? view?.value, context, [...path, key]) }] as const,
      ),
    );
    return { ...node, entries };
  }
  if (typeof node.value !== "string") return node;
  const meta = schema ? metaOf(schema) : {};
  const value = fill(node, meta, context, path);
  return { ...node, value: meta.file && !context.bad.includes(path) ? file(value, node, context, path) : value };
}

export const notAMapping = (path: Path, value: string): string => `${showPath(path)}: ${value} is not a mapping; write its keys below it, indented`;

function fill(node: ScalarNode, meta: Meta, { dir, env, problems, warnings, missing, bad }: Context, path: Path): string {
  const text = node.value as string;
  const found = text.includes("${") ? parts(text) : [{ text }];
  if (meta.secret && !found.some((part) => "variable" in part)) {
    warnings.add(node.at, `${showPath(path)} is written in clear; write \${NAME} and put the value into ${shown(env.file)}, which git ignores`);
  }
  return found
    .map((part): string => {
      if ("text" in part) return part.text;
      if ("bad" in part) {
        problems.add(node.at, `${showPath(path)}: "${part.bad}" names no variable; write \${NAME}, or $\${ for the characters themselves`);
        bad.push(path);
        return "";
      }
      const value = env.get(part.variable);
      if (value !== undefined) return value;
      if (missing && meta.generate && found.length === 1) {
        const wanted = { name: part.variable, kind: meta.generate };
        missing.set(part.variable, wanted);
        return standIn(wanted);
      }
      problems.add(...unset(part.variable, node.at, dir, env.file));
      bad.push(path);
      return "";
    })
    .join("");
}

/** Where no .env is, that is the one thing to be told, however many variables are asked for. */
function unset(name: string, at: Origin, dir: string, file: string): [at: Origin, text: string] {
  const example = join(dir, ".env.example");
  const [thereIs, hasExample] = [file, example].map((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  if (hasExample && !thereIs)
    return [
      { file },
      `is missing, and the inventory takes values from it (\${NAME}); run: cp ${shown(example)} ${shown(file)} && chmod 600 ${shown(file)}, and fill them in`,
    ];
  return [at, `\${${name}} is not set; add ${name}=… to ${shown(file)}${hasExample ? ` (${shown(example)} shows all of them)` : ""}`];
}

/** `{host}` is the host's name; `{version}` and `{arch}` are known later, so such files are not looked for yet. */
function file(text: string, node: ScalarNode, { dir, host, problems, bad }: Context, path: Path): string {
  if (text === "" || text.includes("\0")) return text;
  const named = text.replaceAll("{host}", host);
  const full = named.startsWith("~/") ? join(homedir(), named.slice(2)) : absolute(dir, named);
  if (/\{(version|arch)\}/.test(full)) return full;
  const fault = unreadable(full);
  if (fault) {
    problems.add(node.at, `${showPath(path)}: ${shown(full)} ${fault}`);
    bad.push(path);
  }
  return full;
}

function unreadable(path: string): string | undefined {
  try {
    if (statSync(path).isDirectory()) return "is a folder; name a file";
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES"
      ? "can't be read; change its mode or run as its owner"
      : "does not exist; create it, or correct the path";
  }
}

/** The bare values of a tree. */
export function plain(node: Node): Plain {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.node)]));
}
