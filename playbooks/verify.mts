#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import type { Flags } from "../lib/playbook/cli.mts";
import { sitePlaybook } from "../roles/site.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";
import { verified } from "../roles/verify/verified.mts";

const flags = {
  check: { type: "boolean", short: "C", text: "health only: no message is sent" },
} as const satisfies Flags;

await sitePlaybook(
  {
    about: "looks at a running cluster from outside: its health, then its data path under load. Changes nothing",
    examples: [
      ["-i inventory/hk", "everything"],
      ["-i inventory/hk --check", "health only: no message is sent"],
      ["-i inventory/hk --junit verify.xml", "each check as a test case, for CI"],
      ["-i inventory/hk -e verify.rate=50000", "with more load"],
    ],
    roles: [verifyHosts, verify],
    clusters: "any",
    writes: false,
    flags,
    without: ["diff", "all-at-once"],
  },
  verified,
);
