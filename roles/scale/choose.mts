import type { LoadedInventory } from "../../lib/inventory/load.mts";
import { nearest } from "../../lib/inventory/suggest.mts";
import { type Host, UsageError } from "../../lib/inventory/types.mts";
import type { Vars } from "../schema.mts";

type Inventory = LoadedInventory<Vars>;

/** A server that is to leave the cluster. */
export interface Leaver {
  /** its server_name */
  server: string;
  /** its host, as far as the inventory (still) has it */
  host?: Host<Vars>;
  /** its host was promised to be dead: one that answers is a mistake */
  dead?: boolean;
}

/** What is to become of who is in the cluster. */
export interface Change {
  /** as hosts.yml has it */
  full: Inventory;
  /** without those who leave: what all hosts are configured for */
  rest: Inventory;
  leaving: readonly Leaver[];
  /** streams and durables may go whose only replica is on a dead server */
  acceptLoss?: boolean;
}

/** `a,b` or repeated. */
export const split = (given: readonly string[]): string[] => [
  ...new Set(
    given
      .flatMap((text) => text.split(","))
      .map((name) => name.trim())
      .filter(Boolean),
  ),
];

/** The hosts of these names. @throws UsageError for a name that no host has */
export function named(inventory: Inventory, flag: string, given: readonly string[], otherwise: string): Host<Vars>[] {
  const names = split(given);
  if (!names.length) throw new UsageError(`${flag} names no host; the hosts are ${inventory.hosts.map((h) => h.name).join(", ")}`);
  return names.map((name) => {
    const host = inventory.hosts.find((h) => h.name === name);
    if (host) return host;
    const guess = nearest(
      name,
      inventory.hosts.map((h) => h.name),
    );
    throw new UsageError(`${flag} ${name}: the inventory has no such host; ${guess ? `did you mean ${guess}?` : otherwise}`);
  });
}

/** An inventory as it will be when some hosts are gone. */
export const without = (inventory: Inventory, hosts: readonly Host<Vars>[]): Inventory => {
  const stays = (name: string): boolean => !hosts.some((h) => h.name === name);
  return {
    ...inventory,
    hosts: inventory.hosts.filter((h) => stays(h.name)),
    groups: new Map([...inventory.groups].map(([group, names]) => [group, names.filter(stays)])),
  };
};

/**
 * Can the inventory bear the loss of those who leave? What the running cluster says to it is asked later.
 * @throws UsageError in one line
 */
export function checkRest({ full, rest, leaving }: Change): void {
  const who = leaving.map((l) => l.server).join(", ");
  if (rest.hosts.length < 2)
    throw new UsageError(`without ${who} ${rest.hosts.length ? `only ${rest.hosts[0]!.name} is` : "no host is"} left: that is no cluster; keep at least three`);
  const able = rest.hosts.filter((h) => h.vars.jetstream.enabled).length;
  const needy = full.hosts[0]!.vars.streams.filter((s) => s.num_replicas > able);
  if (needy.length)
    throw new UsageError(
      `without ${who} ${able} hosts have JetStream, and ${needy.map((s) => `stream ${s.name} wants ${s.num_replicas} replicas`).join(", ")}; lower num_replicas in the inventory and run site.mts first, or keep more hosts`,
    );
}
