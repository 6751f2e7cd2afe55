import type { Ink, Style } from "./style.mts";
import type { Lane, Tally } from "./tally.mts";
import { clean, padEnd, padStart, truncate, truncateMiddle, width } from "./text.mts";

export interface Size {
  columns: number;
  rows: number;
}

type Count = { word: string; short: string; ink: Ink; of(lane: Lane): number };
const APPLY: Count[] = [
  { word: "ok", short: "ok", ink: "green", of: (l) => l.counts.ok + l.counts.changed },
  { word: "changed", short: "chg", ink: "yellow", of: (l) => l.counts.changed },
  { word: "skipped", short: "skip", ink: "cyan", of: (l) => l.counts.skipped },
  { word: "failed", short: "fail", ink: "red", of: (l) => l.counts.failed },
];
const CHECK: Count[] = [
  APPLY[0]!,
  { word: "drift", short: "drift", ink: "yellow", of: (l) => l.counts.drift },
  { word: "unknown", short: "unkn", ink: "cyan", of: (l) => l.counts.unknown },
  ...APPLY.slice(2),
];
/** Who gets a row when there are more lanes than rows. */
const PRIORITY: Lane["state"][] = ["failed", "unreachable", "running", "connecting", "waiting", "done"];
/** ms after which a task shows how long it has been at it */
const SLOW_MS = 2000;

/** The live part of the screen: a title with the phase's progress, then a row per lane; each line narrower than the screen. */
export function frame(tally: Tally, size: Size, now: number, style: Style): string[] {
  const lanes = [...tally.lanes.values()];
  const most = Math.max(1, Math.min(size.rows - 5, Math.max(6, Math.floor(size.rows * 0.6))));
  const shown = lanes.length <= most ? lanes : foremost(lanes, most);
  const columns = layout(tally, lanes, size.columns - 1);
  const lines = [title(tally, columns, now, style), ...shown.map((lane) => row(lane, columns, now, style))];
  if (shown.length < lanes.length)
    lines.push(
      rest(
        lanes.filter((l) => !shown.includes(l)),
        columns,
        style,
      ),
    );
  return lines;
}

interface Columns {
  total: number;
  name: number;
  role: number;
  task: number;
  counts: { count: Count; width: number; head: string }[];
  time: number;
}

/** Narrow screens shorten the headings and the role, then lose the role, then counts; host and task stay. */
function layout(tally: Tally, lanes: readonly Lane[], total: number): Columns {
  const all = tally.run?.mode === "check" ? CHECK : APPLY;
  const wide = total >= 99;
  const name = Math.min(Math.max(...lanes.map((l) => width(l.name)), 4), 24, Math.max(4, Math.floor(total / 3)));
  const role = total >= 70 ? Math.min(Math.max(...(tally.run?.roles ?? []).map(width), 4), wide ? 18 : 12) : 0;
  const time = total >= 50 ? (wide ? 8 : 7) : 0;
  const counts = (total >= 60 ? all : total >= 40 ? all.slice(0, 2) : []).map((count) => {
    const head = wide ? count.word : count.short;
    return { count, head, width: Math.max(head.length, 3) + (wide ? 2 : 1) };
  });
  const used = 2 + name + 2 + (role > 0 ? role + 2 : 0) + counts.reduce((a, c) => a + c.width, 0) + time;
  return { total, name, role, counts, time, task: Math.max(0, total - used) };
}

function title(tally: Tally, c: Columns, now: number, style: Style): string {
  const open = tally.phases.filter((p) => p.ms === undefined);
  const lanes = new Set(open.flatMap((p) => p.lanes));
  const connecting = [...tally.lanes.values()].some((l) => l.state === "connecting");
  const text = tally.stopped
    ? "stopping at the next step"
    : open.length > 0
      ? [...new Set(open.map((p) => p.name))].join(", ")
      : connecting
        ? "connecting"
        : "working";
  const spinner = [...style.symbols.spinner];
  const left = 2 + c.name + 2 + (c.role > 0 ? c.role + 2 : 0) + c.task;
  const name = truncate(clean(text), Math.max(8, left - 14), style.symbols.ellipsis);
  const inLanes = [...lanes].map((l) => tally.lanes.get(l)!);
  const total = inLanes.reduce((a, l) => a + Math.max(l.total, l.ended), 0);
  const done = inLanes.reduce((a, l) => a + (l.state === "running" || l.state === "waiting" ? l.ended : Math.max(l.total, l.ended)), 0);
  const room = Math.min(30, left - 2 - name.length - 2 - 6 - 1);
  const bar = total > 0 && room >= 6 ? `${progress(done / total, room, style)} ${padStart(`${Math.floor((done / total) * 100)}%`, 4)}` : "";
  const barCells = bar === "" ? 0 : room + 5;
  const head = c.counts.map((x) => padStart(x.head, x.width)).join("");
  const since = open[0]?.start ?? tally.run?.at ?? now;
  const time = c.time > 0 ? padStart(clock(now - since), c.time) : "";
  const gap = " ".repeat(Math.max(0, left - 2 - name.length - (bar === "" ? 0 : 2 + barCells)));
  return `${style.ink("cyan", spinner[Math.floor(now / 120) % spinner.length]!)} ${style.ink("bold", name)}${bar === "" ? "" : `  ${bar}`}${gap}${style.ink("dim", head + time)}`;
}

