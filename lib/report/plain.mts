import { Lines, type LinesOptions } from "./lines.mts";
import type { Out, Reporter } from "./reporter.mts";
import { Tally } from "./tally.mts";

/** Lines for pipes and CI: what changed, failed, drifted or isn't known, and one line per phase; with `verbose` every task. */
export function plain({ stdout, ...options }: LinesOptions & { stdout: Out }): Reporter {
  const tally = new Tally();
  const lines = new Lines(tally, options);
  const print = (texts: string[]): void => {
    if (texts.length > 0) stdout.write(`${texts.join("\n")}\n`);
  };
  return {
    event(e) {
      tally.event(e);
      print(lines.of(e));
    },
    end() {
      print(lines.end());
    },
  };
}
