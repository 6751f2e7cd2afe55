import { access, constants, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { LabError } from "./error.mts";
import { withLock } from "./lock.mts";
import { runtimeDir } from "./paths.mts";
import type { Report } from "./report.mts";
import { run, tryRun } from "./run.mts";

/** What the lab calls (or, for the keyring, reads), and the Debian package that brings it. */
const needs: Readonly<Record<string, string>> = {
  mmdebstrap: "mmdebstrap",
  "systemd-nspawn": "systemd-container",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  ip: "iproute2",
  nft: "nftables",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  gpgv: "gpgv",
  "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
};

/** The same for a virtual machine. */
const vmNeeds: Readonly<Record<string, string>> = {
  "qemu-system-x86_64": "qemu-system-x86",
  "grub-mkrescue": "grub-common",
  "/usr/lib/grub/i386-pc": "grub-pc-bin",
  xorriso: "xorriso",
  mformat: "mtools",
  mke2fs: "e2fsprogs",
};

/** Refuses machines on which no lab can be, with what to do instead; installs what is missing, asking nothing. */
export async function ensureTools(report: Report, vm = false): Promise<void> {
  requireLinuxRoot();
  if (vm) await requireVmHost();
  const wanted = vm ? { ...needs, ...vmNeeds } : needs;
  if ((await missingPackages(wanted)).length === 0) return;
  await withLock(join(runtimeDir, "setup.lock"), () => install(wanted, report));
}

async function requireVmHost(): Promise<void> {
  if ((await debArch()) !== "amd64") throw new LabError("the lab's virtual machine is an x86 one", "run it on an amd64 machine, or do without --vm");
  if (!(await onPath("/dev/net/tun"))) throw new LabError("there is no /dev/net/tun here, the virtual machine's network", "run: modprobe tun");
}

export function requireLinuxRoot(): void {
  if (process.platform !== "linux")
    throw new LabError("the lab needs Linux (network namespaces, systemd-nspawn)", "run it on a Linux machine or in a Linux VM");
  if (process.getuid?.() !== 0) throw new LabError("the lab needs root: it makes network namespaces and boots containers", "run the same command with sudo");
}

async function install(wanted: Readonly<Record<string, string>>, report: Report): Promise<void> {
  const packages = await missingPackages(wanted); // again: another lab may have installed them while we waited
  if (packages.length === 0) return;
  if (!(await onPath("apt-get")))
    throw new LabError(`missing here: ${packages.join(", ")}, and there is no apt-get`, "install these Debian packages (or your distribution's) by hand");
  const step = report.start("tools", `installing ${packages.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // The lists may be stale or absent on a fresh machine; a failing update of some foreign source needn't matter.
  await tryRun("apt-get", ["update", "-q"], { env });
  const { code, stderr } = await tryRun("apt-get", ["install", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", ...packages], { env });
  const still = await missingPackages(wanted);
  if (still.length > 0)
    throw new LabError(
      `can't install ${still.join(", ")} (apt-get: ${code}, ${stderr.trim().split("\n").at(-1) ?? ""})`,
      `run: apt-get install ${still.join(" ")}`,
    );
  step.done(`installed ${packages.join(", ")}`);
}

async function missingPackages(wanted: Readonly<Record<string, string>>): Promise<string[]> {
  const missing = new Set<string>();
  for (const [need, debPackage] of Object.entries(wanted)) if (!(await onPath(need))) missing.add(debPackage);
  return [...missing];
}

async function onPath(program: string): Promise<boolean> {
  // root's PATH lacks the sbin folders after a plain `su`
  const folders = program.startsWith("/") ? [""] : [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    if (
      await access(join(folder, program), constants.R_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  }
  return false;
}

const INOTIFY = "/proc/sys/fs/inotify/max_user_instances";
/** Of one host: systemd and its services; with too few of them it ends or hangs at boot, without a word. */
const INSTANCES = 20;

/** All hosts share root's inotify instances with this machine, whose usual 128 are enough for about ten. */
export async function ensureInotify(hosts: number, report: Report): Promise<void> {
  const now = Number(await readFile(INOTIFY, "utf8"));
  const wanted = 128 + hosts * INSTANCES;
  if (hosts <= 5 || now >= wanted) return;
  await writeFile(INOTIFY, String(wanted));
  report.start("this machine", "making room").done(`fs.inotify.max_user_instances ${now} → ${wanted}, until it boots again`);
}

/** dpkg's name of this machine's architecture, for caches. */
export const debArch = async (): Promise<string> => (await run("dpkg", ["--print-architecture"])).trim();
