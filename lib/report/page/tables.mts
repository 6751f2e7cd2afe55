import type { EventOf, Lane } from "../tally.mts";
import { duration } from "../text.mts";
import { html, lines, type Markup, NOTHING, type Part, tableOf, toned } from "./markup.mts";
import type { Story } from "./story.mts";

const NUMBER = /^[-+]?[\d.,]+( ?\S{1,7})?$|^-?$/;
const TONES: [RegExp, string][] = [
  [/^(ok|passed|yes)$/i, "ok"],
  [/^(failed|fail|missing|unreachable|no)$/i, "failed"],
  [/^(warning|skipped\b.*)$/i, "changed"],
];
/** Columns in which anything but nothing is bad. */
const SHOULD_BE_NONE = /^(acked lost|lost|stored twice|twice|duplicates)$/i;

type Table = EventOf<"table">;

/** Of the table that tells what the drawing shows. */
const SERVERS = ": servers";

/** Tables that the run told; those of the same columns are one, a row for each. The servers' table stands with the topology. */
export function joined({ topologies, tally }: Story, tables: readonly Table[]): { titles: string[]; body: Markup }[] {
  const clusters = [...tally.lanes.values()].filter((l) => !l.isHost).map((l) => l.name);
  const short = (title: string): string => (clusters.length === 1 && title.startsWith(`${clusters[0]}: `) ? title.slice(clusters[0]!.length + 2) : title);
  const groups = new Map<string, Table[]>();
  for (const t of tables) {
    if (topologies.some((v) => t.title === v.lane + SERVERS)) continue;
    // Several rows are a table of their own.
    const key = JSON.stringify(t.rows.length === 1 ? t.columns : t);
    groups.set(key, [...(groups.get(key) ?? []), t]);
  }
  return [...groups.values()]
    .map((same) => {
      const titles = same.map((t) => short(t.title));
      const [first] = same;
      if (same.length === 1) return { titles, body: told(titles[0]!, first!.columns, first!.rows) };
      return {
        titles,
        body: told(
          titles.join(", "),
          ["", ...first!.columns],
          same.flatMap((t, i) => t.rows.map((r) => [titles[i]!, ...r])),
        ),
      };
    })
    .filter(({ body }) => body !== NOTHING);
}

/** The servers' table of a cluster. */
export const serversOf = ({ tables }: Story, lane: string): Markup => {
  const last = tables.findLast((t) => t.title === lane + SERVERS);
  return last ? told(last.title, last.columns, last.rows) : NOTHING;
};

/** A table as the run told it: numbers to the right, ok and failed in their colours. */
function told(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): Markup {
  if (rows.length === 0) return NOTHING;
  // A column without a heading is a text, e.g. YAML to be copied.
  if (columns.length === 1 && columns[0] === "") return html`<pre class="copy-me">${lines(rows.map(([text = ""]) => text))}</pre>`;
  const numeric = columns.map((_, i) => i > 0 && rows.every((r) => NUMBER.test(r[i] ?? "")));
  const cell = (text: string, i: number) => {
    const tone = TONES.find(([pattern]) => pattern.test(text))?.[1];
    if (tone) return toned(tone, text);
    if (!SHOULD_BE_NONE.test(columns[i] ?? "") || !numeric[i]) return text;
    return text === "0" ? toned("ok", text) : /[1-9]/.test(text) ? toned("failed", text) : text;
  };
  return tableOf(
    title,
    columns.map((head, i) => ({ head, number: numeric[i] })),
    rows.map((r) => {
      const cells = columns.map((_, i) => cell(r[i] ?? "", i));
      // A row that was left out has one thing to say.
      return r.slice(2).every((text) => text === "-" || text === "") && /^skipped: /.test(r[1] ?? "") ? cells.slice(0, 2) : cells;
    }),
  );
}

