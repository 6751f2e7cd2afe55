import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { namesOf } from "../../lib/lab/region.mts";

/** One run of a competitor. CPU in seconds, of all processes that the command started, and of all hosts' processes meanwhile. */
export interface Sample {
  seconds: number;
  controllerCpu: number;
  hostsCpu: number;
}
/** kB; connections and channels as the hosts' sshd counted them */
export interface Peak {
  process: number;
  together: number;
}

export class BenchError extends Error {}
export function fail(what: string): never {
  throw new BenchError(what);
}

/** Control groups of version 2 count CPU without any controller, also beside version 1. */
const CGROUP2 =
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((l) => / - cgroup2 /.test(l))
    ?.split(" ")[4] ?? fail("no cgroup2 is mounted here: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
const GROUP = join(CGROUP2, `sampan-bench-${process.pid}`);

const cpuOf = (group: string): number => Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(group, "cpu.stat"), "utf8"))?.[1] ?? 0) / 1e6;
const members = (): number[] => readFileSync(join(GROUP, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);

export interface Command {
  argv: readonly string[];
  env?: Record<string, string>;
  cwd?: string;
}

/**
 * Runs a command until its process ends; what it leaves in the background (ssh masters) goes on, until `endLeftovers`.
 * @throws BenchError when it fails: a benchmark of failures is none
 */
export async function timed(region: string, command: Command, watch?: (peak: Peak) => void): Promise<Sample & { stdout: string }> {
  mkdirSync(GROUP, { recursive: true });
  const hosts = join(CGROUP2, namesOf(region).cgroup());
  const before = [cpuOf(GROUP), cpuOf(hosts)] as const;
  const since = performance.now();
  const child = spawn("sh", ["-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"', GROUP, ...command.argv], {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "",
    stderr = "";
  child.stdout.on("data", (d: Buffer) => {
    stdout += d.toString();
  });
  child.stderr.on("data", (d: Buffer) => {
    stderr += d.toString();
  });
  let over = false;
  // 'exit' and not 'close': a master in the background may hold our pipe.
  const exit = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("exit", (code) => {
      over = true;
      resolve(code);
    });
  });
  if (watch) {
    while (!over) {
      watch(peak());
      await sleep(15);
    }
  }
  const code = await exit;
  const seconds = (performance.now() - since) / 1000;
  const sample = { seconds, controllerCpu: cpuOf(GROUP) - before[0], hostsCpu: cpuOf(hosts) - before[1], stdout };
  if (code !== 0) {
    await sleep(50);
    fail(`${command.argv.join(" ")}: exit ${code}\n${`${stdout}\n${stderr}`.slice(-4000)}`);
  }
  child.stdout.destroy();
  child.stderr.destroy();
  return sample;
}

function peak(): Peak {
  let together = 0,
    largest = 0;
  for (const pid of members()) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      largest = Math.max(largest, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
      together += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      /* it has ended meanwhile */
    }
  }
  return { process: largest, together };
}

/** Ends what commands have left behind. Only processes that we started are in our group. */
export async function endLeftovers(): Promise<void> {
  if (!existsSync(GROUP)) return;
  for (let tries = 0; members().length && tries < 200; tries++) {
    for (const pid of members()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        /* gone */
      }
    }
    await sleep(10);
  }
  rmdirSync(GROUP);
}

export interface Summary {
  median: number;
  least: number;
  most: number;
  count: number;
}

export function summary(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)!, count: sorted.length };
}
