import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import { clustersOf } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { cpusAfter, isolation } from "./isolation-tasks.mts";
import { verify, verifyHosts } from "./tasks.mts";

/** What verify.mts does, as the end of a playbook: the hosts read back, the cluster's health, its data path under load, and what its CPUs did meanwhile. */
export async function verified(run: SiteRun): Promise<void> {
  await run.hosts("read back", [verifyHosts], (host) => run.wouldChange(host));
  const clusters = await clustersOf(run);
  await clusterPhase(run, "verify", verify, clusters);
  const looked = clusters.flatMap((c) => c.hosts).some((host) => run.outputs.get(host.name)?.has("cpus before"));
  // Without load there is nothing to see.
  if (!looked || run.mode === "check") return;
  await run.hosts("CPUs under load", [cpusAfter], (host) => !run.outputs.get(host.name)?.has("cpus before"));
  await clusterPhase(run, "CPU isolation", isolation, clusters);
}
