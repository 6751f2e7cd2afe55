import { basename } from "node:path";
import type { Change, Event } from "../engine/events.mts";
import { diffLines } from "./diff-lines.mts";
import { failureLines } from "./failure.mts";
import { Gathered } from "./gathered.mts";
import { recapLines } from "./recap.mts";
import type { Ink, Style } from "./style.mts";
import { tableLines } from "./table.mts";
import type { Counts, EventOf, Tally, TaskEnd } from "./tally.mts";
import { clean, duration, list, padEnd, plural, truncate, width } from "./text.mts";

export interface LinesOptions {
  style: Style;
  verbose?: boolean;
  /** show the diffs that events carry */
  diff?: boolean;
  cwd?: string;
  /** of the terminal, for tables; 0 for pipes */
  columns?: () => number;
  /** a live display shows what is being waited for, so that only its end needs a line */
  live?: boolean;
}

const INKS: Record<string, Ink> = {
  ok: "green",
  changed: "yellow",
  drift: "yellow",
  unknown: "cyan",
  skipped: "dim",
  failed: "red",
  warning: "yellow",
  passed: "green",
};
/** An equal change of several hosts is held back this long (ms) to become one line; of many hosts, which come to it one after another, longer. */
const HOLD_MS = 1000;
const HOLD_A_HOST_MS = 300;
/** Cells that the changes of a task may take beside its name; more go below it. */
const INLINE = 48;
/** Hosts that can't be reached of which all is told; of more, mostly for the same reason, a line each. */
const WHOLE = 5;
/** Files of more hosts than this, which hold each host's own name, are one change though their digests differ. */
const ALIKE = 12;
/** Hosts of a group that get a line each; more are listed below one line. */
const EACH = 3;

interface Group {
  readonly key: string;
  readonly tasks: TaskEnd[];
}

/** The permanent lines of a run, as the terminal and a pipe show them; equal changes on several hosts become one line. */
export class Lines {
  private groups: Group[] = [];
  private waiting = new Set<string>();
  private readonly gathered = new Gathered();
  /** whether the last line was empty */
  blank = false;
  private whereWidth = 4;
  private roleWidth = 4;
  private unreachable = 0;
  private readonly o: LinesOptions;
  private readonly tally: Tally;

  /** @param tally fed with each event before `of` gets it */
  constructor(tally: Tally, options: LinesOptions) {
    this.o = options;
    this.tally = tally;
  }

  of(e: Event): string[] {
    return this.spaced(this.textOf(e));
  }

  /** Never two empty lines in a row. */
  spaced(lines: string[]): string[] {
    return lines.filter((line) => {
      const doubled = line === "" && this.blank;
      this.blank = line === "";
      return !doubled;
    });
  }

  private textOf(e: Event): string[] {
    const { style, verbose } = this.o;
    switch (e.type) {
      case "run_start": {
        this.whereWidth = Math.max(...e.hosts.map(width), width(`all ${e.hosts.length} hosts`), 4);
        this.roleWidth = Math.max(...e.roles.map(width), 4);
        const mode = e.mode === "check" ? style.ink("cyan", "  check: nothing is written") : "";
        return [`${style.ink("bold", basename(e.playbook))}  ${clean(e.inventory)}${e.hosts.length ? `  ${plural(e.hosts.length, "host")}` : ""}${mode}`, ""];
      }
      case "warning":
        return [...this.flush(), this.line("warning", clean(e.text))];
      case "host_connected":
        return verbose ? [this.line("ok", this.where(e.lane), "connected", this.ms(e.ms))] : [];
      case "host_unreachable":
        if (++this.unreachable > WHOLE) return [...this.flush(), this.line("failed", this.where(e.lane), "unreachable", clean(e.failure.what.split("\n")[0]!))];
        return [...this.flush(), ...this.failure(e.failure, { lane: e.lane, task: "unreachable" })];
      case "phase_start":
        return this.flush();
      case "task_start":
      case "task_progress":
        return this.flush(e.at);
      case "task_end":
        return this.taskEnd(e);
      case "phase_end":
        return [...this.flush(), ...this.tables(this.lanesOf(e.phase)), ...this.phaseEnd(e)];
      case "gate":
        return this.gate(e);
      case "table":
        if (this.gathered.take(e, this.tally.phases.findLast((p) => p.ms === undefined)?.lanes ?? [])) return this.flush(e.at);
        return [...this.flush(), ...tableLines(e, style, this.o.columns?.() ?? 0)];
      case "figures":
      case "chart":
      case "topology":
      case "bench":
      case "stopped":
      case "run_end":
        return this.flush();
    }
  }

