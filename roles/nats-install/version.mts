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

/** The oldest of several versions. */
export const oldestVersion = (versions: readonly string[]): string => versions.reduce((low, version) => (compareVersions(version, low) < 0 ? version : low));
