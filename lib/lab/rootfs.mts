import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { machineMirror } from "./apt-sources.mts";
import { LabError } from "./error.mts";
import { exists } from "./files.mts";
import { withLock } from "./lock.mts";
import { fetchPackage, keyring } from "./package.mts";
import { cacheDir } from "./paths.mts";
import type { Report } from "./report.mts";
import { run, runCaptive } from "./run.mts";
import { debArch } from "./setup.mts";

/** Releases that a lab host can run: two of Debian, and Ubuntu 24.04. */
export type Suite = "bookworm" | "trixie" | "noble";

/** A bare Debian server, as a user would hand it to sampan: no python, no curl. A change here makes a new tree. */
const recipe = {
  suite: "bookworm" as Suite,
  packages: ["systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "procps", "sudo", "ca-certificates"],
  users: [["useradd", "--uid", "1000", "--create-home", "--shell", "/bin/bash", "ops"]],
  files: {
    // for tests of `become`: the account of a site where nobody logs in as root
    "etc/sudoers.d/ops": { mode: 0o440, text: "ops ALL=(ALL) NOPASSWD: ALL\n" },
    "etc/resolv.conf": { mode: 0o644, text: "" },
    "etc/apt/sources.list": { mode: 0o644, text: "# lab hosts reach nothing but each other and the controller\n" },
  },
  // Every host makes its own keys and names; the build must leave none behind that two hosts would share.
  remove: ["etc/hostname", ...["rsa", "ecdsa", "ed25519"].flatMap((type) => [`etc/ssh/ssh_host_${type}_key`, `etc/ssh/ssh_host_${type}_key.pub`])],
  // Background jobs that would only steal CPU from a measurement, and a login prompt on a console nobody sees.
  mask: [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "console-getty.service",
    "getty@tty1.service",
  ],
};

const folder = (): string => join(cacheDir(), "rootfs");

/**
 * The cached root file system, built first if this recipe has none yet.
 * @param packages what its servers have beyond the bare ones
 * @returns its folder
 */
export async function ensureRootfs(report: Report, packages: readonly string[] = [], suite = recipe.suite): Promise<string> {
  const wanted = { ...recipe, suite, packages: [...recipe.packages, ...packages] };
  const key = createHash("sha256")
    .update(JSON.stringify([wanted, await debArch()]))
    .digest("hex")
    .slice(0, 12);
  const tree = join(folder(), `${suite}-${key}`);
  if (await exists(tree)) return tree;
  await withLock(join(folder(), ".lock"), async () => {
    if (await exists(tree)) return;
    const step = report.start("root system", `building ${suite === "noble" ? "Ubuntu" : "Debian"} ${suite} (once, about 20 s)`);
    await build(tree, suite, wanted.packages);
    step.done(`built ${basename(tree)}`);
  });
  return tree;
}

/** This machine's sources are Debian's, so Ubuntu's archive has to be named. */
function ubuntuMirror(): string {
  const named = process.env["SAMPAN_UBUNTU_MIRROR"];
  if (!named) throw new LabError("no archive of Ubuntu is known", "set SAMPAN_UBUNTU_MIRROR to one, http://…/ubuntu");
  return named;
}

/** Ubuntu's keys, which Debian vouches for. */
async function ubuntuKeyring(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  await fetchPackage(dir, "trixie", "ubuntu-keyring", keyring);
  return join(dir, "root/usr/share/keyrings/ubuntu-archive-keyring.gpg");
}

/** Only a finished tree gets its final name. */
async function build(tree: string, suite: Suite, packages: readonly string[]): Promise<void> {
  const partial = `${tree}.partial`;
  for (const name of await readdir(folder())) {
    if (name.endsWith(".partial")) await rm(join(folder(), name), { recursive: true, force: true });
  }
  const keys = `${tree}-keys.partial`;
  const source =
    suite === "noble"
      ? `deb [signed-by=${await ubuntuKeyring(keys)}] ${ubuntuMirror()} ${suite} main`
      : `deb [signed-by=${keyring}] ${await machineMirror()} ${suite} main`;
  await runCaptive("mmdebstrap", ["-q", "--mode=root", "--variant=minbase", `--include=${packages.join(",")}`, suite, partial, source]);
  await rm(keys, { recursive: true, force: true });
  for (const argv of recipe.users) await run("chroot", [partial, ...argv]);
  for (const path of recipe.remove) await rm(join(partial, path), { force: true });
  for (const [path, { mode, text }] of Object.entries(recipe.files)) {
    await writeFile(join(partial, path), text);
    await chmod(join(partial, path), mode);
  }
  for (const unit of recipe.mask) await symlink("/dev/null", join(partial, "etc/systemd/system", unit));
  await rename(partial, tree);
}
