import { list } from "../text.mts";
import { assets } from "./assets.mts";
import { benchCharts, benchNotes, conditions, leaders } from "./bench.mts";
import { type Chart, chartsOf } from "./charts.mts";
import { bullets, failures, stopped } from "./failures.mts";
import { html, jsonText, type Markup, NOTHING } from "./markup.mts";
import type { Story } from "./story.mts";
import { checks, joined, recap, slowest } from "./tables.mts";
import { allTasks, changes } from "./tasks.mts";
import { timeline } from "./timeline.mts";
import { topologies } from "./topology.mts";
import { head, headline, sentence, tiles, titleOf } from "./verdict.mts";

interface Section {
  title: string;
  body: Markup;
}

/** The whole page: what became of it and what to do next, what was measured, where things are, how it went, and every detail. */
export function page(story: Story): string {
  const drawn: Chart[] = [];
  const check = story.tally.run?.mode === "check";
  const changed = { title: check ? "What would change" : "Changes", body: changes(story) };
  const urgent = [
    { title: "What failed, and what to do next", body: failures(story) },
    { title: "Where it stopped", body: stopped(story) },
  ].filter(told);
  const sections = [
    { title: "Warnings", body: bullets([...new Set(story.warnings)]) },
    // What --check found is what it was asked for.
    ...(check ? [changed] : []),
    ...measured(story, drawn),
    { title: "Topology", body: topologies(story) },
    { title: "Timeline", body: timeline(story) },
    { title: "Checks", body: checks(story) },
    ...(check ? [] : [changed]),
    { title: "Hosts", body: recap(story) },
    { title: "Tasks", body: html`${slowest(story)}${allTasks(story)}` },
  ].filter(told);
  const { style, scripts, policy } = assets(drawn.length > 0);
  const { text } = headline(story);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${titleOf(story)}: ${text}</title>
${style}
</head>
<body>
${head(story)}
<main>
${urgent.map((s, i) => section(s, `u${i + 1}`))}${tiles(story)}
${nav(sections)}
${sections.map((s, i) => section(s, `s${i + 1}`))}</main>
<footer>Written by sampan from the events of the run. This file is complete: it loads nothing.</footer>
${drawn.length > 0 ? html`<script type="application/json" id="charts">${jsonText(drawn)}</script>` : NOTHING}
${scripts}</body>
</html>
`.text;
}

const told = (s: Section): boolean => s.body.text !== "";

const section = ({ title, body }: Section, id: string): Markup =>
  html`<section id="${id}" aria-labelledby="h-${id}">\n<h2 id="h-${id}">${title}</h2>\n${body}\n</section>\n`;

const nav = (sections: readonly Section[]): Markup =>
  sections.length < 4
    ? NOTHING
    : html`<nav aria-label="On this page">${sections.map((s, i) => html`<a href="#s${i + 1}">${s.title.split(/,| through | and /)[0]!}</a>`)}</nav>`;

/** Benches, then tables in the order in which they were told; curves of the same things stand below them. */
function measured(story: Story, drawn: Chart[]): Section[] {
  const benches = story.benches.map(({ lane, result }, i) => {
    const last = story.benches.findLastIndex((b) => b.lane === lane) === i;
    const own = story.tables.filter((t) => last && t.title.startsWith(`${lane}: `) && t.title !== `${lane}: verdict`);
    const [first, ...rest] = joined(story, own).map(({ titles, body }) => html`<h3>${sentence(list(titles))}</h3>${body}`);
    return {
      title: story.benches.length > 1 ? `Bench of ${lane}` : "Bench",
      body: html`${benchNotes(result)}${first}<h3>In curves</h3>${chartsOf(benchCharts(result), drawn)}${rest}${leaders(result)}${conditions(result)}`,
    };
  });
  const others = story.tables.filter((t) => !story.benches.some(({ lane }) => t.title.startsWith(`${lane}: `)));
  const groups = new Map<string, Chart[]>();
  for (const c of story.charts) groups.set(c.group, [...(groups.get(c.group) ?? []), c]);
  const tables = joined(story, others).map(({ titles, body }): Section => {
    const below = [...groups].filter(([, charts]) => charts.every((c) => titles.includes(c.title)));
    for (const [group] of below) groups.delete(group);
    return { title: sentence(list(titles)), body: html`${body}${below.map(([group, charts]) => html`<h3>${group}</h3>${chartsOf(charts, drawn)}`)}` };
  });
  return [...benches, ...tables, ...[...groups].map(([title, charts]) => ({ title, body: chartsOf(charts, drawn) }))];
}
