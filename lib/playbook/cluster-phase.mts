import type { Failure } from "../engine/events.mts";
import { pool } from "../pool.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "./role.mts";
import type { Run } from "./run.mts";

/** A named thing that cluster roles work on. */
interface Named {
  readonly name: string;
}

/** A role's tasks on each cluster of the run, one after another; the clusters side by side, --forks at once. */
export async function clusterPhase<V, C extends Named>(run: Run<V>, phase: string, role: ClusterRole<C>, clusters: readonly C[]): Promise<void> {
  if (!clusters.length || !run.wants(role as ClusterRole<never>) || run.stopsBefore(phase)) return;
  const since = performance.now();
  run.emit({ type: "phase_start", phase, lanes: clusters.map((c) => c.name), tasks: Object.fromEntries(clusters.map((c) => [c.name, role.list(c).length])) });
  let alone: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = alone.then(work);
    alone = mine.catch(() => {});
    return mine;
  };
  await pool(clusters, run.config.options.forks, async (cluster) => {
    const lane = { run, phase, lane: cluster.name, role: role.name };
    try {
      for await (const task of role.tasks(cluster, run.abort.signal)) {
        if (run.stopped) {
          run.noteStop(`${cluster.name}: before ${task.task}`);
          break;
        }
        if (run.selection.wants(role.name, task.task) || (task.listed !== undefined && run.selection.wants(role.name, task.listed)))
          await (task.alone ? inTurn(async () => void (run.stopped || (await one(lane, task)))) : one(lane, task));
      }
    } catch (error) {
      if (run.stopped) run.noteStop(`${cluster.name}: in ${role.name}`);
      else unusable(lane, toFailure(error));
    }
  });
  run.emit({ type: "phase_end", phase, ms: performance.now() - since });
}

interface Lane<V> {
  run: Run<V>;
  phase: string;
  lane: string;
  role: string;
}

async function one<V>({ run, phase, lane, role }: Lane<V>, task: ClusterTask): Promise<void> {
  const about = { lane, phase, role, task: task.task, location: task.at };
  const since = performance.now();
  run.emit({ type: "task_start", ...about });
  let result: TaskResult;
  try {
    result = await task.run(run.mode, run.abort.signal);
  } catch (error) {
    if (run.stopped) throw error;
    result = { status: "failed", failure: toFailure(error) };
  }
  run.emit({ type: "task_end", ...about, changes: [], ...foreseen(run, result), ms: performance.now() - since });
}

/** Under --check a failure says nothing when something would change before: then it isn't known how it will be. */
function foreseen<V>(run: Run<V>, result: TaskResult): TaskResult {
  if (result.status !== "failed" || run.mode !== "check" || !Object.values(run.recap).some((c) => c.drift || c.unknown)) return result;
  return { status: "unknown", reason: `depends on what would change first; now: ${result.failure?.what ?? "it fails"}` };
}

/** The cluster can't be asked at all. */
function unusable<V>({ run, phase, lane, role }: Lane<V>, failure: Failure): void {
  const about = { type: "task_end" as const, lane, phase, role, task: `cluster ${lane}`, location: { file: "", line: 0 }, ms: 0, changes: [] };
  run.emit({ ...about, ...foreseen(run, { status: "failed", failure }) });
}

/** Errors that carry a Failure keep it; anything else becomes one. */
export function toFailure(error: unknown): Failure {
  if (error !== null && typeof error === "object" && "failure" in error) return (error as { failure: Failure }).failure;
  if (error instanceof Error) {
    const next = "next" in error && typeof error.next === "string" ? error.next : undefined;
    return { what: error.message, next };
  }
  return { what: String(error) };
}
