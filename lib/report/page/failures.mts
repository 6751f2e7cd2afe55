import { failureParts } from "../failure.mts";
import { list, plural } from "../text.mts";
import { html, lines, type Markup, NOTHING } from "./markup.mts";
import type { Broken, Story } from "./story.mts";
import { sentence } from "./verdict.mts";

/** What failed and what to do next; the same on many hosts, but for their names and addresses, is one card. */
export function failures(story: Story): Markup {
  const groups = new Map<string, Broken[]>();
  for (const b of story.broken) {
    const key = JSON.stringify([b.role, b.task, ...[b.failure.what, b.failure.next ?? ""].map((text) => text.replaceAll(b.lane, "@").replace(ADDRESS, "@"))]);
    groups.set(key, [...(groups.get(key) ?? []), b]);
  }
  return html`${[...groups.values()].map((g) => card(g, story.cwd))}`;
}

const ADDRESS = /\b\d+(\.\d+){3}\b|\b[\da-f]+(:[\da-f]*){3,}/g;

function card(same: readonly Broken[], cwd: string): Markup {
  const [first] = same as [Broken];
  const p = failureParts(first.failure, { location: first.location, cwd });
  const lanes = same.map((b) => b.lane);
  const differ = new Set(same.map((b) => b.failure.what)).size > 1;
  const log = [...(p.command ? p.command.map((l, i) => (i === 0 ? `$ ${l}` : `  ${l}`)) : []), ...(p.exit ? [p.exit] : []), ...(p.output ?? [])];
  return html`<article class="failure">
<h3>${list(lanes, 6)}${first.role ? html` <span class="soft">·</span> ${first.role}` : NOTHING} <span class="soft">·</span> ${first.task}</h3>
${why(p.why)}
<p class="next"><b>Next</b> <span>${p.next.map((l, i) => html`${i > 0 ? html`<br>` : NOTHING}${l}`)}</span></p>
${log.length > 0 ? html`<pre tabindex="0">${lines(log)}</pre>` : NOTHING}
${p.at || same.length > 1 ? html`<p class="soft">${[p.at, same.length > 1 ? `on ${plural(same.length, "host")}: ${lanes.join(", ")}` : ""].filter(Boolean).join(" · ")}</p>` : NOTHING}
${differ ? html`<details><summary>what each of them told</summary>${bullets(same.map((b) => `${b.lane}: ${b.failure.what}`))}</details>` : NOTHING}
</article>`;
}

/** Several findings in one line are easier to read below each other. */
function why(texts: readonly string[]): Markup {
  const found = texts.length === 1 && texts[0]!.length > 160 ? texts[0]!.split("; ") : texts;
  return found.length > 1 ? html`<ul class="why">${found.map((l) => html`<li>${sentence(l)}</li>`)}</ul>` : html`<p class="why">${found.map(sentence)}</p>`;
}

/** An interrupted run: where it stands. */
export const stopped = ({ tally }: Story): Markup =>
  tally.stopped ? html`<article class="stopped"><h3>Stopped by ${tally.stopped.signal}</h3>${bullets(tally.stopped.where)}</article>` : NOTHING;

export const bullets = (texts: readonly string[]): Markup => (texts.length > 0 ? html`<ul>${texts.map((t) => html`<li>${t}</li>`)}</ul>` : NOTHING);
