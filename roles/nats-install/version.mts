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

/** The oldest of several versions. */
export const oldestVersion = (versions: readonly string[]): string => versions.reduce((low, version) => (compareVersions(version, low) < 0 ? version : low));
