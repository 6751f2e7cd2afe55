import { locationText } from "./failure.mts";
import type { Style } from "./style.mts";
import { type Lane, sum, type Tally } from "./tally.mts";
import { clean, duration, list, padEnd, padStart, plural } from "./text.mts";

export interface RecapOptions {
  style: Style;
  verbose?: boolean;
  cwd?: string;
}

/** The end of a run: slowest tasks (verbose), one line per lane in Ansible's words, what failed where, and the verdict. */
export function recapLines(tally: Tally, options: RecapOptions): string[] {
  const { style } = options;
  const lines: string[] = [];
  if (options.verbose) lines.push(...slowest(tally, style));
  const table = lanesTable(tally, style);
  if (table.length > 0) lines.push("", style.ink("bold", "recap"), ...table);
  lines.push("");
  for (const m of tally.mishaps) {
    const where = m.location && m.location.line > 0 ? ` (${locationText(m.location, options.cwd)})` : "";
    lines.push(
      `${style.ink("red", `failed: ${clean([m.lane, m.role, m.task].filter(Boolean).join(", "))}`)}${style.ink("dim", where)}: ${clean(m.what.split("\n")[0]!)}`,
    );
  }
  if (tally.stopped) lines.push(...stopped(tally, style));
  const good = verdict(tally);
  const ms = tally.ended?.ms ?? tally.at - (tally.run?.at ?? tally.at);
  lines.push(`${style.ink([good.ink, "bold"], good.text)} ${style.ink("dim", `(${duration(ms)})`)}`);
  return lines;
}

/** As Ansible counts: `ok` includes what was changed. Columns line up, and `changed=0` can be searched for. */
function lanesTable(tally: Tally, style: Style): string[] {
  const check = tally.run?.mode === "check";
  const rows = [...tally.lanes.values()]
    .filter((l) => l.isHost || Object.values(l.counts).some((n) => n > 0))
    .map((lane) => {
      const c = lane.counts;
      const cells: [string, number, "green" | "yellow" | "red" | "cyan" | "dim"][] = [
        ["ok", c.ok + c.changed, "green"],
        ["changed", c.changed, "yellow"],
        ["unreachable", lane.state === "unreachable" ? 1 : 0, "red"],
        ["failed", c.failed, "red"],
        ["skipped", c.skipped, "cyan"],
      ];
      if (check) cells.push(["drift", c.drift, "yellow"], ["unknown", c.unknown, "cyan"]);
      return { lane, cells };
    });
  const name = Math.max(0, ...rows.map((r) => r.lane.name.length));
  const widths = rows[0]?.cells.map((_, i) => Math.max(...rows.map((r) => String(r.cells[i]![1]).length))) ?? [];
  return rows.map(({ lane, cells }) => {
    const text = cells.map(([word, n, ink], i) => style.ink(n > 0 ? ink : "dim", padEnd(`${word}=${n}`, word.length + 1 + widths[i]!)));
    return `${style.ink(nameInk(lane), padEnd(clean(lane.name), name))} : ${text.join(" ").trimEnd()}`;
  });
}

const nameInk = (lane: Lane): "red" | "yellow" | "green" =>
  lane.state === "unreachable" || lane.counts.failed > 0 ? "red" : lane.counts.changed + lane.counts.drift > 0 ? "yellow" : "green";

function slowest(tally: Tally, style: Style): string[] {
  const tasks = tally.slowest.filter((t) => t.ms >= 1);
  if (tasks.length === 0) return [];
  const times = tasks.map((t) => duration(t.ms));
  const lanes = Math.max(...tasks.map((t) => t.lane.length));
  const roles = Math.max(...tasks.map((t) => t.role.length));
  return [
    "",
    style.ink("bold", "slowest tasks"),
    ...tasks.map(
      (t, i) =>
        `${padStart(times[i]!, Math.max(...times.map((x) => x.length)))}  ${padEnd(t.lane, lanes)}  ${style.ink("dim", padEnd(t.role, roles))}  ${clean(t.task)}`,
    ),
  ];
}

function stopped(tally: Tally, style: Style): string[] {
  const where =
    tally.stopped!.where.length > 0
      ? tally.stopped!.where
      : [...tally.lanes.values()].filter((l) => l.doing).map((l) => `${l.name}: at ${l.doing!.role}, ${l.doing!.task}`);
  return where.map((w) => `${style.ink("yellow", "stopped")}  ${clean(w)}`);
}

/** What the exit status means, in one line. */
export function verdict(tally: Tally): { text: string; ink: "green" | "yellow" | "red" } {
  const lanes = [...tally.lanes.values()];
  const total = sum(lanes.map((l) => l.counts));
  const exit = tally.ended?.exit;
  if (tally.stopped || exit === 130)
    return { ink: "yellow", text: `interrupted by ${tally.stopped?.signal ?? "a signal"}: what was done stays done; run the same command again to continue` };
  if (exit === undefined) return { ink: "red", text: "the run broke off before its end; run the same command again to continue" };
  const unreachable = lanes.filter((l) => l.state === "unreachable");
  const failed = lanes.filter((l) => l.state !== "unreachable" && (l.counts.failed > 0 || l.state === "failed"));
  const troubles = [failed.length > 0 ? `${names(failed)} failed` : "", unreachable.length > 0 ? `${names(unreachable)} unreachable` : ""].filter(Boolean);
  if (troubles.length > 0 || (exit !== 0 && exit !== 2)) {
    return {
      ink: "red",
      text: `${troubles.join(", ") || (exit === 3 ? "nothing was changed: the inventory doesn't fit, see below" : `failed with exit status ${exit}`)}${unreachable.length === 0 && troubles.length > 0 ? "; mend it and run the same command again" : ""}`,
    };
  }
  const later = total.unknown > 0 ? `, ${plural(total.unknown, "task")} can't be known until then` : "";
  const drifted = lanes.filter((l) => l.counts.drift > 0);
  if (drifted.length > 0) return { ink: "yellow", text: `${names(drifted)} would change${later}; run without --check to apply` };
  if (exit === 2) return { ink: "yellow", text: `something would change${later}; run without --check to apply` };
  const changed = lanes.filter((l) => l.counts.changed > 0);
  if (changed.length > 0) return { ink: "green", text: `done: ${names(changed)} changed` };
  const gates = tally.gates.passed > 0 ? `${plural(tally.gates.passed, "gate")} passed` : "";
  if (total.ok + total.skipped + total.unknown === 0) return { ink: "green", text: gates ? `done: ${gates}` : "done" };
  return { ink: "green", text: `nothing to change${later}` };
}

/** `1 host`, `2 hosts and nats-cluster-hk` */
function names(lanes: readonly Lane[]): string {
  const hosts = lanes.filter((l) => l.isHost).length,
    clusters = lanes.filter((l) => !l.isHost).map((l) => l.name);
  return clean(list([...(hosts > 0 ? [plural(hosts, "host")] : []), ...(clusters.length > 3 ? [plural(clusters.length, "cluster")] : clusters)]));
}
