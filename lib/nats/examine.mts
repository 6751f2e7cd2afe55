import { type Check, checks, type Expectation } from "./health.mts";
import { type ObserveOptions, observe } from "./observe.mts";
import type { ClusterState } from "./state.mts";
import type { ClusterTarget } from "./target.mts";

export interface ExamineOptions extends ObserveOptions {
  /** while something fails, look again for so long, ms (default 3000): a replica that catches up at this moment is no fault */
  patienceMs?: number;
}

/** Looks at the cluster and judges it by every check, an anonymous client included unless told otherwise. Never throws for a sick cluster. */
export async function examine(
  target: ClusterTarget,
  expected: Expectation = {},
  options: ExamineOptions = {},
): Promise<{ state: ClusterState; checks: Check[] }> {
  const { patienceMs = 3000, ...look } = options;
  for (const until = Date.now() + patienceMs; ; ) {
    const state = await observe(target, { anonymous: true, ...look });
    const result = checks(state, expected);
    if (Date.now() >= until || !result.some((c) => c.status === "failed")) return { state, checks: result };
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
