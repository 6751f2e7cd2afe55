#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { UsageError } from "../lib/inventory/types.mts";
import { isLab } from "../lib/lab/own.mts";
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { clustersOf } from "../roles/cluster.mts";
import { handsOf } from "../roles/drill/hands.mts";
import { drillOptions, flags, listed } from "../roles/drill/options.mts";
import { drill } from "../roles/drill/tasks.mts";
import { sitePlaybook } from "../roles/site.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";
import { verified } from "../roles/verify/verified.mts";

await sitePlaybook(
  {
    about: "rehearses failure: breaks nodes of a running cluster one way after another, under a load that is accounted for message by message",
    examples: [
      ["-i inventory/lab", "all faults, on this machine's lab"],
      ["-i inventory/lab --fault kill-meta-leader --rounds 5", "one of them, five times"],
      ["-i inventory/hk --check", "what would be done to which node, and put back how"],
      ["-i inventory/hk --fault kill-node --yes-i-mean-it", "on a real region"],
    ],
    roles: [verifyHosts, verify],
    writes: true,
    page: "drill",
    flags,
    without: ["limit", "tags", "role", "list-tasks", "start-at-task", "all-at-once", "diff"],
    adapt: (options) => {
      if (drillOptions(options).list) {
        process.stdout.write(listed());
        process.exit(0);
      }
      return options;
    },
  },
  async (run) => {
    const { inventory, hosts, options } = run.config;
    const wanted = drillOptions(options);
    if (
      run.mode === "apply" &&
      !wanted.meant &&
      !(await isLab(
        inventory.dir,
        hosts.map((h) => ({ name: h.name, address: h.connection.address })),
      ))
    )
      throw new UsageError(
        `${inventory.dir} is no running lab of this machine: a drill breaks its nodes, and clients will notice. Look with --check; if you mean it, add --yes-i-mean-it`,
      );
    await run.reach();
    if (run.connections.unreachable.size) return;
    await clusterPhase(run, "drill", drill(handsOf(run), wanted), await clustersOf(run));
    await verified(run);
  },
);
