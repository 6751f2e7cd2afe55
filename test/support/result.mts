import type { Test } from "tap";
import type { Event, Status } from "../../lib/engine/events.mts";

type TaskEnd = Extract<Event, { type: "task_end" }>;

/** How a playbook ended: its real exit status and what it really wrote. */
export class Result {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(status: number | null, signal: NodeJS.Signals | null, stdout: string, stderr: string) {
    this.status = status;
    this.signal = signal;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** of --json: every line of stdout, as nothing else may be there */
  get events(): Event[] {
    return this.stdout
      .split("\n")
      .filter((l) => l !== "")
      .map((l) => JSON.parse(l) as Event);
  }

  of<T extends Event["type"]>(type: T): Extract<Event, { type: T }>[] {
    return this.events.filter((e): e is Extract<Event, { type: T }> => e.type === type);
  }

  ends(...statuses: Status[]): TaskEnd[] {
    return this.of("task_end").filter((e) => statuses.includes(e.status));
  }

  /** `lane: task status` of all that wasn't as desired: by this a rerun or a check is judged. */
  get deviations(): string[] {
    return this.ends("changed", "drift", "unknown", "failed")
      .map((e) => `${e.lane}: ${e.task} ${e.status}`)
      .sort();
  }

  /** by lane and status */
  get recap(): Record<string, Record<Status, number>> {
    return this.of("run_end").at(-1)?.recap ?? {};
  }

  /** What went wrong, for the reader of a failed test. */
  get told(): string {
    if (!this.stdout.startsWith("{")) return `${this.stdout}\n${this.stderr}`;
    const lines = this.events.flatMap((e) => {
      if (e.type === "warning") return [`warning ${e.text}`];
      if (e.type === "task_end" && (e.status === "failed" || e.status === "drift" || e.status === "unknown"))
        return [`${e.status} ${e.lane} ${e.task} ${JSON.stringify(e.failure ?? e.changes)}`];
      if (e.type === "gate" && e.status === "failed") return [`gate ${e.lane} ${JSON.stringify(e.failure)}`];
      if (e.type === "host_unreachable") return [`unreachable ${e.lane} ${JSON.stringify(e.failure)}`];
      return [];
    });
    return [...lines, this.stderr].join("\n");
  }
}

/** A run's exit status; when it is another one, what the run told. */
export const exits = (t: Test, run: Result, status: number): boolean => t.equal(run.status, status, `exit ${status}`, { told: run.told.split("\n") });
