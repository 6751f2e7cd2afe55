import { clean } from "../text.mts";

/** HTML that may stand in the page as it is; everything else is text, and escaped. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Part = Markup | string | number | undefined | readonly Part[];

/** What hosts and servers say is not trusted: neither as markup nor as control characters. */
const escaped = (text: string): string =>
  clean(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");

const textOf = (part: Part): string => {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "string") return escaped(part);
  return typeof part === "number" ? String(part) : part.map(textOf).join("");
};

/** A template whose values are escaped unless they are Markup themselves; lists are joined, undefined is nothing. */
export const html = (strings: TemplateStringsArray, ...parts: Part[]): Markup =>
  new Markup(strings.reduce((all, s, i) => all + s + (i < parts.length ? textOf(parts[i]) : ""), ""));

export const NOTHING = new Markup("");

/** Text of several lines, for `pre`. */
export const lines = (texts: readonly string[]): Markup => new Markup(texts.map(escaped).join("\n"));

/** JSON within a script element: `</script>` and `<!--` can't come about. */
export const jsonText = (value: unknown): Markup =>
  new Markup(JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029"));

/** Headings of rows that stay on one line. */
const SHORT = 30;

/** A table in a box of its own that scrolls where the screen is narrower. The last cell of a row that is too short takes the rest of it. */
export function tableOf(caption: string, columns: readonly { head: Part; number?: boolean }[], rows: readonly (readonly Part[])[], kind = ""): Markup {
  const cell = (part: Part, i: number, { length }: readonly Part[]): Markup => {
    const span = i === length - 1 && length < columns.length ? html` colspan="${columns.length - i}"` : NOTHING;
    const cls =
      columns[i]?.number && span === NOTHING ? html` class="n"` : i === 0 && typeof part === "string" && part.length <= SHORT ? html` class="short"` : NOTHING;
    return i === 0 ? html`<th scope="row"${cls}${span}>${part}</th>` : html`<td${cls}${span}>${part}</td>`;
  };
  return html`<div class="wide" tabindex="0" role="region" aria-label="${caption}"><table class="${kind}"><caption class="vh">${caption}</caption>
<thead><tr>${columns.map((c) => html`<th scope="col"${c.number ? html` class="n"` : NOTHING}>${c.head}</th>`)}</tr></thead>
<tbody>${rows.map((r) => html`<tr>${r.map(cell)}</tr>\n`)}</tbody></table></div>`;
}

/** A word in the colour of what it means. */
export const toned = (tone: string, part: Part): Markup => html`<span class="t-${tone}">${part}</span>`;
