#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { type Flags, ownFlags } from "../lib/playbook/cli.mts";
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { jetstreamSetup } from "../roles/jetstream-setup/tasks.mts";
import { changeMembers, memberRoles } from "../roles/scale/change.mts";
import type { Change } from "../roles/scale/choose.mts";
import { forget } from "../roles/scale/forget.mts";
import { tryReach } from "../roles/scale/leave.mts";
import { replacement } from "../roles/scale/plans.mts";
import { finish } from "../roles/scale/stage.mts";
import { sitePlaybook } from "../roles/site.mts";

const flags = {
  dead: { type: "string", multiple: true, value: "HOST", text: "the host (or hosts, a,b) that is gone for good" },
  with: {
    type: "string",
    multiple: true,
    value: "HOST",
    text: "the new host, already in hosts.yml, with a name of its own; without it the cluster only loses the dead one",
  },
  retire: { type: "boolean", text: "it isn't dead: move its streams off it and stop it through lame duck first" },
  "accept-loss": { type: "boolean", text: "streams and durables whose only replica was on the dead host may be lost" },
} as const satisfies Flags;

let change: Change;

await sitePlaybook(
  {
    about: "gives the place of a dead node to a new host: the dead one is removed, so that it leaves no ghost, and its streams are whole again",
    examples: [
      ["--dead nats-node-2 --with nats-node-4 --check", "what would be done"],
      ["--dead nats-node-2 --with nats-node-4", "nats-node-4 is a bare host that hosts.yml has already"],
      ["--dead nats-node-2 --with nats-node-4 --retire", "the same for a node that still runs"],
      ["--dead nats-node-2", "take a dead node out of the cluster, and put none in its place"],
    ],
    flags,
    writes: true,
    page: "scale",
    without: ["limit", "tags", "role", "list-tasks", "start-at-task", "all-at-once"],
    roles: memberRoles,
    choose: (inventory, options) => {
      const given = ownFlags(flags, options);
      change = replacement(inventory, given);
      return { inventory: change.rest, hosts: given.retire ? inventory.hosts : change.rest.hosts };
    },
  },
  async (run) => {
    await run.reach();
    if (run.connections.unreachable.size) return;
    const lost = await tryReach(run, change.leaving);
    const cluster = await changeMembers(run, change);
    if (!cluster) return;
    await clusterPhase(run, "streams and consumers", jetstreamSetup, [cluster]);
    await forget(run, cluster, change);
    await finish(run);
    for (const host of lost)
      run.emit({
        type: "warning",
        text: `${host.name} can't be reached, so its server isn't switched off: with its power back it would return under its old name. Before it may reach the others again: systemctl disable --now nats-server (on its console), or wipe it`,
      });
  },
);
