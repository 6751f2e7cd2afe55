import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { diskOf, ensureDisk, hostKey } from "../disk.mts";
import { LabError } from "../error.mts";
import { exists, place, writeAtomically } from "../files.mts";
import { address, gateway } from "../region.mts";
import { run, runCaptive } from "../run.mts";

/** Beside those of a container: a kernel, its boot loader, and what a server of metal mostly has. */
export const vmPackages = ["linux-image-cloud-amd64", "initramfs-tools", "zstd", "udev", "grub-pc", "e2fsprogs", "kmod", "ethtool", "irqbalance"];

/** where the store's own disk is mounted, with the options that an installer gives */
export const dataMount = "/data";

/**
 * The disks of a virtual machine as the installer of a bare server leaves them: <disks>/<host>/system.img (from the same
 * tree as a container's, with its files laid over it) and data.img, for the store. Both sparse. system.img comes last.
 */
export async function ensureVmDisk(disks: string, host: string, rootfs: string, octet: number): Promise<void> {
  const disk = diskOf(disks, host);
  if (await exists(join(disk, "system.img"))) return;
  await ensureDisk(disks, host, rootfs);
  const kernel = (await readdir(join(rootfs, "boot"))).find((name) => name.startsWith("vmlinuz-"))?.slice("vmlinuz-".length);
  if (kernel === undefined) throw new LabError(`${rootfs} has no kernel`, "remove this folder, and run again");
  await writeAtomically(join(disk, "known_hosts"), `${address(octet, host)} ${await hostKey(disks, host)}\n`);
  for (const entry of files(host, octet, kernel)) await place(join(disk, "upper"), entry);
  const image = join(disk, "system.img.partial");
  // The mount is seen by this program only, and ends with it.
  const make = `mount -t overlay -o lowerdir="$1/base",upperdir="$1/upper",workdir="$1/work" overlay "$1/root"
    ln -sf /lib/systemd/system/systemd-networkd.service "$1/root/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    mke2fs -q -F -t ext4 -O ^metadata_csum_seed -L system -d "$1/root" "$2" 3G`;
  await runCaptive("sh", ["-ec", make, "sh", disk, image]);
  await run("mke2fs", ["-q", "-F", "-t", "ext4", "-L", "data", join(disk, "data.img"), "2G"]);
  await rename(image, join(disk, "system.img"));
}

const files = (host: string, octet: number, kernel: string) => [
  { path: "etc/systemd", mode: 0o755 },
  { path: "etc/systemd/network", mode: 0o755 },
  {
    path: "etc/systemd/network/50-lan.network",
    mode: 0o644,
    text: `[Match]\nName=e*\n[Network]\nAddress=${address(octet, host)}/24\nGateway=${gateway(octet)}\nLinkLocalAddressing=no\n`,
  },
  { path: "etc/fstab", mode: 0o644, text: `LABEL=system / ext4 errors=remount-ro 0 1\nLABEL=data ${dataMount} ext4 defaults 0 2\n` },
  { path: dataMount.slice(1), mode: 0o755 },
  { path: "etc/default", mode: 0o755 },
  { path: "etc/default/grub.d", mode: 0o755 },
  // as the images of cloud providers have one; emulated time stamp counters look unsynchronized, and without them no tick stops
  {
    path: "etc/default/grub.d/10_cloud.cfg",
    mode: 0o644,
    text: 'GRUB_CMDLINE_LINUX="console=ttyS0 tsc=reliable"\nGRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_TIMEOUT=0\nGRUB_TERMINAL=console\n',
  },
  { path: "boot", mode: 0o755 },
  { path: "boot/grub", mode: 0o755 },
  {
    path: "boot/grub/grub.cfg",
    mode: 0o600,
    text: `set timeout=0
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian' {
	linux	/boot/vmlinuz-${kernel} root=LABEL=system ro console=ttyS0 tsc=reliable
	initrd	/boot/initrd.img-${kernel}
}
### END /etc/grub.d/10_linux ###
`,
  },
];
