import { writeResult } from "../support/page.mts";
import { type Trial, WAYS } from "./disturb.mts";

/** Writes the result of a sweep into docs/reliability.md, between its marks. */
export function record(trials: readonly Trial[], { commit, seed, possible }: { commit: string; seed: number; possible: number }): void {
  const count = (wanted: (t: Trial) => boolean): string => String(trials.filter(wanted).length);
  const bad = trials.filter((t) => t.problems.length > 0);
  const kind = (t: Trial): string => Object.keys(t.moment)[0]!;
  const text = [
    `Last sweep: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC, commit ${commit}, seed ${seed}: **${trials.length} of ${possible} points hit, ${bad.length} with problems**, ${Math.round(trials.reduce((a, t) => a + t.seconds, 0) / 60)} minutes.`,
    "",
    "| hit | bare host | change | problems |",
    "|---|---|---|---|",
    ...WAYS.map(
      (way) =>
        `| ${way} | ${count((t) => t.way === way && t.scenario === "bare")} | ${count((t) => t.way === way && t.scenario === "change")} | ${count((t) => t.way === way && t.problems.length > 0)} |`,
    ),
    "",
    `Of these, ${count((t) => kind(t) === "command")} before a given command of a step, ${count((t) => kind(t) === "event")} when a task began or ended, ${count((t) => kind(t) === "bytes")} in the middle of a push, ${count((t) => kind(t) === "ms")} after a random time; ${count((t) => t.where === "")} came after the run's own end.`,
    ...bad.flatMap((t) => [
      "",
      `- ${t.scenario}, ${t.way}, ${JSON.stringify(t.moment)} (${t.where}):`,
      ...t.problems.slice(0, 10).map((p) => `  - ${p.split("\n")[0]!.slice(0, 300)}`),
    ]),
  ].join("\n");
  writeResult("npm run test:long", text);
}