function progress(share: number, cells: number, style: Style): string {
  const full = Math.min(cells, Math.round(share * cells));
  return style.ink("cyan", style.symbols.bar.repeat(full)) + style.ink("dim", style.symbols.track.repeat(cells - full));
}

function row(lane: Lane, c: Columns, now: number, style: Style): string {
  const busy = lane.gate !== undefined || lane.doing !== undefined;
  const broken = lane.state === "failed" || lane.state === "unreachable";
  const [mark, ink] = busy ? MARKS.running : MARKS[lane.state];
  const { ellipsis, dot } = style.symbols;
  const name = padEnd(truncate(clean(lane.name), c.name, ellipsis), c.name);
  const roleCells = c.role > 0 ? c.role + 2 : 0;
  // Without a task there is no role either: the state stands where the role would.
  const text = busy
    ? style.ink("dim", padEnd(c.role > 0 ? truncate(clean(lane.gate ? "gate" : lane.doing!.role), c.role, ellipsis) : "", roleCells)) +
      padEnd(activity(lane, c.task, now, ellipsis), c.task)
    : style.ink(broken ? "red" : "dim", padEnd(truncate(lane.state, roleCells + c.task, ellipsis), roleCells + c.task));
  const counts = c.counts
    .map(({ count, width: cells }) => {
      const n = count.of(lane);
      return n === 0 ? style.ink("dim", padStart(dot, cells)) : style.ink(count.word === "ok" ? [] : count.ink, padStart(String(n), cells));
    })
    .join("");
  const timed = c.time > 0 && lane.total > 0 && (busy || lane.until !== undefined);
  const time = timed ? style.ink("dim", padStart(clock((busy ? now : lane.until!) - lane.since), c.time)) : "";
  return `${style.ink(ink, style.symbols[mark])} ${busy || broken ? name : style.ink("dim", name)}  ${text}${counts}${time}`;
}

const MARKS: Record<Lane["state"], [keyof Omit<Style["symbols"], "spinner">, Ink]> = {
  connecting: ["waiting", "dim"],
  waiting: ["waiting", "dim"],
  running: ["running", "cyan"],
  done: ["ok", "green"],
  failed: ["failed", "red"],
  unreachable: ["failed", "red"],
};

/** The task in at most `cells` cells; how far and how long it is come whole, the name gives way. */
function activity(lane: Lane, cells: number, now: number, ellipsis: string): string {
  const { gate, doing } = lane;
  const since = gate?.since ?? doing?.since ?? now;
  const text = gate ? `${gate.gate}: ${gate.detail}` : (doing?.task ?? "");
  const tail = [gate ? "" : (doing?.progress ?? ""), now - since >= SLOW_MS ? clock(now - since) : ""]
    .filter(Boolean)
    .map((t) => `  ${clean(t)}`)
    .join("");
  const room = cells - width(tail);
  return room >= 8 ? truncateMiddle(clean(text), room, ellipsis) + tail : truncateMiddle(clean(text), cells, ellipsis);
}

/** Of more lanes than fit, those that need to be seen, in the inventory's order. */
function foremost(lanes: readonly Lane[], most: number): Lane[] {
  const chosen = new Set([...lanes].sort((a, b) => PRIORITY.indexOf(a.state) - PRIORITY.indexOf(b.state)).slice(0, most));
  return lanes.filter((l) => chosen.has(l));
}

function rest(lanes: readonly Lane[], c: Columns, style: Style): string {
  const states = PRIORITY.map((state) => [state, lanes.filter((l) => l.state === state).length] as const).filter(([, n]) => n > 0);
  const text = `and ${lanes.length} more: ${states.map(([state, n]) => `${n} ${state}`).join(", ")}`;
  return `  ${style.ink("dim", truncate(text, c.total - 2, style.symbols.ellipsis))}`;
}

/** 4.1s, 59.9s, 3:05, 1:02:03: seven cells at most, so that columns stand still. */
export function clock(ms: number): string {
  const tenths = Math.max(0, Math.floor(ms / 100));
  if (tenths < 600) return `${Math.floor(tenths / 10)}.${tenths % 10}s`;
  const s = Math.floor(tenths / 10);
  const two = (n: number): string => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
}
