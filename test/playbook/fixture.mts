import type { Test } from "tap";
import type { Event, Status } from "../../lib/engine/events.mts";
import type { Facts } from "../../lib/engine/facts.mts";
import type { Host } from "../../lib/inventory/types.mts";
import type { Options } from "../../lib/playbook/cli.mts";
import { Run } from "../../lib/playbook/run.mts";

export const OPTIONS: Options = {
  inventory: "",
  limit: undefined,
  roles: [],
  check: false,
  diff: false,
  extraVars: [],
  forks: 5,
  verbose: false,
  listHosts: false,
  listTasks: false,
  startAtTask: undefined,
  json: false,
  report: undefined,
  junit: undefined,
  acceptNewHostKeys: false,
  askBecomePass: false,
  allAtOnce: false,
  own: {},
};

export interface Started {
  run: Run<unknown>;
  events: Event[];
  /** `lane task status` of what has ended, in order */
  ends: () => string[];
}

/** A run as a playbook starts it, its events kept; its connections end with the test. */
export function startRun(
  t: Test,
  hosts: readonly Host[],
  own: Partial<Options> = {},
  more: { writes?: boolean; checkFacts?: (host: Host, facts: Facts) => string[]; onEvent?: (event: Event) => void } = {},
): Started {
  const events: Event[] = [];
  const run = new Run<unknown>({
    playbook: "test",
    options: { ...OPTIONS, ...own },
    inventory: { region: "r", dir: "", hosts, groups: new Map(), warnings: [] },
    hosts,
    reporter: {
      event: (e) => {
        events.push(e);
        more.onEvent?.(e);
      },
      end: () => {},
    },
    writes: more.writes ?? true,
    storeDir: () => "/var/lib/nats",
    checkFacts: more.checkFacts ?? (() => []),
  });
  t.teardown(() => run.connections.close());
  return { run, events, ends: () => events.flatMap((e) => (e.type === "task_end" ? [`${e.lane} ${e.task} ${e.status}`] : [])) };
}

/** A recap with these counts, all others being 0. */
export const counts = (own: Partial<Record<Status, number>>): Record<Status, number> => ({
  ok: 0,
  changed: 0,
  drift: 0,
  unknown: 0,
  skipped: 0,
  failed: 0,
  ...own,
});
