import type { Step } from "../engine/compile.mts";
import { UsageError } from "../inventory/types.mts";

/** `--start-at-task`: passes over steps, over all phases of a run, until the first whose name fits. */
export class Selection {
  readonly #pattern: RegExp | undefined;
  readonly #text: string | undefined;
  #reached = false;

  constructor(startAt: string | undefined) {
    this.#text = startAt;
    this.#pattern = startAt === undefined ? undefined : glob(startAt);
    this.#reached = startAt === undefined;
  }

  /** The steps of a phase that are to run; `role: task` and `task` both name a step. */
  steps(steps: readonly Step[]): Step[] {
    if (this.#reached) return [...steps];
    const from = steps.findIndex((s) => this.matches(s.role, s.task));
    return from < 0 ? steps.filter((s) => s.kind !== "resource") : steps.slice(from);
  }

  /** For tasks that come one by one. */
  wants(role: string, task: string): boolean {
    if (!this.#reached && this.matches(role, task)) this.#reached = true;
    return this.#reached;
  }

  /** To be called at the end of a phase: the next one starts at its beginning if this one held the task. */
  passed(found: boolean): void {
    this.#reached ||= found;
  }

  matches(role: string, task: string): boolean {
    return !this.#pattern || this.#pattern.test(task) || this.#pattern.test(`${role}: ${task}`);
  }

  /** @throws UsageError when none of a run's tasks has that name */
  validate(tasks: readonly { role: string; task: string }[]): void {
    if (this.#pattern && !tasks.some((t) => this.matches(t.role, t.task))) {
      throw new UsageError(`--start-at-task "${this.#text}" names no task; --list-tasks shows them`);
    }
  }
}

const glob = (text: string): RegExp => new RegExp(`^${text.replace(/[.+^${}()|[\]\\?]/g, "\\$&").replaceAll("*", ".*")}$`);
