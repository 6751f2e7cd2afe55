#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import type { Flags } from "../lib/playbook/cli.mts";
import { sitePlaybook } from "../roles/site.mts";
import { upgradeBeside } from "../roles/upgrade/tasks.mts";
import { adapt, upgrade } from "../roles/upgrade/upgrade.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";

const flags = {
  to: { type: "string", value: "VERSION", text: "version of nats-server; written into the inventory (default: what that says already)" },
  rollback: { type: "boolean", text: "back to the version that the hosts had before" },
  load: { type: "string", value: "N", text: "messages per second of the load that runs beside it and accounts for each (default 200; 0: none)" },
  "accept-r1-downtime": { type: "boolean", text: "streams and consumers with a single replica may be unavailable while their node restarts" },
  "skip-minors": { type: "boolean", text: "go up over several minor releases at once" },
} as const satisfies Flags;

await sitePlaybook(
  {
    about: "takes a running cluster to another version of nats-server, node by node, without losing a message",
    examples: [
      ["-i inventory/hk --to 2.15.1 --check", "what it would do, and what speaks against it"],
      ["-i inventory/hk --to 2.15.1", "the upgrade; interrupted, the same command goes on"],
      ["-i inventory/hk --rollback", "back to the version before"],
    ],
    roles: [upgradeBeside, verifyHosts, verify],
    writes: true,
    page: "upgrade",
    flags,
    without: ["limit", "tags", "role", "list-tasks", "start-at-task", "all-at-once"],
    adapt: (options) => adapt(flags, options),
  },
  (run) => upgrade(flags, run),
);
