import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pool } from "../pool.mts";
import { removeCgroups } from "./cgroup.mts";
import { diskOf, wipeDisk } from "./disk.mts";
import { LabError } from "./error.mts";
import { readFileIfThere } from "./files.mts";
import { networkLock, switchOff } from "./host.mts";
import { withLock } from "./lock.mts";
import { removeSwitch, tidyNetnsDir, wiredHosts } from "./network.mts";
import { cacheDir, inventoryDir } from "./paths.mts";
import { hostIndex, type Names } from "./region.mts";
import type { Report } from "./report.mts";
import { allStates, forgetState, readState } from "./state.mts";

/** Hosts that are taken away at a time: each is looked at, through all its control groups, until none of its processes is left. */
const REMOVING = 16;

export async function removeHost(names: Names, host: string, disks: string): Promise<void> {
  await switchOff(names, host);
  await refuseMounts(diskOf(disks, host));
  await wipeDisk(disks, host);
}

/** Deleting a folder with something mounted in it would delete what is mounted. */
async function refuseMounts(folder: string): Promise<void> {
  const mounts = ((await readFileIfThere("/proc/self/mountinfo")) ?? "").split("\n").map((line) => line.split(" ")[4] ?? "");
  const inside = mounts.find((path) => path.startsWith(`${folder}/`));
  if (inside !== undefined) throw new LabError(`something is mounted on ${inside}`, `run: umount ${inside}, then the same command again`);
}

/** Removes everything of a region, found by its names and its state file, whichever of them an accident has left. */
export async function removeRegion(names: Names, report: Report): Promise<void> {
  const state = await readState(names.region);
  const disks = state?.disks ?? join(cacheDir(), "lab", names.region);
  const known = [...(state?.hosts ?? []), ...(await wiredHosts(names)), ...(await readdir(disks).catch(() => []))];
  const hosts = [...new Set(known)].filter((name) => hostIndex(name) > 0);
  const step = report.start("hosts", "removing");
  await pool(hosts, REMOVING, (host) => removeHost(names, host, disks));
  await withLock(networkLock, async () => {
    await removeSwitch(names, state?.octet);
    await tidyNetnsDir();
    await removeCgroups(names.cgroup());
    await forgetState(names.region);
    if ((await allStates()).length === 0) await removeCgroups(dirname(names.cgroup()));
  });
  await rm(disks, { recursive: true, force: true });
  for (const inventory of new Set([state?.inventory, inventoryDir(names.region)])) {
    if (inventory !== undefined) await rm(inventory, { recursive: true, force: true });
  }
  step.done(hosts.length === 0 ? "none to remove" : `removed ${hosts.join(", ")}`);
}
