import type { LoadedInventory } from "../../lib/inventory/load.mts";
import { planRemoval } from "../../lib/inventory/remove-hosts.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import type { Vars } from "../schema.mts";
import { type Change, checkRest, type Leaver, named, split, without } from "./choose.mts";

type Inventory = LoadedInventory<Vars>;

/** What `scale.mts --remove …` asks for; without names only growth. @throws UsageError */
export function scaling(inventory: Inventory, remove: readonly string[] | undefined): Change {
  const hosts = remove ? named(inventory, "--remove", remove, "if it has left already, there is nothing more to do (verify.mts proves it)") : [];
  return checked(
    inventory,
    hosts.map((host) => ({ server: host.vars.server_name, host })),
  );
}

export interface Replacement {
  dead?: readonly string[];
  with?: readonly string[];
  retire?: boolean;
  "accept-loss"?: boolean;
}

/** What `replace-node.mts --dead X --with Y` asks for. The dead may be out of the inventory already. @throws UsageError */
export function replacement(inventory: Inventory, given: Replacement): Change {
  const dead = split(given.dead ?? []);
  if (!dead.length) throw new UsageError("--dead is missing: name the host that is gone, e.g. --dead nats-node-2 --with nats-node-4");
  const fresh = given.with ? named(inventory, "--with", given.with, "add it to hosts.yml first, with a name of its own and its address") : [];
  const both = fresh.find((h) => dead.includes(h.name) || dead.includes(h.vars.server_name));
  if (both)
    throw new UsageError(`--with ${both.name}: is the dead one itself; a new host takes a new name, so that nothing of the old one comes back under it`);
  return checked(
    inventory,
    dead.map((name): Leaver => {
      const host = inventory.hosts.find((h) => h.name === name || h.vars.server_name === name);
      return { server: host?.vars.server_name ?? name, host, dead: !given.retire };
    }),
    given["accept-loss"],
  );
}

function checked(full: Inventory, leaving: readonly Leaver[], acceptLoss = false): Change {
  const hosts = leaving.flatMap((l) => l.host ?? []);
  const change: Change = { full, rest: without(full, hosts), leaving, acceptLoss };
  if (hosts.length) {
    checkRest(change);
    // told now rather than when all else is done
    planRemoval(
      full.dir,
      hosts.map((h) => h.name),
    );
  }
  return change;
}
