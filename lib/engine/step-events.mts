import type { Program, Step } from "./compile.mts";
import { unifiedDiff } from "./diff.mts";
import type { Change, Emit, Failure, Status } from "./events.mts";
import type { Frame } from "./protocol.mts";

/** What a program did on a host. */
export interface Outcome {
  /** no step failed, and all were reached */
  ok: boolean;
  /** stopped at a step boundary because the user asked for it */
  stopped: boolean;
  /** the connection was lost or the host hung */
  lost: boolean;
  counts: Record<Status, number>;
  /** rolling handlers that the host's state says are due */
  due: Step[];
  /** what checks told by `tells NAME VALUE` */
  outputs: Map<string, string>;
  /** tasks that found a deviation, whether mended or not */
  drifted: Step[];
}

const noCounts = (): Record<Status, number> => ({ ok: 0, changed: 0, drift: 0, unknown: 0, skipped: 0, failed: 0 });

/** Turns the frames of one program into events and an outcome. */
export class StepEvents {
  readonly outcome: Outcome = { ok: true, stopped: false, lost: false, counts: noCounts(), due: [], outputs: new Map(), drifted: [] };
  readonly #program: Program;
  readonly #lane: string;
  readonly #phase: string;
  readonly #emit: Emit;
  #current: Step | undefined;
  #since = 0;
  #changes: Change[] = [];
  #left: Change[] = [];
  #content: string | undefined;
  #reason: [string, string] | undefined;

  constructor(program: Program, lane: string, phase: string, emit: Emit) {
    this.#program = program;
    this.#lane = lane;
    this.#phase = phase;
    this.#emit = emit;
  }

  /** seconds that the step in hand, or what lies between steps, may take without a sign */
  get timeout(): number {
    return this.#current?.timeout ?? 30;
  }

  frame({ kind, fields }: Frame): void {
    switch (kind) {
      case "s":
        return this.#start(Number(fields[0]));
      case "d1":
        this.#changes.push(toChange(fields));
        return;
      case "d2":
        this.#left.push(toChange(fields));
        return;
      case "o":
        this.outcome.outputs.set(fields[0]!, fields[1]!);
        return;
      case "c":
        this.#content = fields[0];
        return;
      case "r":
        this.#reason = [fields[0]!, fields[1]!];
        return;
      case "n":
        this.#emit({ type: "warning", text: `${this.#lane}: ${fields[0]!}` });
        return;
      case "stopped":
        this.outcome.stopped = true;
        this.outcome.ok = false;
        return;
      case "e":
        return this.#end(fields);
    }
  }

  /** The connection ended in the middle. */
  lost(failure: Failure): void {
    this.outcome.lost = true;
    this.outcome.ok = false;
    if (this.#current) this.#finish("failed", { failure });
    else this.#emit({ type: "host_unreachable", lane: this.#lane, failure });
  }

  hung(seconds: number): Failure {
    const step = this.#current;
    return {
      what: step ? `${step.task} gave no sign of life for ${seconds} s and was given up` : `the host gave no sign of life for ${seconds} s`,
      next: "look at the host (load, disk, a hung mount), then run again: what was done is kept",
    };
  }

  #start(id: number): void {
    const step = this.#program.steps.find((s) => s.id === id)!;
    this.#current = step;
    this.#since = performance.now();
    this.#changes = [];
    this.#left = [];
    this.#content = this.#reason = undefined;
    this.#emit({ type: "task_start", lane: this.#lane, phase: this.#phase, role: step.role, task: step.task, location: step.at });
  }

  #end([, status, detail = "", exit = "", output = ""]: string[]): void {
    const step = this.#current!;
    switch (status) {
      case "ok":
        return this.#finish("ok");
      case "changed":
        this.outcome.drifted.push(step);
        return this.#finish("changed");
      case "drift":
        this.outcome.drifted.push(step);
        return this.#finish("drift");
      case "due":
        this.outcome.due.push(step);
        this.#current = undefined;
        return;
      case "notified": {
        const by = this.#program.steps.find((s) => String(s.id) === detail)?.task ?? "a change";
        this.outcome.drifted.push(step);
        return this.#finish("drift", { reason: `would run because of ${by}` });
      }
      case "unknown": {
        const on = this.#program.steps.find((s) => String(s.id) === detail)?.task ?? "an earlier task";
        return this.#finish("unknown", { reason: `depends on ${on}` });
      }
      case "skipped":
        return this.#finish("skipped", { reason: this.#reason?.[0] });
      default:
        return this.#finish("failed", { failure: this.#failure(step, detail, Number(exit), output) });
    }
  }

  #failure(step: Step, stage: string, exit: number, output: string): Failure {
    if (this.#reason && exit === 92) return { what: this.#reason[0], next: this.#reason[1] || undefined, output: output || undefined };
    if (stage === "converge" && exit === 90) {
      const left = this.#left.map((c) => `${c.attribute} is ${c.current || "absent"} instead of ${c.desired || "absent"}`).join("; ");
      return {
        what: `it was applied, but the host is still not as desired: ${left}`,
        next: "something else on the host changes it back, or the value isn't accepted: look there, then run again",
      };
    }
    const body = step.resource ?? step.handler;
    const command = (stage === "apply" ? body?.apply : body?.check)?.shown;
    return {
      what: stage === "apply" ? "it could not be applied" : "its state could not be read",
      command,
      exit,
      output,
      next: "mend the cause that the output names, then run again: what was done is kept",
    };
  }

  #finish(status: Status, more: { reason?: string; failure?: Failure } = {}): void {
    const step = this.#current!;
    this.#current = undefined;
    this.outcome.counts[status]++;
    if (status === "failed") this.outcome.ok = false;
    this.#emit({
      type: "task_end",
      lane: this.#lane,
      phase: this.#phase,
      role: step.role,
      task: step.task,
      location: step.at,
      status,
      ms: performance.now() - this.#since,
      changes: this.#changes,
      diff: this.#diff(step, status),
      handler: step.handler !== undefined,
      ...more,
    });
  }

  #diff(step: Step, status: Status): string | undefined {
    const { resource } = step;
    const absent = this.#program.diff && this.#changes.some((c) => c.attribute === "state" && c.current === "absent");
    const before = this.#content ?? (absent ? "" : undefined);
    if (before === undefined || resource?.content === undefined || (status !== "changed" && status !== "drift")) return undefined;
    return unifiedDiff(resource.name, before, resource.content);
  }
}

const toChange = ([attribute = "", current = "", desired = ""]: string[]): Change => ({ attribute, current, desired });
