import { fileURLToPath } from "node:url";
import type { Sh } from "../sh.mts";
import { positionIn } from "./positions.mts";

/** Where the user's code asks for something: file and line of the role. */
export interface Location {
  file: string;
  line: number;
}

/** Shell functions that a resource type needs; they go into a program once, however many resources use them. */
export interface ShellLibrary {
  name: string;
  text: string;
}

/** Bytes a step may need on the host: pushed over a second channel only when the host asks for them. */
export interface Payload {
  sha256: string;
  /** bytes, for the progress display */
  size: number;
  /** file on the controller */
  path: string;
}

/**
 * One desired thing on a host.
 *
 * `check` prints each deviation through the preamble's `differs ATTRIBUTE CURRENT DESIRED` and changes nothing; no deviation
 * means converged; `skip REASON` and `cannot REASON` (failure) end it early. `apply` makes it so; afterwards the same check runs again.
 */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly at: Location;
  readonly uses: readonly ShellLibrary[];
  readonly check: Sh;
  readonly apply: Sh;
  /** desired text for `--diff`; the host sends its own only when it differs. Absent for secrets: then only a hash is shown */
  readonly content?: string;
  readonly payloads?: readonly Payload[];
  /** not done at all, with the reason (known from facts) */
  readonly skip?: string;
  /** files that the check asks for through stat_of, sum_of and text_of (first line): fetched for a whole program at once */
  readonly looksAt?: { stat?: readonly string[]; sum?: readonly string[]; text?: readonly string[] };
  /** what this resource leaves at the path of its name, for handlers that foresee */
  readonly leaves?: { sum?: string; link?: string };
  /** names (`type name`) of resources without which a check says nothing: under --check it is `unknown (depends on …)` */
  readonly needs?: readonly string[];
  readonly notifies: readonly Handler[];
  /** seconds until a step of this resource is given up (default 60) */
  readonly timeout?: number;
  notify(...handlers: Handler[]): Resource;
}

/**
 * Something to do because of a change, once, after the resources. Whether it is due is a fact of the host (`check`, as of a
 * resource), not the memory of a run: so it survives a failure, Ctrl-C or a change by hand. A value, so a misspelt one is a type error.
 */
export interface Handler {
  readonly name: string;
  readonly at: Location;
  readonly check: Sh;
  readonly apply: Sh;
  readonly uses: readonly ShellLibrary[];
  /** done node by node by the playbook, behind gates; the program only looks whether it is due */
  readonly rolling: boolean;
  /** its check looks at what will lie on the host (`will_sum`, `will_link`): then it is exact under --check too */
  readonly foresees?: boolean;
  /** its apply reboots the host a moment later: the playbook waits until the host is back before it goes on */
  readonly reboots?: boolean;
  /** seconds (default 60) */
  readonly timeout?: number;
}

export type ResourceSpec = Omit<Resource, "at" | "notifies" | "notify" | "uses"> & { uses?: readonly ShellLibrary[] };

/** Builds a resource; the location is that of the role's line which called the resource function. */
export function resource(spec: ResourceSpec): Resource {
  return make({ ...spec, uses: spec.uses ?? [] }, callerOfRole(), []);
}

export function handler(
  name: string,
  spec: Pick<Handler, "check" | "apply"> & Partial<Pick<Handler, "uses" | "rolling" | "foresees" | "reboots" | "timeout">>,
): Handler {
  return { name, at: callerOfRole(), uses: [], rolling: false, ...spec };
}

function make(spec: Omit<Resource, "at" | "notifies" | "notify">, at: Location, notifies: readonly Handler[]): Resource {
  return { ...spec, at, notifies, notify: (...more) => make(spec, at, [...notifies, ...more]) };
}

const LIB = fileURLToPath(new URL("..", import.meta.url));

/** The nearest caller outside lib/: roles, playbooks and tests. Looked up when somebody asks: reading a stack costs more than taking it. */
function callerOfRole(): Location {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 12;
  const trace = new Error();
  Error.stackTraceLimit = limit;
  let found: Location | undefined;
  const location = (): Location => (found ??= callerIn(trace.stack ?? ""));
  return {
    get file() {
      return location().file;
    },
    get line() {
      return location().line;
    },
  };
}

function callerIn(stack: string): Location {
  for (const line of stack.split("\n").slice(1)) {
    const at = positionIn(line);
    if (at && !at.file.startsWith(LIB)) return at;
  }
  return { file: "", line: 0 };
}

/** The key by which `needs` and events name a resource. */
export const idOf = (r: Pick<Resource, "type" | "name">): string => `${r.type} ${r.name}`;
