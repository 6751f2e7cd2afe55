import type { LoadedInventory } from "../../lib/inventory/load.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { beginRenewal, endRenewal, renewal } from "../../lib/pki/renewal.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";
import { held, rollOut } from "./roll-out.mts";

/** @throws UsageError when all certificates are the user's own */
export function checkOwn(inventory: LoadedInventory<Vars>): void {
  if (inventory.hosts.every((h) => h.vars.tls))
    throw new UsageError(
      `${inventory.originOf(inventory.hosts[0]!.name, ["tls"])}: the certificates are your own (tls: in the inventory); replace the files, then run site.mts: it reloads the servers one by one`,
    );
}

/** New keys and certificates for all servers; a run that was interrupted is gone on with, by this one or by site.mts. */
export async function rotateCertificates(run: SiteRun): Promise<void> {
  if (!(await held(run))) return;
  const { inventory } = run.config;
  const { file, underWay } = renewal(inventory.dir, Date.now());
  if (underWay) run.emit({ type: "warning", text: `going on with the renewal of ${file.get("renew")!.trim()}, which was not finished` });
  if (run.mode === "apply") beginRenewal(inventory.dir, file);
  if ((await rollOut(run, "new certificates", { pki: file })) && run.mode === "apply") endRenewal(inventory.dir);
}
