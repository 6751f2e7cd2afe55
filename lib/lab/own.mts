import { realpath } from "node:fs/promises";
import { address } from "./region.mts";
import { allStates } from "./state.mts";

/**
 * Whether an inventory is one of this machine's running labs: its folder is the one that `lab.mts up` wrote, and every host in it has
 * the address that the lab gave it. A copy of the folder, another host in it or another address is a real region.
 */
export async function isLab(dir: string, hosts: readonly { name: string; address: string }[]): Promise<boolean> {
  const here = await realpath(dir);
  for (const state of await allStates()) {
    if ((await realpath(state.inventory).catch(() => "")) !== here) continue;
    return hosts.every((h) => state.hosts.includes(h.name) && h.address === address(state.octet, h.name));
  }
  return false;
}
