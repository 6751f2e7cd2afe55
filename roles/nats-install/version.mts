/** Negative when a is older than b; a pre-release (2.15.0-RC.1) is older than its release. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => /^(\d+)\.(\d+)\.(\d+)(?:-(.+))?$/.exec(text)!);
  for (const i of [1, 2, 3]) {
    const difference = Number(left![i]) - Number(right![i]);
    if (difference !== 0) return difference;
  }
  const [before, after] = [left![4], right![4]];
  if (before === after) return 0;
  return before === undefined ? 1 : after === undefined ? -1 : before < after ? -1 : 1;
}

/**
 * Whether a store written by one version can be read by an older one: from 2.12 on only down to 2.11.9, before that down to 2.9.22
 * (nats-server's release notes on downgrading).
 */
export const canGoDown = (from: string, to: string): boolean =>
  compareVersions(to, from) >= 0 || compareVersions(to, compareVersions(from, "2.12.0") >= 0 ? "2.11.9" : "2.9.22") >= 0;

/** The minor releases of the supported way up, one step at a time (nats-server's release notes); 2.11 and 2.13 lie beside it. */
const STEPS = ["2.9", "2.10", "2.12", "2.14", "2.15"];

/** Minor releases that going from one version to a newer one leaves out; none when it is a single step, or a way down. */
export function skippedMinors(from: string, to: string): string[] {
  const rung = (version: string): number => STEPS.filter((minor) => compareVersions(version, `${minor}.0`) >= 0).length - 1;
  return STEPS.slice(rung(from) + 1, Math.max(rung(from) + 1, rung(to)));
}

/** The oldest of several versions. */
export const oldestVersion = (versions: readonly string[]): string => versions.reduce((low, version) => (compareVersions(version, low) < 0 ? version : low));
