import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import { why } from "./files.mts";
import type { Problems } from "./problems.mts";
import { shown } from "./problems.mts";

/** The values that `${NAME}` may take. */
export interface Env {
  file: string;
  /** from .env, else from the process's environment; an empty value counts as unset */
  get(name: string): string | undefined;
}

/** Reads <inventory>/.env, which nobody but its owner may read; none is fine. */
export function readEnv(dir: string, problems: Problems): Env {
  const file = join(dir, ".env");
  const values = read(file, problems);
  return { file, get: (name) => values[name] || process.env[name] || undefined };
}

function read(file: string, problems: Problems): Record<string, string> {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) return {};
  if (stat.isFile() && stat.mode & 0o077) {
    problems.add({ file }, `holds secrets and others may read it (mode ${(stat.mode & 0o777).toString(8).padStart(4, "0")}); run: chmod 600 ${shown(file)}`);
  }
  try {
    return parse(readFileSync(file));
  } catch (error) {
    problems.add({ file }, why(error));
    return {};
  }
}

const VARIABLE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What a text asks for. */
export type Part = { text: string } | { variable: string } | { bad: string };

/** Splits a text into literal parts and `${NAME}`; `$${` is a literal `${`. */
export function parts(text: string): Part[] {
  const found: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(VARIABLE)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    end = match.index + match[0].length;
    if (match[0] === "$${") found.push({ text: "${" });
    else found.push(match[2] && VARIABLE_NAME.test(match[1]!) ? { variable: match[1]! } : { bad: match[0] });
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}
