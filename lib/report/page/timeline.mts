import type { Status } from "../../engine/events.mts";
import type { TaskEnd } from "../tally.mts";
import { duration, plural, truncate } from "../text.mts";
import { html, lines, type Markup, NOTHING } from "./markup.mts";
import type { PhaseSpan, Story } from "./story.mts";

const LEFT = 168,
  RIGHT = 990,
  TOP = 44;
/** Bars narrower than this many units of 1000 join their neighbour of the same kind. */
const SLIVER = 1.6;

interface Bar {
  lane: string;
  from: number;
  to: number;
  kind: string;
  tip: string;
  tasks: number;
}
interface Range {
  from: number;
  to: number;
}

/** Hosts below each other over one axis of time, the phases above; then each phase at its own scale. */
export function timeline(story: Story): Markup {
  const all = bars(story);
  const lanes = [...story.tally.lanes.keys()].filter((l) => all.some((b) => b.lane === l));
  if (lanes.length === 0) return NOTHING;
  const range = { from: story.start, to: Math.max(story.start + 1, story.tally.at) };
  const seen = (["ok", "changed", "drift", "unknown", "skipped", "failed", "connect", "gate"] as const).filter((k) =>
    all.some((b) => b.kind.split(" ")[0] === k),
  );
  const words: Record<string, string> = { connect: "connecting", gate: "waiting at a gate" };
  const label = `Timeline of ${plural(lanes.length, "host")} and clusters over ${duration(range.to - range.from)}: ${story.phases.map((p) => `${p.name} ${duration((p.end ?? range.to) - p.start)}`).join(", ")}`;
  const close = story.phases.map((p) => phase(p, all, lanes, range.to)).filter((m) => m !== NOTHING);
  return html`<div class="wide" tabindex="0" role="region" aria-label="Timeline">${chart(lanes, all, range, story.phases, label)}</div>
<p class="legend">${seen.map((s) => html`<span><i class="b-${s}"></i>${words[s] ?? s}</span>`)}</p>
${close.length > 1 ? html`<details class="close"><summary>Each phase at its own scale</summary>${close}</details>` : NOTHING}`;
}

function phase(p: PhaseSpan, all: readonly Bar[], order: readonly string[], end: number): Markup {
  const range = { from: p.start, to: p.end ?? end };
  const mine = all.filter((b) => b.kind !== "connect" && b.to > range.from && b.from < range.to && p.lanes.includes(b.lane));
  const lanes = order.filter((l) => mine.some((b) => b.lane === l));
  if (lanes.length === 0 || range.to - range.from < 1) return NOTHING;
  const tasks = mine.reduce((sum, b) => sum + b.tasks, 0);
  return html`<h3>${p.name} <span class="soft">${duration(range.to - range.from)}, ${plural(tasks, "task")}</span></h3>
<div class="wide" tabindex="0" role="region" aria-label="${p.name}">${chart(lanes, mine, range, [], `${p.name}: ${plural(lanes.length, "lane")} over ${duration(range.to - range.from)}`)}</div>`;
}

function bars({ tasks, gates, connected, unreachable, start }: Story): Bar[] {
  return [
    ...unreachable.map((u): Bar => ({ lane: u.lane, from: start, to: u.at, kind: "failed", tip: `unreachable: ${u.failure.what}`, tasks: 0 })),
    ...connected.map((c): Bar => ({ lane: c.lane, from: c.at - c.ms, to: c.at, kind: "connect", tip: `connected in ${duration(c.ms)}`, tasks: 0 })),
    ...gates.map(
      (g): Bar => ({
        lane: g.lane,
        from: g.at - g.ms,
        to: g.at,
        kind: g.status === "failed" ? "gate failed" : "gate",
        tip: `gate ${g.gate}: ${g.status} after ${duration(g.ms)}; ${g.detail}`,
        tasks: 0,
      }),
    ),
    ...tasks.map((t): Bar => ({ lane: t.lane, from: t.at - t.ms, to: t.at, kind: t.status, tip: about(t), tasks: 1 })),
  ];
}

const about = (t: TaskEnd): string => `${t.role}: ${t.task}\n${t.status}, ${duration(t.ms)}${t.reason ? `\n${t.reason}` : ""}`;

