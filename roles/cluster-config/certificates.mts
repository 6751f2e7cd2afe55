import type { Inventory } from "../../lib/inventory/types.mts";
import { ensurePki, type Pki, type PkiHost } from "../../lib/pki/ca.mts";
import { ownCertificates } from "../../lib/pki/own.mts";
import type { Vars } from "../schema.mts";

/** The region's CA and a certificate for each host; or the user's own, for those hosts that name some. */
export async function certificates(inventory: Inventory<Vars>, dryRun: boolean): Promise<Pki> {
  const all: (PkiHost & { tls: Vars["tls"] })[] = inventory.hosts.map((h) => ({ name: h.name, serverName: h.vars.server_name, address: h.connection.address, tls: h.vars.tls }));
  const own = all.filter((h): h is PkiHost & { tls: NonNullable<Vars["tls"]> } => h.tls !== undefined);
  const theirs = own.length ? ownCertificates(inventory.dir, own) : undefined;
  if (theirs && own.length === all.length) return theirs;
  const ours = await ensurePki(inventory.dir, all.filter((h) => !h.tls), { dryRun });
  if (!theirs) return ours;
  return { ca: ours.ca + theirs.ca, hosts: new Map([...ours.hosts, ...theirs.hosts]), changed: ours.changed, warnings: [...ours.warnings, ...theirs.warnings] };
}
