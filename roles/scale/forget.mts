import { applyRemoval, planRemoval } from "../../lib/inventory/remove-hosts.mts";
import type { Cluster } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import type { Change } from "./choose.mts";
import { stage } from "./stage.mts";

/** Takes hosts that have left out of the inventory's files: the last step, as a run that is cut short needs them there to go on. */
export async function forget(run: SiteRun, cluster: Cluster, { full: { dir }, leaving }: Change): Promise<void> {
  const names = leaving.flatMap((l) => l.host?.name ?? []);
  const plan = () => planRemoval(dir, names);
  if (names.length)
    await stage(run, "inventory", cluster, [
      {
        task: `${names.join(", ")} in the inventory`,
        changes: async () => {
          const { lines, vars } = plan();
          return [
            ...[...lines].map(([name, rows]) => ({ attribute: name, current: `hosts.yml line ${rows.join(", ")}`, desired: "gone" })),
            ...vars.map((path) => ({ attribute: path.replace(/^.*host_vars\//, "host_vars/"), current: "read", desired: "kept as .bak" })),
          ];
        },
        work: async () => applyRemoval(plan()),
      },
    ]);
}
