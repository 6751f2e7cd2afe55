import { basename } from "node:path";
import type { Event, Failure, Status } from "../engine/events.mts";
import { failureLines, locationText } from "./failure.mts";
import { writeReport } from "./file.mts";
import { verdict } from "./recap.mts";
import type { Reporter } from "./reporter.mts";
import { type EventOf, Tally, type TaskEnd } from "./tally.mts";
import { clean, duration, plural } from "./text.mts";

export interface HtmlOptions {
  file: string;
  cwd?: string;
}

interface Broken {
  lane: string;
  role?: string;
  task: string;
  failure: Failure;
  location?: TaskEnd["location"];
}

/** What the page is made from, gathered while the run goes on. */
interface Story {
  tally: Tally;
  tasks: TaskEnd[];
  gates: EventOf<"gate">[];
  tables: EventOf<"table">[];
  warnings: string[];
  broken: Broken[];
  cwd: string;
}

/** A self-contained page (no network, no script), written at the end, also of an interrupted run. */
export function html({ file, cwd = process.cwd() }: HtmlOptions): Reporter {
  const story: Story = { tally: new Tally(), tasks: [], gates: [], tables: [], warnings: [], broken: [], cwd };
  let written = false;
  return {
    event(e) {
      story.tally.event(e);
      gather(story, e);
    },
    end() {
      if (written) return;
      written = true;
      writeReport(file, page(story));
    },
  };
}

function gather(story: Story, e: Event): void {
  if (e.type === "warning") story.warnings.push(e.text);
  else if (e.type === "table") story.tables.push(e);
  else if (e.type === "host_unreachable") story.broken.push({ lane: e.lane, task: "unreachable", failure: e.failure });
  else if (e.type === "gate" && e.status !== "waiting") {
    story.gates.push(e);
    if (e.status === "failed") story.broken.push({ lane: e.lane, task: `gate ${e.gate}`, failure: e.failure ?? { what: e.detail } });
  } else if (e.type === "task_end") {
    story.tasks.push(e);
    if (e.status === "failed") story.broken.push({ lane: e.lane, role: e.role, task: e.task, location: e.location, failure: e.failure ?? { what: "failed" } });
  }
}

