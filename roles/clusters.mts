import type { Check } from "../lib/inventory/check.mts";
import type { LoadedInventory } from "../lib/inventory/load.mts";
import { shown } from "../lib/inventory/problems.mts";
import { nearest } from "../lib/inventory/suggest.mts";
import { type Host, UsageError } from "../lib/inventory/types.mts";
import { without } from "./scale/choose.mts";
import type { Vars } from "./schema.mts";

/** How many of an inventory's clusters a playbook works on: one, any number of them, or necessarily all (what they share is changed). */
export type Scope = "one" | "any" | "all";

const nameOf = (host: Host<Vars>): string => host.vars.cluster.name;

/** Hosts by cluster, in the order of the inventory. */
export const byCluster = (hosts: readonly Host<Vars>[]): Host<Vars>[][] =>
  [...new Set(hosts.map(nameOf))].map((name) => hosts.filter((h) => nameOf(h) === name));

/** A check that compares hosts, made for each cluster by itself. */
export const perCluster =
  (check: Check<Vars>): Check<Vars> =>
  (context) => {
    for (const hosts of byCluster(context.hosts)) check({ ...context, hosts });
  };

/**
 * The inventory with one cluster's hosts only, as if the others had an inventory of their own.
 * @throws UsageError when there is no such cluster, or one has to be named
 */
export function narrowed(inventory: LoadedInventory<Vars>, wanted: string | undefined, scope: Scope): LoadedInventory<Vars> {
  const names = byCluster(inventory.hosts).map(([first]) => nameOf(first!));
  const all = names.length > 12 ? `${names.slice(0, 12).join(", ")} …` : names.join(", ");
  if (wanted === undefined) {
    if (scope === "one" && names.length > 1)
      throw new UsageError(`${shown(inventory.dir)} has ${names.length} clusters, and this is done to one at a time; add --cluster with one of ${all}`);
    return inventory;
  }
  if (!names.includes(wanted)) {
    const guess = nearest(wanted, names);
    throw new UsageError(`--cluster ${wanted}: the inventory has no such cluster; ${guess ? `did you mean ${guess}?` : `it has ${all}`}`);
  }
  return without(
    inventory,
    inventory.hosts.filter((h) => nameOf(h) !== wanted),
  );
}

/** Where a value comes from that stands for hosts of other clusters as well, or is nobody's own; undefined when it is the cluster's. */
export function sharedPlace(inventory: LoadedInventory<Vars>, cluster: string, path: readonly string[]): string | undefined {
  const own = (h: Host<Vars>): string | undefined => (inventory.writtenAt(h.name, path) ? inventory.originOf(h.name, path) : undefined);
  const others = new Set(inventory.hosts.filter((h) => nameOf(h) !== cluster).map(own));
  const shared = inventory.hosts.find((h) => nameOf(h) === cluster && (own(h) === undefined || others.has(own(h))));
  return shared && inventory.originOf(shared.name, path);
}

/** What the cluster's own backups and the like are kept in, below the region's folder: nothing where it is the region's only one. */
export const ownFolder = ({ cluster }: { cluster?: string | undefined }): string[] => (cluster === undefined ? [] : [cluster]);
