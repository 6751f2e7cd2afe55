import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cgroupFolders, killCgroup, makeCgroups, processesIn, removeCgroups } from "./cgroup.mts";
import { diskOf } from "./disk.mts";
import { LabError } from "./error.mts";
import { withLock } from "./lock.mts";
import { inNetns, plug, unwire, wire } from "./network.mts";
import { runtimeDir } from "./paths.mts";
import { address, type Names } from "./region.mts";
import { type RunOptions, type RunResult, tryRun } from "./run.mts";

const launcher = fileURLToPath(new URL("launch.sh", import.meta.url));
export const networkLock = join(runtimeDir, "network.lock");
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** One host as this machine sees it: a process tree, a network namespace, a control group. Nothing is remembered; it asks the kernel. */
export class HostMachine {
  readonly name: string;
  readonly #names: Names;
  readonly #octet: number;
  readonly #disks: string;
  constructor(names: Names, octet: number, disks: string, name: string) {
    this.name = name;
    this.#names = names;
    this.#octet = octet;
    this.#disks = disks;
  }

  get address(): string {
    return address(this.#octet, this.name);
  }
  get netns(): string {
    return this.#names.netns(this.name);
  }
  get cgroup(): string {
    return this.#names.cgroup(this.name);
  }
  get disk(): string {
    return diskOf(this.#disks, this.name);
  }

  /** Its init, as this machine numbers it; undefined when the host is off. */
  async initPid(): Promise<number | undefined> {
    for (const pid of await processesIn(this.cgroup)) {
      const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
      // two numbers: here, and in its own PID namespace, where init is 1
      if (/^NSpid:\s+\d+\s+1$/m.test(status) && (await inNetns(this.#names, this.name, pid))) return pid;
    }
    return undefined;
  }

  /** @param patience how long a running host may take to answer, in milliseconds */
  async isUp(patience = 2000): Promise<boolean> {
    return (await this.initPid()) !== undefined && answers(this.address, patience);
  }

  /** Plugs a pulled cable in again. @returns false where that isn't all it takes */
  async mendLink(): Promise<boolean> {
    return plug(this.#names, this.name);
  }

  /** Powers the host on with the disk it has, and waits until it has booted. @returns units that failed to start */
  async boot(): Promise<string[]> {
    await this.powerCut(); // whatever an earlier, broken attempt left
    await withLock(networkLock, () => wire(this.#names, this.#octet, this.name));
    const cgroups = await makeCgroups(this.cgroup);
    const console = await open(join(this.disk, "console.log"), "w");
    // Detached and in a session of its own: the host stays when we go.
    const child = spawn("unshare", ["--mount", "--propagation", "slave", launcher, this.disk, this.netns, this.#names.machine(this.name), ...cgroups], {
      detached: true,
      stdio: ["ignore", console.fd, console.fd],
      env: { PATH: path, LANG: "C.UTF-8" },
      cwd: "/",
    });
    const ended = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", () => void this.#failure("ended while booting").then(reject));
    });
    ended.catch(() => {}); // later on it may well be switched off
    await console.close();
    const failedUnits = await Promise.race([this.#booted(), ended]);
    child.unref();
    return failedUnits;
  }

  async #booted(): Promise<string[]> {
    // a second is usual; a machine without hardware virtualization or under full load takes many
    if (!(await answers(this.address, 90_000))) throw await this.#failure("doesn't answer on port 22 after 90 s");
    return failedUnits(this);
  }

  async #failure(what: string): Promise<LabError> {
    const log = join(this.disk, "console.log");
    const lastWords = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-3).join(" | ");
    return new LabError(`${this.name} ${what}: ${lastWords || "no output"}`, `see ${log}; a rerun starts it again`);
  }

  /** As if the plug were pulled: every process gone at once, no shutdown. The disk keeps what had been written. */
  powerCut(): Promise<void> {
    return switchOff(this.#names, this.name);
  }

  /** Runs a command in the host as root, without SSH. */
  async exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const init = await this.initPid();
    if (init === undefined) throw new LabError(`${this.name} is off`, "boot it first");
    const env = { PATH: path, HOME: "/root", USER: "root", LANG: "C.UTF-8" };
    // In the host's control group, so that its quota and its end are the command's too.
    const cgroups = await cgroupFolders(this.cgroup);
    const enter = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 >"$1/outside/cgroup.procs"; shift; n=$((n - 1)); done; exec "$@"';
    return tryRun("sh", ["-ec", enter, "sh", String(cgroups.length), ...cgroups, "nsenter", "--target", String(init), "--all", "--", ...argv], {
      ...options,
      env,
    });
  }
}

/** Waits until a host has booted. @returns units that failed to start: what a rollout broke must not keep the host from being switched on */
export async function failedUnits(machine: Pick<HostMachine, "exec">): Promise<string[]> {
  // sshd answers before pam lets ordinary users in
  await machine.exec(["systemctl", "is-system-running", "--wait"]);
  const { stdout } = await machine.exec(["systemctl", "list-units", "--failed", "--plain", "--no-legend"]);
  return stdout
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((unit) => unit !== "");
}

/** Waits for sshd's greeting. */
export async function answers(host: string, patience: number): Promise<boolean> {
  for (const deadline = performance.now() + patience; performance.now() < deadline; await sleep(20)) {
    if (await greeting(host, Math.max(500, deadline - performance.now()))) return true;
  }
  return false;
}

/** Ends all of a host's processes, then removes what held them. */
export async function switchOff(names: Names, host: string): Promise<void> {
  await killCgroup(names.cgroup(host));
  await withLock(networkLock, () => unwire(names, host));
  await removeCgroups(names.cgroup(host));
}

function greeting(host: string, patience: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 22 });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(Math.min(patience, 5000), () => finish(false));
    socket.once("data", (data) => finish(data.toString().startsWith("SSH-")));
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
  });
}