const h = (text: string): string => clean(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function page(story: Story): string {
  const { tally } = story;
  const run = tally.run;
  const good = verdict(tally);
  const title = `${run ? basename(run.playbook) : "sampan"}, ${run?.inventory ?? ""}`;
  const ms = tally.ended?.ms ?? tally.at - (run?.at ?? tally.at);
  const facts = run
    ? [
        run.mode === "check" ? "check only, nothing written" : "applied",
        ...(run.hosts.length ? [plural(run.hosts.length, "host")] : []),
        duration(ms),
        new Date(run.at).toISOString().replace("T", " ").slice(0, 19) + " UTC",
      ]
    : [];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${h(title)}: ${h(good.text)}</title>
<style>${CSS}</style>
</head>
<body>
<header class="${good.ink}">
<p class="what">${h(title)}</p>
<h1>${h(sentence(good.text))}</h1>
<p class="facts">${facts.map(h).join(" · ")}</p>
</header>
${section("Failures", story.broken.map((b) => failure(b, story.cwd)).join("\n"))}
${section("Where it stopped", tally.stopped ? `<ul>${tally.stopped.where.map((w) => `<li>${h(w)}</li>`).join("")}</ul>` : "")}
${section("Recap", recap(tally))}
${story.tables.map((t) => section(t.title, table(t.columns, t.rows))).join("\n")}
${section("Timeline", timeline(story))}
${section("Changes", changes(story))}
${section("Warnings", story.warnings.length > 0 ? `<ul>${story.warnings.map((w) => `<li>${h(w)}</li>`).join("")}</ul>` : "")}
${section(
  "Slowest tasks",
  table(
    ["time", "host", "role", "task"],
    tally.slowest.filter((t) => t.ms >= 1).map((t) => [duration(t.ms), t.lane, t.role, t.task]),
  ),
)}
</body>
</html>
`;
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const section = (title: string, body: string): string => (body === "" ? "" : `<section>\n<h2>${h(title)}</h2>\n${body}\n</section>`);

function failure(b: Broken, cwd: string): string {
  const [, ...lines] = failureLines(b.failure, { ...b, cwd });
  return `<article class="failure"><h3>${h([b.lane, b.role, b.task].filter(Boolean).join(" · "))}</h3><pre>${lines.map((l) => h(l.slice(2))).join("\n")}</pre></article>`;
}

function recap(tally: Tally): string {
  const check = tally.run?.mode === "check";
  const columns = ["ok", "changed", "unreachable", "failed", "skipped", ...(check ? ["drift", "unknown"] : [])];
  const rows = [...tally.lanes.values()].map((lane) => {
    const c: Record<string, number> = { ...lane.counts, ok: lane.counts.ok + lane.counts.changed, unreachable: lane.state === "unreachable" ? 1 : 0 };
    return `<tr><th scope="row">${h(lane.name)}</th>${columns.map((k) => `<td class="n ${c[k] ? k : "zero"}">${c[k]}</td>`).join("")}</tr>`;
  });
  if (rows.length === 0) return "";
  return `<div class="wide"><table><thead><tr><th>host</th>${columns.map((c) => `<th class="n">${c}</th>`).join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const numeric = columns.map((_, i) => rows.every((r) => /^[-+]?[\d.,]+( ?\S{1,5})?$|^-?$/.test(r[i] ?? "")));
  const cls = (i: number, text = ""): string => {
    const kind = /^(ok|passed)$/i.test(text) ? "ok" : /^(failed|fail|missing)$/i.test(text) ? "failed" : "";
    const all = [numeric[i] ? "n" : "", kind].filter(Boolean).join(" ");
    return all ? ` class="${all}"` : "";
  };
  const head = columns.map((c, i) => `<th${cls(i)}>${h(c)}</th>`).join("");
  const body = rows.map((r) => `<tr>${columns.map((_, i) => `<td${cls(i, r[i])}>${h(r[i] ?? "")}</td>`).join("")}</tr>`).join("\n");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Lanes below each other over one time axis: a bar per task, a hollow one per gate; what it was is in its tooltip. */
function timeline({ tally, tasks, gates }: Story): string {
  if (tasks.length + gates.length === 0 || !tally.run) return "";
  const lanes = [...tally.lanes.keys()];
  const start = tally.run.at;
  const span = Math.max(1, tally.at - start);
  const [left, right, rowHeight, top] = [150, 990, 26, 24];
  const x = (at: number): number => left + ((at - start) / span) * (right - left);
  const bar = (lane: string, end: number, ms: number, cls: string, tip: string): string => {
    const from = Math.max(left, x(end - ms));
    const y = top + lanes.indexOf(lane) * rowHeight + 4;
    return `<rect class="${cls}" x="${from.toFixed(1)}" y="${y}" width="${Math.max(1.2, x(end) - from).toFixed(1)}" height="${rowHeight - 8}" rx="1"><title>${h(tip)}</title></rect>`;
  };
  const height = top + lanes.length * rowHeight + 6;
  const bottom = height - 4;
  const ticks = steps(span).map(
    (t) =>
      `<line class="tick" x1="${x(start + t).toFixed(1)}" x2="${x(start + t).toFixed(1)}" y1="${top - 4}" y2="${bottom}"/><text class="axis" x="${x(start + t).toFixed(1)}" y="12" text-anchor="middle">${t === 0 ? "0" : t < 1000 ? `${t} ms` : `${t / 1000} s`}</text>`,
  );
  const rows = lanes.map(
    (l, i) =>
      `<text x="${left - 10}" y="${top + i * rowHeight + 17}" text-anchor="end">${h(l.length > 20 ? `${l.slice(0, 19)}…` : l)}</text><line class="row" x1="${left}" x2="${right}" y1="${top + i * rowHeight + 13}" y2="${top + i * rowHeight + 13}"/>`,
  );
  const bars = [
    ...gates.map((g) =>
      bar(g.lane, g.at, g.ms, `gate ${g.status === "failed" ? "failed" : ""}`, `gate ${g.gate}: ${g.status} after ${duration(g.ms)}; ${g.detail}`),
    ),
    ...tasks.map((t) => bar(t.lane, t.at, t.ms, t.status, `${t.role}: ${t.task}: ${t.status}, ${duration(t.ms)}`)),
  ];
  const seen = (["ok", "changed", "drift", "unknown", "skipped", "failed"] as Status[]).filter((s) => tasks.some((t) => t.status === s));
  const legend = [...seen, ...(gates.length > 0 ? ["gate"] : [])].map((s) => `<span><i class="${s}"></i>${s}</span>`).join("");
  return `<svg viewBox="0 0 1000 ${height}" role="img" aria-label="Timeline of ${lanes.length} hosts over ${h(duration(span))}">${ticks.join("")}${rows.join("")}${bars.join("\n")}</svg>\n<p class="legend">${legend}</p>`;
}

/** Round steps of 1, 2 or 5 × 10ⁿ ms, at most eight. */
function steps(span: number): number[] {
  const rough = span / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? rough;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => Math.round(i * step));
}

function changes({ tasks, cwd }: Story): string {
  const rows = tasks
    .filter((t) => t.status === "changed" || t.status === "drift" || t.status === "unknown")
    .map((t) => {
      const what =
        t.changes.map((c) => `${h(c.attribute)} <s>${h(c.current) || "(empty)"}</s> → <b>${h(c.desired) || "(empty)"}</b>`).join("<br>") || h(t.reason ?? "");
      const diff = t.diff ? `<details><summary>diff</summary><pre>${t.diff.split("\n").map(h).join("\n")}</pre></details>` : "";
      return `<tr><td class="${t.status}">${t.status}</td><td>${h(t.lane)}</td><td>${h(t.role)}</td><td title="${h(locationText(t.location, cwd))}">${h(t.task)}</td><td>${what}${diff}</td></tr>`;
    });
  return rows.length === 0
    ? ""
    : `<div class="wide"><table><thead><tr><th></th><th>host</th><th>role</th><th>task</th><th>what</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

const CSS = `
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5d6b7c;--line:#e3e8ee;--paper:#fff;--wash:#f5f7fa;--ok:#2e8b6a;--changed:#b7791f;--unknown:#2b7fb8;--skipped:#98a4b3;--failed:#c73a3a}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#95a3b4;--line:#2a333f;--paper:#11161d;--wash:#1a212b;--ok:#4fb893;--changed:#dba544;--unknown:#5fb0e5;--skipped:#5d6b7c;--failed:#ef6a6a}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#ccc;--paper:#fff;--wash:#fff}section,article,tr{break-inside:avoid}rect,i{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:70rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header{border-left:5px solid var(--ok);padding:.2rem 0 .2rem 1.1rem;margin-bottom:2.5rem}
header.yellow{border-color:var(--changed)}header.red{border-color:var(--failed)}
h1{font-size:1.7rem;line-height:1.25;margin:.1rem 0 .3rem;font-weight:650;overflow-wrap:anywhere}
h2{font-size:1rem;font-weight:650;margin:2.4rem 0 .7rem}h3{font-size:.95rem;margin:0 0 .5rem}
.what,.facts{margin:0;color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400;overflow-wrap:anywhere}
thead th{color:var(--soft);font-size:.85rem}.n{text-align:right}tbody th{font-weight:500}
td.zero{color:var(--skipped)}td.ok{color:var(--ok)}td.changed,td.drift{color:var(--changed)}td.failed,td.unreachable{color:var(--failed);font-weight:650}td.skipped,td.unknown{color:var(--unknown)}
s{color:var(--soft)}b{font-weight:500}
pre{margin:0;font:12.5px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.failure{background:var(--wash);border-left:3px solid var(--failed);padding:.9rem 1.1rem;margin-bottom:.8rem}
summary{cursor:pointer;color:var(--soft)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .axis{fill:var(--soft);font-size:11px}
.tick,.row{stroke:var(--line)}rect,i{fill:var(--ok);background:var(--ok)}
rect.changed,i.changed,rect.drift,i.drift{fill:var(--changed);background:var(--changed)}rect.skipped,i.skipped{fill:var(--skipped);background:var(--skipped)}
rect.unknown,i.unknown{fill:var(--unknown);background:var(--unknown)}rect.failed,i.failed{fill:var(--failed);background:var(--failed)}
rect.gate,i.gate{fill:var(--wash);stroke:var(--soft);background:var(--wash);border:1px solid var(--soft)}
.legend{color:var(--soft);font-size:.85rem}.legend span{margin-right:1.2rem}.legend i{display:inline-block;width:.8rem;height:.8rem;margin-right:.4rem;vertical-align:-1px;border-radius:2px}
`;
