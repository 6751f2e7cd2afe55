import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";
import { Lab } from "../../lib/lab/lab.mts";
import { cacheDir, inventoryDir } from "../../lib/lab/paths.mts";
import { namesOf } from "../../lib/lab/region.mts";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const program = ["--import", "tsx", join(root, "playbooks/lab.mts")];

/** Why no lab can be here, for `t.test(…, { skip })`. */
export const skip: string | false = process.platform !== "linux" || process.getuid?.() !== 0 ? "needs Linux and root" : false;

/** A lab of the test's own, removed when the test ends, however it does. Two checkouts get two regions. */
export function testLab(t: Test, name: string): Lab {
  const region = `t-${name}-${createHash("sha256").update(root).digest("hex").slice(0, 4)}`;
  const lab = new Lab(region);
  let cleaned = false;
  const lastResort = (): void => {
    if (!cleaned) labSync("down", "--region", region);
  };
  process.once("exit", lastResort);
  t.teardown(async () => {
    await lab.down();
    cleaned = true;
    process.off("exit", lastResort);
  });
  return lab;
}

/** The command as a user starts it, to be waited for or killed. */
export const startLab = (...args: string[]): ChildProcess => spawn(process.execPath, [...program, ...args], { cwd: root, stdio: "ignore" });

export function labSync(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [...program, ...args], { cwd: root, encoding: "utf8" });
}

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** Everything on this machine that belongs to a region: processes, mounts in any namespace, namespaces, links, groups, folders. */
export function traces(region: string): string[] {
  const names = namesOf(region),
    disks = join(cacheDir(), "lab", region);
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && entry !== String(process.pid))) {
    if (/^State:\s+Z/m.test(read(`/proc/${pid}/status`))) continue; // ended; this machine's init has yet to take note
    const belongs = read(`/proc/${pid}/cgroup`).includes(`/${names.cgroup()}/`) || read(`/proc/${pid}/cmdline`).includes(disks);
    if (belongs) found.push(`process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
    for (const mount of read(`/proc/${pid}/mountinfo`).split("\n")) {
      if (mount.includes(`${disks}/`) || mount.includes(names.netns(""))) found.push(`mount seen by ${pid}: ${mount}`);
    }
  }
  const links = JSON.parse(execFileSync("ip", ["-j", "link"], { encoding: "utf8" })) as { ifname: string; ifalias?: string }[];
  for (const { ifname, ifalias } of links) if (ifalias === names.alias) found.push(`link ${ifname}`, ...routes(ifname));
  if (existsSync("/run/netns"))
    found.push(
      ...readdirSync("/run/netns")
        .filter((name) => name.startsWith(names.netns("")))
        .map((name) => `netns ${name}`),
    );
  for (const hierarchy of ["", "cpu", "cpu,cpuacct", "systemd", "unified"]) {
    const group = join("/sys/fs/cgroup", hierarchy, names.cgroup());
    if (existsSync(group)) found.push(`cgroup ${group}`);
  }
  return [...found, ...[disks, inventoryDir(region), `/run/sampan-lab/${region}.json`].filter((path) => existsSync(path))];
}

const routes = (link: string): string[] =>
  execFileSync("ip", ["route", "show", "dev", link], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean)
    .map((route) => `route ${route} dev ${link}`);
