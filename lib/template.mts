import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type Mustache from "mustache";
import { UsageError } from "./inventory/types.mts";

export type View = { readonly [key: string]: unknown };

type Token = [kind: string, value: string, start: number, end: number, inner?: Token[]];

// Loaded as CommonJS: its ES module has no types for `escape` on the default export under nodenext.
const mustache = createRequire(import.meta.url)("mustache") as typeof Mustache;

/**
 * Renders a mustache template beside the calling module: `render(new URL("templates/x.mustache", import.meta.url), view)`.
 * Nothing is escaped (this is not HTML), and whatever mustache would leave blank without a word is an error: a silent blank in a
 * server's configuration is an outage. Only texts, numbers and booleans can stand as text; a Secret can't.
 * @throws UsageError naming the template's file, line and variable
 */
export function render(template: URL, view: View): string {
  const file = fileURLToPath(template);
  const text = readFileSync(file, "utf8");
  const fault: Fault = (start, what) => {
    throw new UsageError(`${file}:${text.slice(0, start).split("\n").length}: ${what}`);
  };
  checkTokens(parse(text, fault), [view], undefined, fault);
  return mustache.render(text, view, undefined, { escape: (value: unknown) => String(value) });
}

type Fault = (start: number, what: string) => never;

function parse(text: string, fault: Fault): Token[] {
  try {
    return mustache.parse(text) as Token[];
  } catch (error) {
    const { message } = error as Error;
    fault(Number(/ at (\d+)$/.exec(message)?.[1] ?? 0), `${message.replace(/ at \d+$/, "")}; correct the template`);
  }
}

/** @param item what `{{.}}` stands for, within a section */
function checkTokens(tokens: readonly Token[], scopes: readonly View[], item: unknown, fault: Fault): void {
  for (const [kind, name, start, , inner] of tokens) {
    if (kind === "text" || kind === "!") continue;
    // it runs on into the next line's
    if (name.includes("\n")) fault(start, "Unclosed tag; correct the template");
    if (kind === ">") fault(start, `{{> ${name}}} is a partial, and there are none here; write its text into the template`);
    const value = name === "." ? item : lookUp(name, scopes);
    const section = kind === "#" || kind === "^";
    if (value === undefined || (value === null && !section))
      fault(start, `the template asks for {{${name}}}, which its view doesn't have; add it in the role's tasks.mts`);
    if (typeof value === "function" || (typeof value === "object" && !section))
      fault(start, `{{${name}}} is no text or number; give its text in the role's tasks.mts`);
    if (kind === "#") {
      const items: readonly unknown[] = Array.isArray(value) ? value : value ? [value] : [];
      for (const one of items) checkTokens(inner!, [...scopes, (typeof one === "object" && one !== null ? one : {}) as View], one, fault);
    } else if (kind === "^" && (!value || (Array.isArray(value) && value.length === 0))) {
      checkTokens(inner!, scopes, item, fault);
    }
  }
}

function lookUp(name: string, scopes: readonly View[]): unknown {
  const [head = "", ...rest] = name.split(".");
  const scope = scopes.findLast((s) => Object.hasOwn(s, head));
  return rest.reduce<unknown>((value, key) => (value as View | undefined | null)?.[key], scope?.[head]);
}
