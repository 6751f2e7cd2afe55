import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureBinary, usualVersions } from "./binaries.mts";
import { cpuTime, setQuota } from "./cgroup.mts";
import { ensureDisk, ensureLoginKey, wipeDisk } from "./disk.mts";
import { LabError } from "./error.mts";
import { cut, mend } from "./faults.mts";
import { HostMachine, networkLock } from "./host.mts";
import { writeInventory } from "./inventory.mts";
import { withLock } from "./lock.mts";
import { chooseOctet, ensureSwitch, setLink, setRate } from "./network.mts";
import { cacheDir, inventoryDir, runtimeDir } from "./paths.mts";
import { address, gateway, hostIndex, hostName, maxNodes, type Names, namesOf } from "./region.mts";
import { type Report, silent } from "./report.mts";
import { ensureRootfs, type Suite } from "./rootfs.mts";
import type { RunOptions, RunResult } from "./run.mts";
import { ensureInotify, ensureTools, requireLinuxRoot } from "./setup.mts";
import { type RegionState, readState, writeState } from "./state.mts";
import { removeHost, removeRegion } from "./teardown.mts";

export interface LabHost {
  name: string;
  address: string;
  up: boolean;
}
export interface LabStatus {
  region: string;
  inventory: string;
  /** this machine as the hosts see it; undefined when the lab is down */
  gateway: string | undefined;
  hosts: LabHost[];
}
export interface UpOptions {
  /** how many hosts; left out: as many as there are, else 3 */
  nodes?: number;
  /** what new hosts have beyond a bare server's packages (default: as before, else none), for tools that need e.g. python3 */
  packages?: string[];
  /** Debian's release on new hosts (default: as before, else bookworm) */
  suite?: Suite;
  report?: Report;
}

/** A region's hosts on this machine. Nothing is held in memory: several processes may work on the same region. */
export class Lab {
  readonly region: string;
  readonly #names: Names;
  constructor(region = "default") {
    this.region = region;
    this.#names = namesOf(region);
  }

  /**
   * Brings the region's hosts up and writes its inventory; mends what it finds half-made, switched off or cut off. Does
   * nothing to a healthy lab.
   */
  async up({ nodes, packages, suite, report = silent }: UpOptions = {}): Promise<LabStatus> {
    if (nodes !== undefined && !(Number.isInteger(nodes) && nodes >= 1 && nodes <= maxNodes)) {
      throw new LabError(`a lab can't have ${nodes} hosts`, `choose 1 to ${maxNodes}`);
    }
    await ensureTools(report);
    const before = await readState(this.region);
    const system = { packages: packages ?? before?.packages ?? [], suite: suite ?? before?.suite };
    const [rootfs] = await Promise.all([ensureRootfs(report, system.packages, system.suite), ...usualVersions.map((version) => ensureBinary(version, report))]);
    return this.#exclusively(async () => {
      const state = await this.#settle(nodes, system);
      await ensureInotify(state.hosts.length, report);
      await ensureLoginKey(state.disks);
      await Promise.all(state.hosts.map((host) => this.#ensureHost(state, host, rootfs, report)));
      await writeInventory(state);
      return this.status();
    });
  }

