#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { type Flags, ownFlags } from "../lib/playbook/cli.mts";
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { jetstreamSetup } from "../roles/jetstream-setup/tasks.mts";
import { changeMembers, memberRoles } from "../roles/scale/change.mts";
import type { Change } from "../roles/scale/choose.mts";
import { forget } from "../roles/scale/forget.mts";
import { scaling } from "../roles/scale/plans.mts";
import { rebalance, showLoads } from "../roles/scale/rebalance.mts";
import { finish, stage, unreachable } from "../roles/scale/stage.mts";
import { sitePlaybook } from "../roles/site.mts";

const flags = {
  remove: { type: "string", multiple: true, value: "HOST", text: "take these hosts (a,b) out of the cluster, and then out of hosts.yml" },
  rebalance: { type: "boolean", text: "spread the streams' replicas and leaders over all nodes afterwards" },
} as const satisfies Flags;

let change: Change;

await sitePlaybook(
  {
    about: "grows a running cluster to the hosts of its inventory, or shrinks it, under load: nothing acknowledged is lost",
    examples: [
      ["--check", "after adding hosts to hosts.yml: who joins, whose routes are reloaded"],
      ["", "the same, done"],
      ["--rebalance", "and spread the streams over all nodes"],
      ["--remove nats-node-4,nats-node-5", "back to fewer nodes; their streams are moved first"],
    ],
    flags,
    writes: true,
    page: "scale",
    without: ["limit", "tags", "role", "list-tasks", "start-at-task", "all-at-once"],
    roles: memberRoles,
    choose: (inventory, options) => {
      change = scaling(inventory, ownFlags(flags, options).remove);
      return { inventory: change.rest, hosts: inventory.hosts };
    },
  },
  async (run) => {
    await run.reach();
    if (run.connections.unreachable.size) return unreachable(run, change);
    const cluster = await changeMembers(run, change);
    if (!cluster) return;
    await clusterPhase(run, "streams and consumers", jetstreamSetup, [cluster]);
    if (ownFlags(flags, run.config.options).rebalance) {
      await stage(run, "rebalance", cluster, rebalance(cluster));
      await showLoads(run, cluster);
    }
    await forget(run, cluster, change);
    await finish(run);
  },
);
