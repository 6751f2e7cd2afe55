import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lab/fixture.mts";

/** One page of documentation, as a reader sees it. */
export interface Page {
  /** from the root of the repository, e.g. `docs/scale.md` */
  file: string;
  text: string;
  blocks: Block[];
  /** `…` in running text, with its line from 1 */
  spans: { text: string; line: number }[];
  /** [text](target) in running text */
  links: { target: string; line: number }[];
  /** as GitHub makes them of headings */
  anchors: string[];
  headings: { level: number; text: string }[];
}
interface Block {
  /** what stands after the opening fence */
  language: string;
  lines: { text: string; line: number }[];
}

/** A fragment: docs/inventory.md begins with it. */
const FRAGMENT = "inventory.head.md";

/** README in both languages, CONTRIBUTING, and all of docs/. */
export const pages = (): Page[] =>
  [
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    ...readdirSync(join(root, "docs")).flatMap((f) => (f.endsWith(".md") && f !== FRAGMENT ? [`docs/${f}`] : [])),
  ].map(page);

export function page(file: string): Page {
  const text = readFileSync(join(root, file), "utf8");
  const found: Page = { file, text, blocks: [], spans: [], links: [], anchors: [], headings: [] };
  let block: Block | undefined;
  text.split("\n").forEach((content, i) => {
    const line = i + 1;
    const fence = /^\s*```(.*)$/.exec(content);
    if (fence && !block) found.blocks.push((block = { language: fence[1]!.trim(), lines: [] }));
    else if (fence) block = undefined;
    else if (block) block.lines.push({ text: content, line });
    else prose(found, content, line);
  });
  return found;
}

function prose(found: Page, content: string, line: number): void {
  for (const [, , span] of content.matchAll(/(`+)(.+?)\1/g)) found.spans.push({ text: span!.trim(), line });
  const bare = content.replaceAll(/(`+)(.+?)\1/g, (_, ticks: string, inner: string) => ticks + inner.replaceAll(/[[\]()]/g, " ") + ticks);
  for (const [, target] of bare.matchAll(/\]\(([^)\s]+)\)/g)) found.links.push({ target: target!, line });
  const heading = /^(#+) (.*)$/.exec(content);
  if (heading) {
    found.headings.push({ level: heading[1]!.length, text: heading[2]! });
    found.anchors.push(slug(heading[2]!, found.anchors));
  }
  for (const [, id] of content.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.anchors.push(id!);
}

/** GitHub's: lower case, letters and digits of all languages, `_` and `-`; blanks become `-`; a second one gets `-1`. */
function slug(heading: string, taken: readonly string[]): string {
  const plain = heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
  const again = taken.filter((a) => a === plain || new RegExp(`^${plain}-\\d+$`).test(a)).length;
  return again ? `${plain}-${again}` : plain;
}