  /** Settles on hosts and subnet, makes the switch, removes hosts that are too many. */
  async #settle(nodes: number | undefined, system: Pick<RegionState, "packages" | "suite">): Promise<RegionState> {
    const before = await readState(this.region);
    const disks = before?.disks ?? join(cacheDir(), "lab", this.region);
    // after a restart of the machine only the disks are left
    const found = before?.hosts ?? (await readdir(disks).catch(() => [])).filter((name) => hostIndex(name) > 0);
    const hosts = Array.from({ length: nodes ?? (found.length || 3) }, (_, i) => hostName(i + 1));
    const surplus = found.filter((name) => !hosts.includes(name));
    const octet = await withLock(networkLock, async () => {
      const octet = before?.octet ?? (await chooseOctet(this.#names));
      await writeState({ region: this.region, octet, hosts: [...hosts, ...surplus], disks, inventory: inventoryDir(this.region), ...system });
      await ensureSwitch(this.#names, octet);
      return octet;
    });
    for (const host of surplus) await removeHost(this.#names, host, disks);
    const state = { region: this.region, octet, hosts, disks, inventory: inventoryDir(this.region), ...system };
    await writeState(state);
    return state;
  }

  async #ensureHost(state: RegionState, host: string, rootfs: string, report: Report): Promise<void> {
    const machine = this.#machine(state, host);
    const step = report.start(host, "starting");
    // Busy is not broken: restarting a host takes more from its user than waiting for it.
    if ((await machine.mendLink()) && (await machine.isUp(10_000))) {
      await mend(machine.netns);
      return step.done(`${machine.address} is up`);
    }
    await machine.powerCut();
    await ensureDisk(state.disks, host, rootfs);
    const failed = await machine.boot();
    step.done(`${machine.address} booted${failed.length > 0 ? `, but without ${failed.join(", ")}` : ""}`);
  }

  /** Removes the region and all it holds, also what a killed `up` left. Nothing there is fine. */
  async down({ report = silent }: { report?: Report } = {}): Promise<void> {
    requireLinuxRoot();
    await this.#exclusively(() => removeRegion(this.#names, report));
  }

  /** The region's hosts; none when it is down. */
  async status(): Promise<LabStatus> {
    const state = await readState(this.region);
    const hosts = await Promise.all(
      (state?.hosts ?? []).map(async (name) => {
        const machine = this.#machine(state as RegionState, name);
        return { name, address: machine.address, up: await machine.isUp() };
      }),
    );
    return { region: this.region, inventory: state?.inventory ?? inventoryDir(this.region), gateway: state && gateway(state.octet), hosts };
  }

  /** Runs a command in a host as root, without SSH. A non-zero status is a result. */
  async exec(host: string, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return (await this.#find(host)).machine.exec(argv, options);
  }

  /** Pulls the plug: every process of the host ends at once. */
  powerCut(host: string): Promise<void> {
    return this.#exclusively(async () => (await this.#find(host)).machine.powerCut());
  }

  /** Switches a host on (again: off first), with the disk it has. */
  boot(host: string): Promise<void> {
    return this.#exclusively(async () => {
      await (await this.#find(host)).machine.boot();
    });
  }

  /** Back to a bare host, newly installed: empty disk, new host key (the inventory's known_hosts follows). */
  reset(host: string): Promise<void> {
    return this.#exclusively(async () => {
      const { machine, state } = await this.#find(host);
      await machine.powerCut();
      await wipeDisk(state.disks, host);
      await ensureDisk(state.disks, host, await ensureRootfs(silent, state.packages, state.suite));
      await machine.boot();
      await writeInventory(state);
    });
  }

  async linkDown(host: string): Promise<void> {
    await this.#find(host);
    await setLink(this.#names, host, "down");
  }
  async linkUp(host: string): Promise<void> {
    await this.#find(host);
    await setLink(this.#names, host, "up");
  }

  /** Cuts two hosts off from each other; both still reach everything else, the controller too. */
  async partition(a: string, b: string): Promise<void> {
    const [one, other] = [(await this.#find(a)).machine, (await this.#find(b)).machine];
    await cut(one.netns, other.address);
    await cut(other.netns, one.address);
  }

  /** Ends a partition between two hosts, or all there are in the region. */
  async heal(a?: string, b?: string): Promise<void> {
    if (a !== undefined && b !== undefined) {
      const [one, other] = [(await this.#find(a)).machine, (await this.#find(b)).machine];
      await mend(one.netns, other.address);
      return mend(other.netns, one.address);
    }
    for (const { name } of (await this.status()).hosts) await mend((await this.#find(name)).machine.netns);
  }

  /**
   * @param percent of one CPU for all of the host's processes together (150: one and a half); null: no limit. Gone with the power.
   * @param period ms over which it is counted out: with a short one a small share comes evenly, and not in one burst of each tenth of a second
   */
  async setCpuQuota(host: string, percent: number | null, period = 100): Promise<void> {
    await setQuota((await this.#find(host)).machine.cgroup, percent, period);
  }

  /** @param mbit megabits per second of the host's line, each way; null: no limit. Gone with the power. */
  async setBandwidth(host: string, mbit: number | null): Promise<void> {
    await this.#find(host);
    await setRate(this.#names, host, mbit);
  }

  /** CPU that all of the host's processes have used since it was switched on, ms. */
  async cpuTime(host: string): Promise<number> {
    return cpuTime((await this.#find(host)).machine.cgroup);
  }

  /** Arguments of `ssh` that reach a host as root, with its key and known_hosts. */
  async sshArgs(host: string, user = "root"): Promise<string[]> {
    const { state } = await this.#find(host);
    return [
      "-F",
      "none",
      "-i",
      join(state.inventory, "id_ed25519"),
      "-o",
      `UserKnownHostsFile=${join(state.inventory, "known_hosts")}`,
      "-o",
      "IdentitiesOnly=yes",
      "-o",
      "StrictHostKeyChecking=yes",
      "-o",
      "LogLevel=ERROR",
      `${user}@${address(state.octet, host)}`,
    ];
  }

  #machine({ octet, disks }: RegionState, host: string): HostMachine {
    return new HostMachine(this.#names, octet, disks, host);
  }

  async #find(host: string): Promise<{ machine: HostMachine; state: RegionState }> {
    const state = await readState(this.region);
    if (state === undefined) throw new LabError("the lab is down", `run: ./playbooks/lab.mts up${this.region === "default" ? "" : ` --region ${this.region}`}`);
    if (!state.hosts.includes(host)) throw new LabError(`no host "${host}" in this lab`, `it has ${state.hosts.join(", ")}`);
    return { machine: this.#machine(state, host), state };
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return withLock(join(runtimeDir, `${this.region}.lock`), work);
  }
}
