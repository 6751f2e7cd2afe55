import { unifiedDiff } from "../../lib/engine/diff.mts";
import { shown } from "../../lib/inventory/problems.mts";
import { changesFor, write } from "../../lib/inventory/set.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { generateMissingSecrets } from "../../lib/pki/secrets.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterRole } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { narrowed, sharedPlace } from "../clusters.mts";
import { loadInventory } from "../inventory.mts";
import type { SiteRun } from "../site.mts";

/**
 * Writes the version into the inventory, which is the truth: whatever happens from here on, a rerun of any playbook goes on to
 * this version and never back.
 */
export async function pin(run: SiteRun, clusters: readonly Cluster[], version: string): Promise<void> {
  const role: ClusterRole<Cluster> = { kind: "cluster", name: "upgrade", list: () => [], tasks: () => tasks(run, version) };
  await clusterPhase(run, "inventory", role, clusters.slice(0, 1));
}

function tasks({ config: { options } }: SiteRun, version: string): ReturnType<ClusterRole<Cluster>["tasks"]> {
  // As it stands in the files, without the version that this run was told.
  const whole = loadInventory(options.inventory, {
    extraVars: options.extraVars,
    generate: (missing) => generateMissingSecrets(options.inventory, missing, { dryRun: true }),
  });
  const inventory = narrowed(whole, options.cluster, "one");
  return [
    {
      task: `nats_version in ${shown(inventory.dir)}`,
      at: { file: "", line: 0 },
      run: async (mode) => {
        try {
          const shared = options.cluster === undefined ? undefined : sharedPlace(whole, options.cluster, ["nats_version"]);
          if (shared)
            throw new UsageError(
              `${shared}: nats_version stands for other clusters too; write it into group_vars of a group that has the hosts of ${options.cluster} alone`,
            );
          const changes = changesFor(inventory, "nats_version", version);
          if (!changes.length) return { status: "ok", reason: `says ${version}` };
          if (mode === "apply") write(changes);
          return {
            status: mode === "apply" ? "changed" : "drift",
            reason: changes.flatMap((c) => c.says).join("; "),
            changes: changes.flatMap((c) => c.says.map((says) => ({ attribute: says.split(": ")[0]!, current: before(says), desired: version }))),
            ...(options.diff && { diff: changes.map((c) => unifiedDiff(shown(c.file), c.before, c.after)).join("") }),
          };
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          const [what, next] = error.lines.join("; ").split(/; (.*)/s);
          return { status: "failed", failure: { what: what!, next: next ?? `write nats_version: ${version} there yourself, and run again` } };
        }
      },
    },
  ];
}

const before = (says: string): string => /nats_version (\S+) →/.exec(says)?.[1] ?? "absent";
