#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { roll } from "../lib/playbook/roll.mts";
import { formed } from "../roles/bootstrap.mts";
import { clustersOf } from "../roles/cluster.mts";
import { reloadOrRestart } from "../roles/cluster-config/handlers.mts";
import { clusterConfig } from "../roles/cluster-config/tasks.mts";
import { clusterGate } from "../roles/gate.mts";
import { partitionsReady } from "../roles/jetstream-setup/partitions-ahead.mts";
import { jetstreamSetup } from "../roles/jetstream-setup/tasks.mts";
import { reboot } from "../roles/kernel-tuning/handlers.mts";
import { kernelTuning } from "../roles/kernel-tuning/tasks.mts";
import { natsInstall } from "../roles/nats-install/tasks.mts";
import { membersKnown } from "../roles/scale/ghosts.mts";
import { sitePlaybook } from "../roles/site.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";
import { verified } from "../roles/verify/verified.mts";

await sitePlaybook(
  {
    about: "rolls out a NATS cluster on the hosts of an inventory, or brings it back to what the inventory says, and verifies it",
    examples: [
      ["", "full rollout of inventory/hk"],
      ["-i inventory/sg", "the same for another region"],
      ["--check --diff", "what would change, and how"],
      ["--role cluster-config", "one role again"],
      ["--limit nats-node-2", "one host only"],
    ],
    roles: [kernelTuning, natsInstall, clusterConfig, jetstreamSetup, verifyHosts, verify],
    clusters: "any",
    writes: true,
    page: "roles",
  },
  async (run) => {
    if (!(await partitionsReady(run))) return;
    await run.hosts("tune, install and configure", [kernelTuning, natsInstall, clusterConfig]);
    const clusters = await membersKnown(run, await clustersOf(run));
    const gate = clusterGate(clusters, run.abort.signal);
    if (!clusters.length) return;
    await formed(run, clusters);
    await roll(run, reboot, gate);
    await roll(run, reloadOrRestart, gate);
    await clusterPhase(run, "streams and consumers", jetstreamSetup, clusters);
    await verified(run);
  },
);
