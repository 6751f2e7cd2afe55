import type { Status } from "../../engine/events.mts";
import { locationText } from "../failure.mts";
import type { TaskEnd } from "../tally.mts";
import { duration, list, plural } from "../text.mts";
import { html, lines, type Markup, NOTHING, type Part, tableOf, toned } from "./markup.mts";
import type { Story } from "./story.mts";

/** Up to so many hosts each have a column; more are summed up. */
const COLUMNS = 4;
/** More changes than these are folded away. */
const FOLDED = 15;
const ORDER: Status[] = ["failed", "changed", "drift", "unknown", "skipped", "ok"];

/** What became, or would become, different; hosts with the same change share a row. */
export function changes({ tasks, tally, cwd }: Story): Markup {
  const hosts = [...tally.lanes.values()].filter((l) => l.isHost).length;
  const groups = new Map<string, TaskEnd[]>();
  for (const t of tasks.filter((t) => t.status === "changed" || t.status === "drift" || t.status === "unknown")) {
    const key = JSON.stringify([t.role, t.task, t.status, t.changes, t.diff, t.reason]);
    groups.set(key, [...(groups.get(key) ?? []), t]);
  }
  if (groups.size === 0) return NOTHING;
  const rows = [...groups.values()].map((same): Part[] => {
    const t = same[0]!;
    return [
      html`<span title="${locationText(t.location, cwd)}">${t.task}</span>`,
      toned(t.status, t.status),
      same.length > 1 && same.length === hosts
        ? `all ${hosts}`
        : html`<span title="${same.map((s) => s.lane).join(", ")}">${list(
            same.map((s) => s.lane),
            3,
          )}</span>`,
      t.role,
      html`${difference(t)}${t.diff ? html`<details><summary>diff</summary><pre>${diffLines(t.diff)}</pre></details>` : NOTHING}`,
    ];
  });
  const table = tableOf("Changes", [{ head: "task" }, { head: "result" }, { head: "on" }, { head: "role" }, { head: "what" }], rows, "changes");
  // Of a first rollout everything is new; what --check finds is what one looks for.
  return rows.length <= FOLDED || tally.run?.mode === "check"
    ? table
    : html`<details><summary>${plural(rows.length, "task")} changed something</summary>${table}</details>`;
}

const difference = (t: TaskEnd): Part =>
  t.changes.length > 0
    ? t.changes.map((c, i) => html`${i > 0 ? html`<br>` : NOTHING}${c.attribute} <del>${short(c.current)}</del> → <ins>${short(c.desired)}</ins>`)
    : (t.reason ?? "");

/** A hash by its beginning. */
const short = (value: string): string => value.replace(/\b([0-9a-f]{12})[0-9a-f]{20,}\b/g, "$1…") || "(empty)";

const diffLines = (diff: string): Markup =>
  html`${diff
    .replace(/\n$/, "")
    .split("\n")
    .map((l) => html`<span class="${l.startsWith("+") ? "plus" : l.startsWith("-") ? "minus" : "same"}">${lines([l])}</span>\n`)}`;

/** Every task with how it ended, how long it took, and the line that asks for it. */
export function allTasks({ tasks, tally, cwd }: Story): Markup {
  if (tasks.length === 0) return NOTHING;
  const rows = new Map<string, TaskEnd[]>();
  for (const t of tasks) {
    const key = JSON.stringify([t.phase, t.role, t.task]);
    rows.set(key, [...(rows.get(key) ?? []), t]);
  }
  const lanes = [...tally.lanes.keys()];
  const wide = lanes.length <= COLUMNS;
  const columns = [
    { head: "task" },
    { head: "role" },
    ...(wide ? lanes.map((head) => ({ head, number: true })) : [{ head: "on all" }]),
    { head: "written in" },
  ];
  const body = [...rows.values()].map((same): Part[] => {
    const t = same[0]!;
    const at = t.location.line > 0 ? html`<code>${locationText(t.location, cwd)}</code>` : "";
    const cells: Part[] = wide
      ? lanes.map((lane) => {
          const mine = same.filter((s) => s.lane === lane);
          return html`${mine.map((m, i) => html`${i > 0 ? html`<br>` : NOTHING}${outcome(m)}`)}`;
        })
      : [summed(same)];
    return [t.task, t.role, ...cells, at];
  });
  return html`<details class="all"><summary>All ${plural(tasks.length, "task")}: how each ended, how long it took, where it is written</summary>${tableOf("All tasks", columns, body, "tasks")}</details>`;
}

const outcome = (t: TaskEnd): Markup => html`<span${t.reason ? html` title="${t.reason}"` : NOTHING}>${toned(t.status, t.status)} ${duration(t.ms)}</span>`;

function summed(same: readonly TaskEnd[]): Markup {
  const kinds = ORDER.map((status) => ({ status, n: same.filter((t) => t.status === status).length })).filter((k) => k.n > 0);
  const slow = same.reduce((a, b) => (b.ms > a.ms ? b : a));
  const head = html`${kinds.map((k, i) => html`${i > 0 ? ", " : ""}${toned(k.status, `${k.n} ${k.status}`)}`)}, at most ${duration(slow.ms)} (${slow.lane})`;
  return html`<details><summary>${head}</summary>${same.map((t, i) => html`${i > 0 ? " · " : ""}${t.lane} ${outcome(t)}`)}</details>`;
}