  /** Lines held back that are old enough at `now` (epoch ms). */
  due(now: number): string[] {
    return this.spaced(this.flush(now));
  }

  /** The last lines: what is still held back, then the recap. */
  end(): string[] {
    return this.spaced([...this.flush(), ...this.tables([...this.tally.lanes.keys()]), ...(this.tally.run ? recapLines(this.tally, this.o) : [])]);
  }

  private flush(now = Infinity): string[] {
    const due = this.groups.filter(({ tasks: [first] }) => now - first!.at >= Math.max(HOLD_MS, HOLD_A_HOST_MS * this.lanesOf(first!.phase).length));
    if (due.length === 0) return [];
    this.groups = this.groups.filter((g) => !due.includes(g));
    return due.flatMap((g) => this.group(g));
  }

  private tables(lanes: readonly string[]): string[] {
    return this.gathered.tables(lanes).flatMap((table) => tableLines(table, this.o.style, this.o.columns?.() ?? 0));
  }

  private taskEnd(e: TaskEnd): string[] {
    if (e.status === "failed") return [...this.flush(), ...this.failure(e.failure ?? { what: "failed" }, e), ...this.diff(e)];
    if (this.o.verbose) return [...this.flush(), ...this.task(e, [this.where(e.lane)], this.ms(e.ms))];
    if (e.status === "ok" || e.status === "skipped") return this.flush(e.at);
    const changes = this.lanesOf(e.phase).length > ALIKE ? withoutDigests(e.changes) : e.changes;
    const key = JSON.stringify([e.phase, e.role, e.task, e.status, changes, e.diff, e.reason]);
    const group = this.groups.find((g) => g.key === key);
    if (group) group.tasks.push(e);
    else this.groups.push({ key, tasks: [e] });
    // In order: a complete group waits for an incomplete one before it.
    const lines: string[] = [];
    while (this.groups[0] && this.groups[0].tasks.length >= this.lanesOf(e.phase).length) lines.push(...this.group(this.groups.shift()!));
    return [...lines, ...this.flush(e.at)];
  }

  private group({ tasks }: Group): string[] {
    const one = tasks[0]!;
    const lanes = this.lanesOf(one.phase);
    const alike = tasks.every((t) => JSON.stringify(t.changes) === JSON.stringify(one.changes));
    const first = alike ? one : { ...one, changes: withoutDigests(one.changes) };
    if (tasks.length <= EACH && tasks.length < Math.max(2, lanes.length)) return tasks.flatMap((t) => this.task(t, [this.where(t.lane)]));
    if (tasks.length === 1) return this.task(first, [this.where(first.lane)]);
    if (tasks.length === lanes.length)
      return this.task(first, [this.where(`all ${lanes.length} ${this.tally.lane(first.lane).isHost ? "hosts" : "clusters"}`)]);
    const lines = this.task(first, [this.where(`${tasks.length} of ${lanes.length}`)]);
    lines.splice(
      1,
      0,
      this.below(
        this.o.style.ink(
          "dim",
          list(
            lanes.filter((lane) => tasks.some((t) => t.lane === lane)),
            12,
          ),
        ),
      ),
    );
    return lines;
  }

  private task(e: TaskEnd, where: string[], ms = ""): string[] {
    const { style } = this.o;
    const changes = e.diff !== undefined && this.o.diff ? [] : e.changes.map((c) => this.change(c));
    const inline = changes.join(style.ink("dim", ", "));
    const reason = e.reason ? style.ink("dim", `(${clean(e.reason)})`) : "";
    const name = `${clean(e.task)}${e.handler ? style.ink("dim", " (handler)") : ""}`;
    const line = (...more: string[]): string => this.line(e.status, ...where, style.ink("dim", padEnd(clean(e.role), this.roleWidth)), name, ...more, ms);
    const short = line(inline, reason);
    if (width(inline) <= INLINE && this.fits(short)) return [short, ...this.diff(e)];
    const bare = line(reason);
    const details = changes.map((c) => this.below(c));
    if (this.fits(bare)) return [bare, ...details, ...this.diff(e)];
    return [line(), ...(reason ? [this.below(reason)] : []), ...details, ...this.diff(e)];
  }

