import { createTwoFilesPatch } from "diff";

/** Time until a comparison is given up: it grows with size × differences. */
const MOST_MS = 1000;

/**
 * A unified diff that patch(1) accepts, `""` when the texts are equal. `null` is a file that isn't there.
 * Render it with `diffLines` (lib/report/diff-lines.mts), which makes invisible differences visible.
 */
export function unifiedDiff(path: string, current: string | null, desired: string | null): string {
  if (current === desired) return "";
  const from = current === null ? "/dev/null" : path;
  const to = desired === null ? "/dev/null" : path;
  if (current?.includes("\0") || desired?.includes("\0")) return `Binary files ${from} and ${to} differ\n`;
  const patch = createTwoFilesPatch(from, to, current ?? "", desired ?? "", "on the host", "desired", { context: 3, timeout: MOST_MS, stripTrailingCr: false });
  if (patch === undefined) return `Files ${from} and ${to} differ too much to compare line by line\n`;
  return patch.replace(/^(Index: .*\n)?=+\n/, "");
}
