import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quote } from "../../sh.mts";
import { killCgroup, makeCgroups, processesIn } from "../cgroup.mts";
import { diskOf } from "../disk.mts";
import { LabError } from "../error.mts";
import { answers, failedUnits, networkLock, switchOff } from "../host.mts";
import { withLock } from "../lock.mts";
import { mac, plug, wireTap } from "../network.mts";
import { address, hostIndex, type Names } from "../region.mts";
import { type RunOptions, type RunResult, tryRun } from "../run.mts";
import { sshArgs } from "../ssh.mts";
import { ensureBootCd } from "./boot-cd.mts";

const launcher = fileURLToPath(new URL("launch.sh", import.meta.url));

/** ms; without hardware virtualization, on a busy machine */
const BOOT_PATIENCE = 480_000;

/** A QEMU machine: the same to its user as a container (host.mts), with a kernel, a boot loader and disks of its own. */
export class VirtualMachine {
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
    throw new LabError(
      `${this.name} is a virtual machine: its network can't be cut off from single hosts`,
      "pull its cable (linkDown), or cut it off at the other host",
    );
  }
  get cgroup(): string {
    return this.#names.cgroup(this.name);
  }
  get disk(): string {
    return diskOf(this.#disks, this.name);
  }

  async isUp(patience = 10_000): Promise<boolean> {
    return (await processesIn(this.cgroup)).length > 0 && answers(this.address, patience);
  }

  mendLink(): Promise<boolean> {
    return plug(this.#names, this.name);
  }

  /** Powers it on with the disks it has, and waits until it has booted. @returns units that failed to start */
  async boot(): Promise<string[]> {
    await this.powerCut();
    const cd = await ensureBootCd();
    await withLock(networkLock, () => wireTap(this.#names, this.name));
    const cgroups = await makeCgroups(this.cgroup);
    const log = await open(join(this.disk, "qemu.log"), "w");
    const child = spawn(launcher, [this.disk, this.#names.switch, this.name, mac(this.#octet, hostIndex(this.name)), cd, ...cgroups], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
    });
    const ended = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", () => void this.#failure("ended while booting", "qemu.log").then(reject));
    });
    ended.catch(() => {}); // later on it may well be switched off
    await log.close();
    const failed = await Promise.race([this.#booted(), ended]);
    child.unref();
    return failed;
  }

  async #booted(): Promise<string[]> {
    if (await answers(this.address, BOOT_PATIENCE)) return failedUnits(this);
    const failure = await this.#failure(`doesn't answer on port 22 after ${BOOT_PATIENCE / 1000} s`, "console.log");
    await killCgroup(this.cgroup);
    throw failure;
  }

  async #failure(what: string, file: string): Promise<LabError> {
    const log = join(this.disk, file);
    const lastWords = (await readFile(log, "utf8").catch(() => "")).trim().split("\n").slice(-3).join(" | ");
    return new LabError(`${this.name} ${what}: ${lastWords || "no output"}`, `see ${log}; a rerun starts it again`);
  }

  /** As if the plug were pulled. What the guest had handed to its disks is kept. */
  powerCut(): Promise<void> {
    return switchOff(this.#names, this.name);
  }

  /** Runs a command in it as root, over SSH: there is no other way in. */
  exec(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const to = { user: "root", address: this.address, identityFile: join(this.#disks, "id_ed25519"), knownHosts: join(this.disk, "known_hosts") };
    return tryRun("ssh", [...sshArgs(to), argv.map(quote).join(" ")], options);
  }
}
