import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pool } from "../pool.mts";
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
import { address, gateway, hostIndex, hostName, maxNodes, type Names, namesOf, vmName } from "./region.mts";
import { type Report, silent } from "./report.mts";
import { ensureRootfs, type Suite } from "./rootfs.mts";
import type { RunOptions, RunResult } from "./run.mts";
import { ensureInotify, ensureTools, requireLinuxRoot } from "./setup.mts";
import { sshArgs } from "./ssh.mts";
import { type RegionState, readState, writeState } from "./state.mts";
import { removeHost, removeRegion } from "./teardown.mts";
import { ensureVmDisk, vmPackages } from "./vm/disk.mts";
import { VirtualMachine } from "./vm/machine.mts";

/** Hosts that boot at a time: of a hundred at once each took 54 s of the 90 that it has, of these 2.5 s (two cores). */
const BOOTING = 4 * availableParallelism();

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
  /** how many containers; left out: as many as there are, else 3, or none beside a virtual machine */
  nodes?: number;
  /** a virtual machine too, with a kernel and a boot loader of its own; left out: as before */
  vm?: boolean;
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
  async up({ nodes, vm, packages, suite, report = silent }: UpOptions = {}): Promise<LabStatus> {
    if (nodes !== undefined && !(Number.isInteger(nodes) && nodes >= 1 && nodes <= maxNodes)) {
      throw new LabError(`a lab can't have ${nodes} hosts`, `choose 1 to ${maxNodes}`);
    }
    const before = await readState(this.region);
    const withVm = vm ?? (await this.#known(before)).includes(vmName);
    await ensureTools(report, withVm);
    const system = { packages: packages ?? before?.packages ?? [], suite: suite ?? before?.suite };
    await Promise.all(usualVersions.map((version) => ensureBinary(version, report)));
    return this.#exclusively(async () => {
      const state = await this.#settle(nodes, withVm, system);
      await ensureInotify(state.hosts.length, report);
      await ensureLoginKey(state.disks);
      await pool(state.hosts, BOOTING, (host) => this.#ensureHost(state, host, report));
      await writeInventory(state);
      return this.status();
    });
  }

  /** Settles on hosts and subnet, makes the switch, removes hosts that are too many. */
  async #settle(nodes: number | undefined, vm: boolean, system: Pick<RegionState, "packages" | "suite">): Promise<RegionState> {
    const before = await readState(this.region);
    const disks = this.#disks(before);
    const found = await this.#known(before);
    const containers = found.filter((name) => name !== vmName).length || (vm ? 0 : 3);
    const hosts = [...Array.from({ length: nodes ?? containers }, (_, i) => hostName(i + 1)), ...(vm ? [vmName] : [])];
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

  #disks(state: RegionState | undefined): string {
    return state?.disks ?? join(cacheDir(), "lab", this.region);
  }

  /** Its hosts; after a restart of the machine only their disks are left. */
  async #known(state: RegionState | undefined): Promise<string[]> {
    return state?.hosts ?? (await readdir(this.#disks(state)).catch(() => [])).filter((name) => hostIndex(name) > 0);
  }

  async #ensureHost(state: RegionState, host: string, report: Report): Promise<void> {
    const machine = this.#machine(state, host);
    const step = report.start(host, "starting");
    // Busy is not broken: restarting a host takes more from its user than waiting for it.
    if ((await machine.mendLink()) && (await machine.isUp(10_000))) {
      if (host !== vmName) await mend(machine.netns);
      return step.done(`${machine.address} is up`);
    }
    await machine.powerCut();
    await this.#ensureDisk(state, host, report);
    const failed = await machine.boot();
    step.done(`${machine.address} booted${failed.length > 0 ? `, but without ${failed.join(", ")}` : ""}`);
  }

  async #ensureDisk({ disks, octet, packages = [], suite }: RegionState, host: string, report: Report): Promise<void> {
    if (host === vmName) await ensureVmDisk(disks, host, await ensureRootfs(report, [...packages, ...vmPackages], suite), octet);
    else await ensureDisk(disks, host, await ensureRootfs(report, packages, suite));
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
      await this.#ensureDisk(state, host, silent);
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
    for (const { name } of (await this.status()).hosts) if (name !== vmName) await mend((await this.#find(name)).machine.netns);
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
    const { inventory, octet } = state;
    return sshArgs({ user, address: address(octet, host), identityFile: join(inventory, "id_ed25519"), knownHosts: join(inventory, "known_hosts") });
  }

  #machine({ octet, disks }: RegionState, host: string): HostMachine | VirtualMachine {
    return host === vmName ? new VirtualMachine(this.#names, octet, disks, host) : new HostMachine(this.#names, octet, disks, host);
  }

  async #find(host: string): Promise<{ machine: HostMachine | VirtualMachine; state: RegionState }> {
    const state = await readState(this.region);
    if (state === undefined) throw new LabError("the lab is down", `run: ./playbooks/lab.mts up${this.region === "default" ? "" : ` --region ${this.region}`}`);
    if (!state.hosts.includes(host)) throw new LabError(`no host "${host}" in this lab`, `it has ${state.hosts.join(", ")}`);
    return { machine: this.#machine(state, host), state };
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return withLock(join(runtimeDir, `${this.region}.lock`), work);
  }
}
