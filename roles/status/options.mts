import { UsageError } from "../../lib/inventory/types.mts";
import { durationNs } from "../../lib/inventory/units.mts";
import type { Flags, Options, Usage } from "../../lib/playbook/cli.mts";
import { ownFlags } from "../../lib/playbook/cli.mts";

const flags = {
  watch: { type: "boolean", short: "w", text: "stay, and look again and again; q or Ctrl-C ends" },
  interval: { type: "string", value: "DURATION", text: "with --watch: between two looks (default 2s)" },
  check: { type: "boolean", short: "C", text: "one line for a monitoring system, and its exit status (unlike the other playbooks' --check)" },
  all: { type: "boolean", short: "a", text: "every stream and consumer, however long that gets" },
  json: { type: "boolean", text: "one JSON document on stdout (with --watch one a line), nothing else there" },
} as const satisfies Flags;

export const USAGE: Usage = {
  about: "shows a cluster as it is now: nodes, streams, consumers, rates, and what is wrong with what to do. Changes nothing, takes no lock",
  examples: [
    ["", "one screen of inventory/hk"],
    ["-i inventory/sg --watch", "a screen that stays, a look every two seconds"],
    ["--json | jq .alarms", "for programs: one document (docs/status.md)"],
    ["--check", "for cron and Nagios: one line and its exit status"],
  ],
  roles: [],
  flags,
  without: ["limit", "tags", "role", "diff", "forks", "max-fail", "verbose", "list-hosts", "list-tasks", "start-at-task", "report", "junit", "all-at-once"],
  page: "status",
  exits: [
    "Exit status: 0 shown, whatever it shows, 3 bad usage or inventory, 4 no node could be reached",
    "             with --check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN",
  ],
};

export interface StatusOptions {
  watch: boolean;
  intervalMs: number;
  check: boolean;
  all: boolean;
}

const LEAST_INTERVAL_MS = 250;
const INTERVAL = "2s";

/** @throws UsageError */
export function statusOptions(options: Options): StatusOptions {
  const { watch = false, interval = INTERVAL, check = false, all = false } = ownFlags(flags, options);
  const ns = durationNs(interval);
  if (ns === undefined || ns / 1e6 < LEAST_INTERVAL_MS)
    throw new UsageError(`--interval takes a duration from ${LEAST_INTERVAL_MS}ms, for example 5s, not "${interval}"`);
  if (check && watch) throw new UsageError("--check and --watch contradict each other: one asks for a single line");
  if (check && options.json) throw new UsageError("--check and --json contradict each other: each has a format of its own for stdout");
  return { watch, intervalMs: ns / 1e6, check, all };
}
