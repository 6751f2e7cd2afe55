import type { LoadConnection, WorkerShare } from "./types.mts";

/**
 * Messages per second, over the planned time or, when it took longer, the time it took: a rate is never more than was offered
 * because the last messages came a little early.
 */
export const perSecond = (count: number, seconds: number, ms: number): number => count / Math.max(seconds, ms / 1000);

export function shares(workers: readonly LoadConnection[], taken: readonly number[]): WorkerShare[] {
  const all = taken.reduce((sum, n) => sum + n, 0);
  return workers.map((w, i) => ({ node: w.node, worker: i + 1, delivered: taken[i]!, share: all ? taken[i]! / all : 0 }));
}
