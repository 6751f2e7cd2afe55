import type { Inventory } from "../../lib/inventory/types.mts";
import { ensurePki, hasPki, type Pki, type PkiHost, type PkiOptions } from "../../lib/pki/ca.mts";
import { ownCertificates } from "../../lib/pki/own.mts";
import type { Vars } from "../schema.mts";

type Wanting = PkiHost & { tls: Vars["tls"] };
type Owning = PkiHost & { tls: NonNullable<Vars["tls"]> };

const wanting = (inventory: Inventory<Vars>): Wanting[] =>
  inventory.hosts.map((h) => ({ name: h.name, serverName: h.vars.server_name, address: h.connection.address, tls: h.vars.tls }));
const owning = (all: readonly Wanting[]): Owning[] => all.filter((h): h is Owning => h.tls !== undefined);

/** The region's CA and a certificate for each host; or the user's own, for those hosts that name some. `instead`: a look ahead, with dryRun. */
export async function certificates(inventory: Inventory<Vars>, dryRun: boolean, instead?: PkiOptions["instead"]): Promise<Pki> {
  const all = wanting(inventory),
    own = owning(all);
  const theirs = own.length ? ownCertificates(inventory.dir, own) : undefined;
  if (theirs && own.length === all.length) return theirs;
  const ours = await ensurePki(
    inventory.dir,
    all.filter((h) => !h.tls),
    { dryRun, ...(instead && { instead }) },
  );
  if (!theirs) return ours;
  return { ca: ours.ca + theirs.ca, hosts: new Map([...ours.hosts, ...theirs.hosts]), changed: ours.changed, warnings: [...ours.warnings, ...theirs.warnings] };
}

/** Whether the CAs of all hosts are there already: the user's own, or the region's. */
export const hasAuthority = (inventory: Inventory<Vars>): boolean => hasPki(inventory.dir) || inventory.hosts.every((h) => h.vars.tls);

/** Are the certificates that there are fit for their hosts? Needs nothing but this machine, and makes nothing. @throws UsageError with all that is wrong */
export async function checkCertificates(inventory: Inventory<Vars>): Promise<void> {
  const all = wanting(inventory),
    own = owning(all),
    ours = all.filter((h) => !h.tls);
  if (own.length) ownCertificates(inventory.dir, own);
  if (ours.length && (hasPki(inventory.dir) || ours.some((h) => h.name === "ca"))) await ensurePki(inventory.dir, ours, { dryRun: true });
}
