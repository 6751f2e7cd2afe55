import { basename } from "node:path";
import { verdict } from "../recap.mts";
import { sum } from "../tally.mts";
import { duration, plural } from "../text.mts";
import { html, type Markup, NOTHING, type Part } from "./markup.mts";
import type { Story } from "./story.mts";

interface Tile {
  name: string;
  text: string;
  bad?: boolean;
}

/** How the run ended, in one sentence. */
export function headline(story: Story): { text: string; ink: "green" | "yellow" | "red" } {
  const end = verdict(story.tally);
  if (end.ink !== "green") return { ...end, text: sentence(end.text) };
  const rates = story.benches.flatMap(({ result }) => result.summary.map((f) => `${f.kind} ${n(f.rate.delivered.median)} msg/s`));
  if (rates.length > 0 && rates.length <= 4) {
    const lost = story.benches.reduce((sum, { result }) => sum + result.summary.reduce((a, f) => a + f.lost, 0), 0);
    return { ink: "green", text: sentence(`${rates.join(", ")}; ${lost > 0 ? n(lost) : "none"} lost`) };
  }
  const said = story.figures.flatMap((f) => f.headline ?? []);
  const checks = story.checks.filter((c) => c.status === "ok").length;
  const seen = checks > 0 ? `${plural(checks, "check")} passed` : "";
  const text =
    said.length > 0
      ? [...said, seen].filter(Boolean).join("; ")
      : end.text === "done" || end.text === "nothing to change"
        ? seen || end.text
        : [end.text, seen].filter(Boolean).join("; ");
  return { ink: "green", text: sentence(text) };
}

export const titleOf = ({ tally: { run } }: Story): string => (run ? `${basename(run.playbook, ".mts")} · ${basename(run.inventory)}` : "sampan");

/** The verdict, when and on what. */
export function head(story: Story): Markup {
  const { text, ink } = headline(story);
  const { run, lanes } = story.tally;
  const total = sum([...lanes.values()].map((l) => l.counts));
  const facts: Part[] = run
    ? [
        ...(run.mode === "check" ? ["check only, nothing written"] : total.changed > 0 ? ["applied"] : []),
        ...(run.hosts.length ? [plural(run.hosts.length, "host")] : []),
        duration(story.ms),
        html`<time datetime="${new Date(run.at).toISOString()}">${new Date(run.at).toISOString().replace("T", " ").slice(0, 19)} UTC</time>`,
      ]
    : [];
  return html`<header class="verdict ${ink}">
<p class="what">${titleOf(story)}</p>
<h1><span class="mark" role="img" aria-label="${WORDS[ink]}">${MARKS[ink]}</span> ${text}</h1>
<p class="facts">${facts.map((f, i) => html`${i > 0 ? " · " : ""}${f}`)}</p>
</header>`;
}

const MARKS = { green: "✓", yellow: "!", red: "✕" };
const WORDS = { green: "good:", yellow: "look:", red: "failed:" };

/** What was measured, one row of numbers each; for a run that measured nothing, what it did. */
export function tiles(story: Story): Markup {
  const rows: { title: string; tiles: Tile[] }[] = [
    ...story.benches.flatMap(({ lane, result }) =>
      result.summary.map((f) => ({
        title: story.benches.length > 1 ? `${lane}: ${f.kind}` : f.kind,
        tiles: [
          { name: "delivered", text: `${n(f.rate.delivered.median)} msg/s` },
          f.rate.offered === null ? { name: "sent", text: `${n(f.rate.sent.median)} msg/s` } : { name: "offered", text: `${n(f.rate.offered)} msg/s` },
          { name: "p50", text: ms(f.latency.delivery.p50.median) },
          { name: "p99", text: ms(f.latency.delivery.p99.median) },
          { name: "lost", text: n(f.lost), bad: f.lost > 0 },
          { name: "generator's CPU", text: `${result.generator.cpu.median.toFixed(2)} cores`, bad: result.generator.bottleneck },
        ],
      })),
    ),
    ...story.figures.map(({ lane, title, items }) => ({
      title: new Set(story.figures.map((f) => f.lane)).size > 1 ? `${lane}: ${title}` : title,
      tiles: items,
    })),
  ];
  if (rows.length === 0) rows.push({ title: "", tiles: counts(story) });
  if (rows.every((r) => r.tiles.length === 0)) return NOTHING;
  return html`<div class="figures">${rows
    .slice(0, 12)
    .map(
      (r) =>
        html`<div class="row">${r.title ? html`<h2>${r.title}</h2>` : NOTHING}<dl>${r.tiles.map((t) => html`<div${t.bad ? html` class="bad"` : NOTHING}><dt>${t.name}</dt><dd>${t.text}</dd></div>`)}</dl></div>`,
    )}</div>`;
}

function counts({ tally, gates }: Story): Tile[] {
  const total = sum([...tally.lanes.values()].map((l) => l.counts));
  const unreachable = [...tally.lanes.values()].filter((l) => l.state === "unreachable").length;
  const check = tally.run?.mode === "check";
  const all: [string, number, boolean?][] = [
    ["tasks ok", total.ok],
    check ? ["would change", total.drift] : ["changed", total.changed],
    ["can't be known yet", total.unknown],
    ["skipped", total.skipped],
    ["gates passed", gates.filter((g) => g.status === "passed").length],
    ["failed", total.failed, true],
    ["unreachable", unreachable, true],
  ];
  return all.filter(([name, count]) => count > 0 || (name === "changed" && total.ok > 0)).map(([name, count, bad]) => ({ name, text: n(count), bad }));
}

/** With a capital, unless it begins with a name (`nats-cluster-hk failed`). */
export const sentence = (text: string): string => (/^[a-z]+(?=[\s,:;]|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text);
export const n = (value: number): string => Math.round(value).toLocaleString("en-US");
/** 0.42 ms, 8.1 ms, 42 ms, 1.2 s */
export const ms = (value: number): string =>
  value >= 1000 ? `${(value / 1000).toFixed(1)} s` : value >= 10 ? `${value.toFixed(0)} ms` : `${value.toFixed(value < 1 ? 2 : 1)} ms`;
