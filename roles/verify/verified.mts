import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import { clustersOf } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import { verify, verifyHosts } from "./tasks.mts";

/** What verify.mts does, as the end of a playbook: the hosts read back, the cluster's health, its data path under load. */
export async function verified(run: SiteRun): Promise<void> {
  await run.hosts("read back", [verifyHosts], (host) => run.wouldChange(host));
  await clusterPhase(run, "verify", verify, await clustersOf(run));
}
