import type { Event, Status } from "../engine/events.mts";

export type EventOf<T extends Event["type"]> = Extract<Event, { type: T }>;
export type Counts = Record<Status, number>;
export type TaskEnd = EventOf<"task_end">;

/** What is known of one lane: a host, or the cluster for work that goes through NATS. */
export interface Lane {
  readonly name: string;
  readonly isHost: boolean;
  readonly counts: Counts;
  state: "connecting" | "waiting" | "running" | "done" | "failed" | "unreachable";
  /** when its phase began, and when it was through with it */
  since: number;
  until?: number;
  doing?: { role: string; task: string; since: number; progress?: string };
  gate?: { gate: string; detail: string; since: number };
  /** tasks of the current phase */
  ended: number;
  total: number;
}

export interface Phase {
  readonly name: string;
  readonly lanes: readonly string[];
  readonly start: number;
  readonly counts: Counts;
  ms?: number;
}

/** One thing that went wrong, short enough for the recap. */
export interface Mishap {
  lane: string;
  role?: string;
  task: string;
  what: string;
  location?: TaskEnd["location"];
}

const SLOWEST = 10;

export const noCounts = (): Counts => ({ ok: 0, changed: 0, drift: 0, unknown: 0, skipped: 0, failed: 0 });
export const sum = (all: Iterable<Counts>): Counts => {
  const total = noCounts();
  for (const counts of all) for (const status of Object.keys(total) as Status[]) total[status] += counts[status];
  return total;
};

/** The state of a run, folded from its events; every display reads it. */
export class Tally {
  run?: EventOf<"run_start">;
  stopped?: EventOf<"stopped">;
  ended?: EventOf<"run_end">;
  /** `at` of the latest event */
  at = 0;
  readonly lanes = new Map<string, Lane>();
  readonly phases: Phase[] = [];
  readonly mishaps: Mishap[] = [];
  readonly gates = { passed: 0, failed: 0 };
  slowest: TaskEnd[] = [];

  event(e: Event): void {
    this.at = e.at;
    switch (e.type) {
      case "run_start":
        this.run = e;
        for (const host of e.hosts) this.lane(host);
        return;
      case "host_connected":
        this.lane(e.lane).state = "waiting";
        return;
      case "host_unreachable":
        this.lane(e.lane).state = "unreachable";
        this.mishaps.push({ lane: e.lane, task: "unreachable", what: e.failure.what });
        return;
      case "phase_start":
        return this.phaseStart(e);
      case "phase_end": {
        const phase = this.phases.findLast((p) => p.name === e.phase && p.ms === undefined);
        if (phase) phase.ms = e.ms;
        for (const name of phase?.lanes ?? []) this.leave(this.lane(name), e.at);
        return;
      }
      case "task_start": {
        const lane = this.lane(e.lane);
        delete lane.until;
        lane.state = "running";
        lane.doing = { role: e.role, task: e.task, since: e.at };
        return;
      }
      case "task_progress": {
        const doing = this.lane(e.lane).doing;
        if (doing) doing.progress = e.text;
        return;
      }
      case "task_end":
        return this.taskEnd(e);
      case "gate":
        return this.gate(e);
      case "stopped":
        this.stopped = e;
        return;
      case "run_end":
        this.ended = e;
        for (const [name, counts] of Object.entries(e.recap)) Object.assign(this.lane(name).counts, counts);
        return;
      case "warning":
      case "table":
      case "figures":
      case "chart":
      case "topology":
      case "bench":
    }
  }

  lane(name: string): Lane {
    let lane = this.lanes.get(name);
    if (!lane) {
      const isHost = this.run?.hosts.includes(name) ?? true;
      lane = { name, isHost, counts: noCounts(), state: isHost ? "connecting" : "waiting", since: this.at, ended: 0, total: 0 };
      this.lanes.set(name, lane);
    }
    return lane;
  }

  private phaseStart(e: EventOf<"phase_start">): void {
    this.phases.push({ name: e.phase, lanes: e.lanes, start: e.at, counts: noCounts() });
    for (const name of e.lanes) {
      const lane = this.lane(name);
      Object.assign(lane, { since: e.at, ended: 0, total: e.tasks[name] ?? 0 });
      delete lane.until;
      if (lane.state !== "failed" && lane.state !== "unreachable") lane.state = "waiting";
    }
  }

  private taskEnd(e: TaskEnd): void {
    const lane = this.lane(e.lane);
    lane.counts[e.status]++;
    lane.ended++;
    delete lane.doing;
    const phase = this.phases.findLast((p) => p.name === e.phase);
    if (phase) phase.counts[e.status]++;
    if (e.status === "failed") {
      lane.state = "failed";
      lane.until = e.at;
      this.mishaps.push({ lane: e.lane, role: e.role, task: e.task, what: e.failure?.what ?? "failed", location: e.location });
    } else if (lane.ended >= lane.total) this.leave(lane, e.at);
    if (this.slowest.length < SLOWEST || e.ms > this.slowest.at(-1)!.ms) {
      this.slowest = [...this.slowest, e].sort((a, b) => b.ms - a.ms).slice(0, SLOWEST);
    }
  }

  private gate(e: EventOf<"gate">): void {
    const lane = this.lane(e.lane);
    if (e.status === "waiting") {
      if (lane.gate?.gate === e.gate) lane.gate.detail = e.detail;
      else lane.gate = { gate: e.gate, detail: e.detail, since: e.at - e.ms };
      return;
    }
    delete lane.gate;
    this.gates[e.status]++;
    if (e.status === "failed") {
      lane.state = "failed";
      this.mishaps.push({ lane: e.lane, task: `gate ${e.gate}`, what: e.failure?.what ?? e.detail });
    }
  }

  private leave(lane: Lane, at: number): void {
    if (lane.state === "waiting" || lane.state === "running") lane.state = "done";
    lane.until ??= at;
    delete lane.doing;
  }
}