/** What would be too narrow to be seen is shown together, the worst status of it in front; failed ones always stand alone. */
function joined(bars: readonly Bar[], unit: number): Bar[] {
  const out: Bar[] = [];
  for (const bar of [...bars].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    const narrow = (b: Bar): boolean => b.to - b.from < SLIVER * unit;
    if (
      last &&
      last.kind === bar.kind &&
      last.tasks > 0 &&
      bar.tasks > 0 &&
      bar.kind !== "failed" &&
      bar.from - last.to < SLIVER * unit &&
      (narrow(last) || narrow(bar) || last.tasks > 1) &&
      narrow(bar)
    ) {
      last.tasks += bar.tasks;
      last.to = Math.max(last.to, bar.to);
      last.tip = `${last.tasks} tasks ${bar.kind}, ${duration(last.to - last.from)}\n… ${bar.tip.split("\n")[0]}`;
    } else out.push({ ...bar });
  }
  const rank = (k: string): number =>
    (["connect", "gate", "ok", "skipped", "unknown", "drift", "changed", "failed"] satisfies (Status | "connect" | "gate")[]).indexOf(k as Status);
  return out.sort((a, b) => rank(a.kind) - rank(b.kind));
}

function chart(lanes: readonly string[], bars: readonly Bar[], { from, to }: Range, phases: readonly PhaseSpan[], label: string): Markup {
  const rowHeight = lanes.length > 40 ? 12 : lanes.length > 12 ? 18 : 26;
  const top = phases.length > 0 ? TOP : 24;
  const height = top + lanes.length * rowHeight + 8;
  const x = (at: number): number => LEFT + (Math.min(Math.max(at, from) - from, to - from) / (to - from)) * (RIGHT - LEFT);
  const f = (value: number): string => value.toFixed(1);
  const axis = top - 6;
  const ticks = steps(to - from).map((t) => {
    const at = f(x(from + t));
    return html`<line class="tick" x1="${at}" x2="${at}" y1="${axis}" y2="${height - 6}"/><text class="axis" x="${at}" y="${axis - 5}" text-anchor="middle">${t === 0 ? "0" : t < 1000 ? `${t} ms` : `${t / 1000} s`}</text>`;
  });
  const bands = phases.map((p, i) => {
    const [a, b] = [x(p.start), x(p.end ?? to)];
    const room = Math.floor((b - a - 8) / 6.2);
    return html`<g><rect class="band${i % 2 ? " odd" : ""}" x="${f(a)}" y="0" width="${f(Math.max(1, b - a))}" height="${height - 6}"/>${room > 3 ? html`<text class="phase" x="${f(a + 5)}" y="14">${truncate(p.name, room)}</text>` : NOTHING}<title>${p.name}: ${duration((p.end ?? to) - p.start)}</title></g>`;
  });
  const rows = lanes.map((lane, i) => {
    const y = top + i * rowHeight;
    const inset = rowHeight > 20 ? 5 : 3;
    const mine = joined(
      bars.filter((b) => b.lane === lane),
      (to - from) / (RIGHT - LEFT),
    );
    const rects = mine.map(
      (b) =>
        html`<rect class="b-${b.kind}" data-tasks="${b.tasks}" x="${f(x(b.from))}" y="${y + inset}" width="${f(Math.max(1.4, x(b.to) - x(b.from)))}" height="${rowHeight - 2 * inset}" rx="1.5"><title>${lines([lane, ...b.tip.split("\n")])}</title></rect>\n`,
    );
    return html`<text class="lane" x="${LEFT - 10}" y="${y + rowHeight / 2 + 4}" text-anchor="end">${truncate(lane, 24)}</text><line class="row" x1="${LEFT}" x2="${RIGHT}" y1="${y + rowHeight / 2}" y2="${y + rowHeight / 2}"/>${rects}`;
  });
  return html`<svg class="timeline" viewBox="0 0 1000 ${height}" role="img" aria-label="${label}">${bands}${ticks}${rows}</svg>`;
}

/** Round steps of 1, 2 or 5 × 10ⁿ ms, at most eight. */
function steps(span: number): number[] {
  const rough = Math.max(1, span / 7);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? rough;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => Math.round(i * step));
}
