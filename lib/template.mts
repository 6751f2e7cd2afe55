import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";
import type Mustache from "mustache";

export type View = { readonly [key: string]: unknown };

type Token = [kind: string, value: string, start: number, end: number, inner?: Token[]];

// Loaded as CommonJS: its ES module has no types for `escape` on the default export under nodenext.
const mustache = createRequire(import.meta.url)("mustache") as typeof Mustache;

/**
 * Renders a mustache template beside the calling module: `render(new URL("templates/x.mustache", import.meta.url), view)`.
 * Nothing is escaped (this is not HTML), and a variable that the view lacks is an error: a silent blank in a server's
 * configuration is an outage.
 * @throws Error naming the template's file, line and variable
 */
export function render(template: URL, view: View): string {
  const file = fileURLToPath(template);
  const text = readFileSync(file, "utf8");
  checkTokens(mustache.parse(text) as Token[], [view], file, text);
  return mustache.render(text, view, undefined, { escape: (value: unknown) => String(value) });
}

function checkTokens(tokens: readonly Token[], scopes: readonly View[], file: string, text: string): void {
  for (const [kind, name, start, , inner] of tokens) {
    if (kind === "text" || kind === "!") continue;
    const value = lookUp(name, scopes);
    if (value === undefined) {
      const line = text.slice(0, start).split("\n").length;
      throw new Error(`${file}:${line}: the template asks for {{${name}}}, which its view doesn't have; add it in the role's tasks.mts`);
    }
    if (kind === "#") {
      const items = Array.isArray(value) ? value : value ? [value] : [];
      for (const item of items) checkTokens(inner!, [...scopes, (typeof item === "object" && item !== null ? item : {}) as View], file, text);
    } else if (kind === "^" && (!value || (Array.isArray(value) && value.length === 0))) {
      checkTokens(inner!, scopes, file, text);
    }
  }
}

function lookUp(name: string, scopes: readonly View[]): unknown {
  if (name === ".") return true;
  const [head = "", ...rest] = name.split(".");
  const scope = scopes.findLast((s) => Object.hasOwn(s, head));
  return rest.reduce<unknown>((value, key) => (value as View | undefined)?.[key], scope?.[head]);
}
