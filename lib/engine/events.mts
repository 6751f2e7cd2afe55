import type { BenchResult } from "../nats/bench/types.mts";
import type { Location } from "./resource.mts";

/** `drift`: a check found a deviation and the mode is --check. `unknown`: can't be known yet; says on what it depends. */
export type Status = "ok" | "changed" | "drift" | "unknown" | "skipped" | "failed";

/** One attribute that differs from what is desired. Values of secrets never get here. */
export interface Change {
  attribute: string;
  current: string;
  desired: string;
}

/** What a failed task tells; lib/report/failure.mts turns it into the sentences. */
export interface Failure {
  what: string;
  /** the shell command or request that failed, if one did */
  command?: string;
  exit?: number;
  /** last lines of real output */
  output?: string;
  /** the next thing to do, an imperative sentence */
  next?: string;
}

/** One headline number: `value` for machines, `text` for humans, the unit in it. */
export interface Figure {
  name: string;
  value: number;
  unit: string;
  text: string;
  /** it is not as it should be */
  bad?: boolean;
}

/** A curve's values, as many as the chart has `x` or `labels`; null where there is none. */
export interface Series {
  name: string;
  values: (number | null)[];
}

/** A server of a cluster as it was seen. */
export interface TopologyServer {
  name: string;
  /** false: it didn't answer, and the rest is not known */
  up: boolean;
  version?: string;
  metaLeader?: boolean;
  /** to its peers; `rttMs` is null when not measured yet */
  routes: { to: string; rttMs: number | null }[];
}

/** Who leads a stream, and who else holds it; `leader` is empty while there is none. */
export interface TopologyStream {
  name: string;
  account: string;
  leader: string;
  replicas: string[];
  messages: number;
  bytes: number;
}

/** Times are epoch milliseconds of the controller; durations are milliseconds. `lane` is a host's name, or the cluster's for work done through NATS. */
export type Event =
  | { type: "run_start"; at: number; playbook: string; inventory: string; mode: "apply" | "check"; hosts: string[]; roles: string[] }
  | { type: "warning"; at: number; text: string }
  | { type: "host_connected"; at: number; lane: string; ms: number; facts: Record<string, unknown> }
  | { type: "host_unreachable"; at: number; lane: string; failure: Failure }
  | { type: "phase_start"; at: number; phase: string; lanes: string[]; tasks: Record<string, number> }
  | { type: "task_start"; at: number; lane: string; phase: string; role: string; task: string; location: Location }
  | { type: "task_progress"; at: number; lane: string; role: string; task: string; text: string }
  | {
      type: "task_end";
      at: number;
      lane: string;
      phase: string;
      role: string;
      task: string;
      location: Location;
      status: Status;
      ms: number;
      changes: Change[];
      diff?: string;
      reason?: string;
      failure?: Failure;
      handler?: boolean;
    }
  | { type: "phase_end"; at: number; phase: string; ms: number }
  | { type: "gate"; at: number; lane: string; gate: string; status: "waiting" | "passed" | "failed"; ms: number; detail: string; failure?: Failure }
  | { type: "table"; at: number; title: string; columns: string[]; rows: string[][] }
  | { type: "figures"; at: number; lane: string; title: string; headline?: string; items: Figure[] }
  | {
      type: "chart";
      at: number;
      lane: string;
      group: string;
      title: string;
      kind: "time" | "percentiles" | "bars";
      unit: string;
      x: number[];
      labels?: string[];
      series: Series[];
      marks?: { x: number; text: string }[];
    }
  | { type: "topology"; at: number; lane: string; servers: TopologyServer[]; streams: TopologyStream[] }
  | { type: "bench"; at: number; lane: string; result: BenchResult }
  | { type: "stopped"; at: number; signal: string; where: string[] }
  | { type: "run_end"; at: number; ms: number; exit: number; recap: Record<string, Record<Status, number>> };

/** An event as it is emitted: the run stamps the time. */
export type EventInput = Event extends infer E ? (E extends Event ? Omit<E, "at"> : never) : never;
export type Emit = (event: EventInput) => void;
