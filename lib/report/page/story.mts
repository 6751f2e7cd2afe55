import type { Event, Failure } from "../../engine/events.mts";
import { type EventOf, Tally, type TaskEnd } from "../tally.mts";

export interface Broken {
  lane: string;
  role?: string;
  task: string;
  failure: Failure;
  location?: TaskEnd["location"];
}

export interface PhaseSpan {
  name: string;
  lanes: readonly string[];
  start: number;
  /** undefined: it was under way when the run ended */
  end?: number;
}

/** What the page is made from, gathered while the run goes on. */
export class Story {
  readonly tally = new Tally();
  readonly tasks: TaskEnd[] = [];
  readonly gates: EventOf<"gate">[] = [];
  readonly connected: EventOf<"host_connected">[] = [];
  readonly unreachable: EventOf<"host_unreachable">[] = [];
  readonly tables: EventOf<"table">[] = [];
  readonly figures: EventOf<"figures">[] = [];
  readonly charts: EventOf<"chart">[] = [];
  readonly topologies: EventOf<"topology">[] = [];
  readonly benches: EventOf<"bench">[] = [];
  readonly phases: PhaseSpan[] = [];
  readonly warnings: string[] = [];
  readonly broken: Broken[] = [];
  /** folder that paths are shown relative to */
  readonly cwd: string;

  constructor(cwd: string) {
    this.cwd = cwd;
  }

  event(e: Event): void {
    this.tally.event(e);
    switch (e.type) {
      case "warning":
        this.warnings.push(e.text);
        return;
      case "host_connected":
        this.connected.push(e);
        return;
      case "host_unreachable":
        this.unreachable.push(e);
        this.broken.push({ lane: e.lane, task: "unreachable", failure: e.failure });
        return;
      case "phase_start":
        this.phases.push({ name: e.phase, lanes: e.lanes, start: e.at });
        return;
      case "phase_end": {
        const phase = this.phases.findLast((p) => p.name === e.phase && p.end === undefined);
        if (phase) phase.end = e.at;
        return;
      }
      case "gate":
        if (e.status === "waiting") return;
        this.gates.push(e);
        if (e.status === "failed") this.broken.push({ lane: e.lane, task: `gate ${e.gate}`, failure: e.failure ?? { what: e.detail } });
        return;
      case "task_end":
        this.tasks.push(e);
        if (e.status === "failed")
          this.broken.push({ lane: e.lane, role: e.role, task: e.task, location: e.location, failure: e.failure ?? { what: "failed" } });
        return;
      case "table":
        this.tables.push(e);
        return;
      case "figures":
        this.figures.push(e);
        return;
      case "chart":
        this.charts.push(e);
        return;
      case "topology":
        this.topologies.push(e);
        return;
      case "bench":
        this.benches.push(e);
        return;
    }
  }

  /** Epoch ms. */
  get start(): number {
    return this.tally.run?.at ?? this.tally.at;
  }
  get ms(): number {
    return this.tally.ended?.ms ?? this.tally.at - this.start;
  }
  /** What was looked at and found good, with what was seen: the tasks of a cluster that tell it. */
  get checks(): TaskEnd[] {
    return this.tasks.filter((t) => t.role === "verify" && !this.tally.lane(t.lane).isHost);
  }
}
