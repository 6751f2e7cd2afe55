import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isErrno, LabError } from "./error.mts";

/**
 * A host's processes live in `<hierarchy>/sampan-lab/<region>/<host>`: it tells us what belongs to the host, and its CPU
 * quota goes there. On cgroup v1 that is in the cpu hierarchy (quota), name=systemd and the hybrid cgroup2 mount (where
 * the hosts' systemds would otherwise share one tree); on v2 there is only one. Leaves keep v2's rule that a group with
 * children holds no processes itself: `outside` is for what we start, `boot-N` (launch.sh) for systemd-nspawn.
 */
interface Hierarchies {
  cpu: string;
  version: 1 | 2;
  all: string[];
}

async function hierarchies(): Promise<Hierarchies> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [type = "", , options = ""] = right.split(" ");
    return type.startsWith("cgroup") ? [{ path: left.split(" ")[4] ?? "", type, options: options.split(",") }] : [];
  });
  const v1 = (option: string): string | undefined => mounts.find(({ type, options }) => type === "cgroup" && options.includes(option))?.path;
  const v2 = mounts.find(({ type }) => type === "cgroup2")?.path;
  const cpu = v1("cpu") ?? v2;
  if (cpu === undefined) throw new LabError("no cgroup hierarchy is mounted here", "mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  return { cpu, version: cpu === v2 ? 2 : 1, all: [...new Set([cpu, v1("name=systemd"), v2])].filter((path) => path !== undefined) };
}

/** Makes a host's groups. @returns their folders, one per hierarchy */
export async function makeCgroups(path: string): Promise<string[]> {
  const { all, version } = await hierarchies();
  for (const root of all) {
    await mkdir(join(root, path, "outside"), { recursive: true });
    if (version === 2) await delegate(root, path);
  }
  return cgroupFolders(path);
}

export const cgroupFolders = async (path: string): Promise<string[]> => (await hierarchies()).all.map((root) => join(root, path));

/** v2 only: a controller works in a group once every group above has passed it down. */
async function delegate(root: string, path: string): Promise<void> {
  const levels = path.split("/");
  for (let depth = 0; depth <= levels.length; depth++) {
    const group = join(root, ...levels.slice(0, depth));
    for (const controller of (await readFile(join(group, "cgroup.controllers"), "utf8")).trim().split(" ")) {
      await writeFile(join(group, "cgroup.subtree_control"), `+${controller}`).catch(() => {}); // some can't be passed on; quota reports its own failure
    }
  }
}

export async function processesIn(path: string): Promise<number[]> {
  const found = new Set<number>();
  for (const root of (await hierarchies()).all) {
    for (const group of await groupsUnder(join(root, path))) {
      const procs = await readFile(join(group, "cgroup.procs"), "utf8").catch(() => "");
      for (const pid of procs.split("\n")) if (Number(pid) > 0) found.add(Number(pid));
    }
  }
  return [...found];
}

/** SIGKILLs all processes of a group until none is left, however they fork. */
export async function killCgroup(path: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; ; await sleep(10)) {
    const pids = await processesIn(path);
    if (pids.length === 0) return;
    if (performance.now() > deadline) throw new LabError(`processes survive SIGKILL: ${pids.join(", ")}`, "look at them with ps; they hang in the kernel");
    for (const pid of pids) kill(pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

/** Removes a group that no process is in any more, with all groups below it. */
export async function removeCgroups(path: string): Promise<void> {
  for (const root of (await hierarchies()).all) {
    for (const group of (await groupsUnder(join(root, path))).reverse()) await removeGroup(group);
  }
}

async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await rmdir(group);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return;
      if (!isErrno(error, "EBUSY") || tries === 100) throw error; // a process just killed is still being reaped
      await sleep(10);
    }
  }
}

/** Parents before children. */
async function groupsUnder(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = await Promise.all(entries.filter((entry) => entry.isDirectory()).map(({ name }) => groupsUnder(join(group, name))));
  return [group, ...below.flat()];
}

/**
 * @param percent of one CPU (150 = one and a half), or null for no limit
 * @param periodMs over which the kernel counts it out; the share of a period may not be below 1 ms
 */
export async function setQuota(path: string, percent: number | null, periodMs = 100): Promise<void> {
  const { cpu, version } = await hierarchies();
  const period = periodMs * 1000;
  const quota = percent === null ? null : Math.round((percent / 100) * period);
  if (version === 2) {
    await delegate(cpu, path.split("/").slice(0, -1).join("/")); // systemd may have taken the controller back
    return writeFile(join(cpu, path, "cpu.max"), `${quota ?? "max"} ${period}`);
  }
  // On the way from one pair to the other there may be no combination that the kernel refuses.
  await writeFile(join(cpu, path, "cpu.cfs_quota_us"), "-1");
  await writeFile(join(cpu, path, "cpu.cfs_period_us"), String(period));
  await writeFile(join(cpu, path, "cpu.cfs_quota_us"), String(quota ?? -1));
}

/** @returns ms of CPU that the group's processes have used. Only cgroup v2 counts it in every group, with or without a controller. */
export async function cpuTime(path: string): Promise<number> {
  for (const folder of await cgroupFolders(path)) {
    const usage = /^usage_usec (\d+)$/m.exec(await readFile(join(folder, "cpu.stat"), "utf8").catch(() => ""))?.[1];
    if (usage !== undefined) return Number(usage) / 1000;
  }
  throw new LabError("the CPU time of a lab host isn't counted here", "mount cgroup v2 too: mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified");
}
