import type { Change, Failure, Status } from "../engine/events.mts";
import type { Facts } from "../engine/facts.mts";
import type { Location, Resource } from "../engine/resource.mts";
import type { Host, Inventory } from "../inventory/types.mts";

/** What a host role sees. It returns what a host shall look like, and does nothing else: no I/O. */
export interface HostInput<V, P> {
  host: Host<V>;
  vars: V;
  facts: Facts;
  /** all hosts, also under --limit: peers come from here */
  inventory: Inventory<V>;
  /** what the role's `prepare` made on the controller */
  prepared: P;
}

export interface PrepareInput<V> {
  inventory: Inventory<V>;
  /** connected hosts that this run works on */
  hosts: readonly { host: Host<V>; facts: Facts }[];
  /** --check, --list-tasks: nothing may be written */
  dryRun: boolean;
  warn: (text: string) => void;
}

/** A role whose resources are compiled into each host's program. */
export interface HostRole<V, P = unknown> {
  readonly kind: "host";
  readonly name: string;
  /** the role's work on the controller, once for all hosts: fetch, issue certificates, hash */
  prepare(input: PrepareInput<V>): Promise<P>;
  resources(input: HostInput<V, P>): Resource[];
}

export interface TaskResult {
  status: Status;
  changes?: Change[];
  diff?: string;
  reason?: string;
  failure?: Failure;
}

/** One thing to reconcile or verify through NATS itself, for a whole cluster. */
export interface ClusterTask {
  /** `type name`, as with resources */
  task: string;
  /** the name under which --list-tasks has it, where its own isn't known before */
  listed?: string;
  /** it measures, so that no other cluster's such task runs beside it */
  alone?: boolean;
  at: Location;
  run(mode: "apply" | "check", signal: AbortSignal): Promise<TaskResult>;
}

/** A role that works on a running cluster: C is its connection. The tasks come one after another, as one may depend on the one before. */
export interface ClusterRole<C> {
  readonly kind: "cluster";
  readonly name: string;
  readonly tasks: (cluster: C, signal: AbortSignal) => Iterable<ClusterTask> | AsyncIterable<ClusterTask>;
  /** names of the tasks as far as the inventory tells, for --list-tasks */
  readonly list: (cluster: C) => string[];
}

/** Any role, in a list: prepare's result is handed to the same role only. */
export type AnyHostRole<V> = HostRole<V, unknown>;
