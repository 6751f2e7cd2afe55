import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { exists, place, writeAtomically } from "./files.mts";
import { run } from "./run.mts";

/**
 * A host's disk: <disks>/<host>/ with
 *   base       → the cached root file system
 *   upper work  what the host changed (overlayfs)
 *   root        where it gets mounted, in the host's own mount namespace only
 *   host_key.pub, console.log
 */
export const diskOf = (disks: string, host: string): string => join(disks, host);

/** The region's login key, made once. @returns the private key's file */
export async function ensureLoginKey(disks: string): Promise<string> {
  const key = join(disks, "id_ed25519");
  if (!(await exists(`${key}.pub`))) {
    await mkdir(disks, { recursive: true });
    await rm(key, { force: true });
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "sampan-lab", "-f", key]);
  }
  return key;
}

/** A disk as the installer of a bare server leaves it. The last file written says that it is whole. */
export async function ensureDisk(disks: string, host: string, rootfs: string): Promise<void> {
  const disk = diskOf(disks, host);
  if (await exists(join(disk, "host_key.pub"))) return;
  await rm(disk, { recursive: true, force: true });
  for (const folder of ["upper", "work", "root"]) await mkdir(join(disk, folder), { recursive: true });
  await symlink(rootfs, join(disk, "base"));
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", `root@${host}`, "-f", join(disk, "key")]);
  const hostKey = await readFile(join(disk, "key"), "utf8"),
    hostKeyPub = await readFile(join(disk, "key.pub"), "utf8");
  const loginKey = await readFile(join(disks, "id_ed25519.pub"), "utf8");
  const ops = 1000; // as in the recipe of the root file system
  for (const entry of [
    { path: ".", mode: 0o755 },
    { path: "etc", mode: 0o755 },
    { path: "etc/hostname", mode: 0o644, text: `${host}\n` },
    { path: "etc/hosts", mode: 0o644, text: `127.0.0.1 localhost\n127.0.1.1 ${host}\n` },
    { path: "etc/machine-id", mode: 0o444, text: `${randomUUID().replaceAll("-", "")}\n` },
    { path: "etc/ssh", mode: 0o755 },
    { path: "etc/ssh/ssh_host_ed25519_key", mode: 0o600, text: hostKey },
    { path: "etc/ssh/ssh_host_ed25519_key.pub", mode: 0o644, text: hostKeyPub },
    { path: "root", mode: 0o700 },
    { path: "root/.ssh", mode: 0o700 },
    { path: "root/.ssh/authorized_keys", mode: 0o600, text: loginKey },
    { path: "home", mode: 0o755 },
    { path: "home/ops", mode: 0o700, uid: ops },
    { path: "home/ops/.ssh", mode: 0o700, uid: ops },
    { path: "home/ops/.ssh/authorized_keys", mode: 0o600, uid: ops, text: loginKey },
  ])
    await place(join(disk, "upper"), entry);
  await rm(join(disk, "key"));
  await rm(join(disk, "key.pub"));
  await writeAtomically(join(disk, "host_key.pub"), hostKeyPub);
}

export const wipeDisk = (disks: string, host: string): Promise<void> => rm(diskOf(disks, host), { recursive: true, force: true });

export const hostKey = async (disks: string, host: string): Promise<string> => {
  const [type, key] = (await readFile(join(diskOf(disks, host), "host_key.pub"), "utf8")).split(" ");
  return `${type} ${key}`;
};
