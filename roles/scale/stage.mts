import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { verified } from "../verify/verified.mts";
import type { Change } from "./choose.mts";

/** Something went wrong, or the run was stopped: what comes next must not be done. */
export const troubled = (run: SiteRun): boolean => run.stopped || run.connections.unreachable.size > 0 || Object.values(run.recap).some((c) => c.failed > 0);

export type Say = (text: string) => void;

/** One step on the cluster: what it would change, and how. Without changes there is nothing to do. */
export interface Step {
  task: string;
  /** `attribute: current → desired`; asked in both modes */
  changes: () => Promise<NonNullable<TaskResult["changes"]>>;
  /** under --check nothing can be said of it, for this reason */
  later?: string;
  work?: (say: Say, signal: AbortSignal) => Promise<void>;
}

/** Some steps on the cluster, one after another; the first that fails ends them. @returns whether the run may go on */
export async function stage(run: SiteRun, phase: string, cluster: Cluster, steps: readonly Step[]): Promise<boolean> {
  if (troubled(run)) return false;
  await clusterPhase(
    run,
    phase,
    {
      kind: "cluster",
      name: "scale",
      list: () => steps.map((s) => s.task),
      async *tasks() {
        for (const step of steps) {
          yield asTask(run, cluster, step);
          if (troubled(run)) return;
        }
      },
    },
    [cluster],
  );
  return !troubled(run);
}

const asTask = (run: SiteRun, { name: lane }: Cluster, { task, changes, work, later }: Step): ClusterTask => ({
  task,
  at: { file: "", line: 0 },
  async run(mode, signal) {
    if (mode === "check" && later !== undefined) return { status: "skipped", reason: later };
    const wanted = await changes();
    if (mode === "check") return wanted.length ? { status: "drift", changes: wanted } : { status: "ok" };
    await work?.((text) => run.emit({ type: "task_progress", lane, role: "scale", task, text }), signal);
    return wanted.length ? { status: "changed", changes: wanted } : { status: "ok" };
  },
});

/** An error in plain words with the next thing to do, as a task's failure shows it. */
export const refusal = (what: string, next: string): Error => Object.assign(new Error(what), { next });

/** Nothing has begun. A host that is to leave and is gone already is another playbook's. */
export function unreachable(run: SiteRun, { leaving }: Change): void {
  const gone = leaving.flatMap((l) => l.host?.name ?? []).filter((name) => run.connections.unreachable.has(name));
  if (gone.length)
    run.emit({
      type: "warning",
      text: `${gone.join(", ")} can't be reached, so nothing was done; if gone for good: replace-node.mts --dead ${gone.join(",")}`,
    });
}

/** The proof at the end. Under --check it would only tell what is still to be changed. */
export async function finish(run: SiteRun): Promise<void> {
  if (run.mode === "check" && Object.values(run.recap).some((c) => c.drift || c.unknown)) return;
  if (!troubled(run)) await verified(run);
}