  private fits(line: string): boolean {
    const columns = this.o.columns?.() ?? 0;
    return columns === 0 || width(line) <= columns;
  }

  private diff(e: TaskEnd): string[] {
    return e.diff !== undefined && this.o.diff ? diffLines(e.diff, this.o.style).map((l) => this.below(l)) : [];
  }

  private change(c: Change): string {
    const { style } = this.o;
    return `${style.ink("dim", clean(c.attribute))} ${this.value(c.current)} ${style.ink("dim", style.symbols.arrow)} ${this.value(c.desired)}`;
  }

  private value(text: string): string {
    if (text === "") return "''";
    // Twelve digits are enough for people; events have them all.
    const short = text.replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, `$1${this.o.style.symbols.ellipsis}`);
    return truncate(clean(short.replaceAll("\n", "\\n")), 100, this.o.style.symbols.ellipsis);
  }

  private gate(e: EventOf<"gate">): string[] {
    if (e.status === "failed") return [...this.flush(), ...this.failure(e.failure ?? { what: e.detail }, { lane: e.lane, task: `gate ${e.gate}` })];
    const id = `${e.lane}\0${e.gate}`;
    const known = this.waiting.has(id);
    if (e.status === "waiting") this.waiting.add(id);
    else this.waiting.delete(id);
    // A gate that opens at once is no news; one that was waited for says so when the wait begins and when it ends.
    if (known ? e.status === "waiting" : e.status === "passed" && !this.o.verbose) return this.flush(e.at);
    if (this.o.live && e.status === "waiting") return this.flush();
    return [
      ...this.flush(),
      this.line(
        e.status,
        this.where(e.lane),
        this.o.style.ink("dim", padEnd("gate", this.roleWidth)),
        clean(e.gate),
        this.o.style.ink("dim", clean(e.detail)),
        e.status === "passed" ? this.ms(e.ms) : "",
      ),
    ];
  }

  private phaseEnd(e: EventOf<"phase_end">): string[] {
    const counts = this.tally.phases.findLast((p) => p.name === e.phase)?.counts;
    return [this.o.style.ink("dim", `${clean(e.phase)}: ${counts ? countsText(counts) : "done"} in ${duration(e.ms)}`)];
  }

  private failure(f: NonNullable<TaskEnd["failure"]>, c: { lane: string; role?: string; task: string; location?: TaskEnd["location"] }): string[] {
    return [
      "",
      ...failureLines(f, { lane: c.lane, role: c.role, task: c.task, location: c.location, cwd: this.o.cwd, style: this.o.style, columns: this.o.columns?.() }),
      "",
    ];
  }

  private line(word: string, ...parts: string[]): string {
    return [this.o.style.ink(INKS[word] ?? "cyan", padEnd(word, 7)), ...parts.filter((p) => p !== "")].join("  ").trimEnd();
  }

  private where = (text: string): string => padEnd(clean(text), this.whereWidth);
  private ms = (ms: number): string => this.o.style.ink("dim", duration(ms));
  private below = (text: string): string => `${" ".repeat(9)}${text}`;
  private lanesOf = (phase: string): readonly string[] => this.tally.phases.findLast((p) => p.name === phase)?.lanes ?? [];
}

const withoutDigests = (changes: readonly Change[]): Change[] => {
  const cut = (text: string): string => text.replace(/\b[0-9a-f]{64}\b/g, "…");
  return changes.map((c) => ({ ...c, current: cut(c.current), desired: cut(c.desired) }));
};

/** `174 ok, 3 changed, 2 skipped`; the summary of a phase with nothing in it says so. */
export function countsText(counts: Counts): string {
  const parts = (Object.entries(counts) as [string, number][]).filter(([, n]) => n > 0).map(([status, n]) => `${n} ${status}`);
  return parts.length > 0 ? parts.join(", ") : "nothing to do";
}