/** Tasks of each host by how they ended, in Ansible's words: `ok` includes what was changed. */
export function recap({ tally }: Story): Markup {
  const lanes = [...tally.lanes.values()].filter((l) => l.isHost || Object.values(l.counts).some((c) => c > 0));
  if (lanes.every((l) => l.state !== "unreachable" && Object.values(l.counts).every((c) => c === 0))) return NOTHING;
  const check = tally.run?.mode === "check";
  const kinds = ["ok", "changed", "unreachable", "failed", "skipped", ...(check ? ["drift", "unknown"] : [])];
  const row = (lane: Lane): Part[] => {
    const c: Record<string, number> = { ...lane.counts, ok: lane.counts.ok + lane.counts.changed, unreachable: lane.state === "unreachable" ? 1 : 0 };
    return [lane.name, ...kinds.map((k) => (c[k] ? toned(k, c[k]) : toned("none", 0)))];
  };
  const table = (which: readonly Lane[]): Markup =>
    which.length === 0 ? NOTHING : tableOf("Tasks by host", [{ head: "host" }, ...kinds.map((head) => ({ head, number: true }))], which.map(row));
  if (lanes.length <= HOSTS) return table(lanes);
  const troubled = (l: Lane): boolean => l.state === "unreachable" || l.counts.failed > 0;
  const well = lanes.filter((l) => !troubled(l));
  return html`${table(lanes.filter(troubled))}<details><summary>${well.length} ${well.length < lanes.length ? "others" : "hosts and clusters"}, without a failure</summary>${table(well)}</details>`;
}

/** Of more hosts than these only those with a failure are shown at once. */
const HOSTS = 12;
/** What is good on more than so many is folded away. */
const FOLDED = 9;

/** What was looked at and how it was found, one check with all that it was made on. */
export function checks(story: Story): Markup {
  const all = story.checks;
  if (all.length === 0) return NOTHING;
  const groups = new Map<string, { asset: string; status: string; seen: string }[]>();
  for (const t of all) {
    const [, title = t.task, asset = ""] = /^(.+?): (.+)$/.exec(t.task) ?? [];
    const seen = t.failure?.what ?? t.reason ?? "";
    groups.set(title, [...(groups.get(title) ?? []), { asset, status: t.status, seen }]);
  }
  const rank = (status: string): number => (status === "failed" ? 0 : status === "ok" ? 2 : 1);
  const worst = (found: { status: string }[]): string => [...found].sort((a, b) => rank(a.status) - rank(b.status))[0]!.status;
  const rows = [...groups]
    .sort(([, a], [, b]) => rank(worst(a)) - rank(worst(b)))
    .map(([title, found]) => {
      // Where all saw the same, it is said once.
      const same = found.length > 1 && new Set(found.map((f) => `${f.status} ${f.seen}`)).size === 1;
      const each = html`${found.map((f) => html`<span class="seen">${f.asset ? html`<span class="asset">${f.asset}</span> ` : NOTHING}${f.status === "ok" ? f.seen : toned(f.status, f.seen)}</span> `)}`;
      const what = same
        ? html`<span class="seen"><span class="asset">all ${found.length}</span> ${found[0]!.seen}</span>`
        : found.length > FOLDED && worst(found) === "ok"
          ? html`<details><summary>on ${found.length}</summary>${each}</details>`
          : each;
      return [title, toned(worst(found), worst(found)), what];
    });
  return tableOf("Checks", [{ head: "check" }, { head: "result" }, { head: "what was seen" }], rows, "checks");
}

/** What took longest. */
export const slowest = ({ tally }: Story): Markup => {
  const tasks = tally.slowest.filter((t) => t.ms >= 1);
  return tasks.length === 0
    ? NOTHING
    : tableOf(
        "Slowest tasks",
        [{ head: "task" }, { head: "time", number: true }, { head: "host" }, { head: "role" }],
        tasks.map((t) => [t.task, duration(t.ms), t.lane, t.role]),
      );
};
