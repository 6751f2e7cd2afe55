import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBinary } from "../../lib/lab/binaries.mts";
import { Lab } from "../../lib/lab/lab.mts";
import { inventoryDir } from "../../lib/lab/paths.mts";
import type { Report } from "../../lib/lab/report.mts";
import type { Hosts } from "./competitors.mts";
import { writeFloor } from "./floor.mts";
import { hostNames, type Place, writeInventories } from "./inventories.mts";
import { endLeftovers } from "./measure.mts";
import { relay } from "./relay.mts";

export const VERSION = "2.10.27";

/** The lab on which all are measured, and what each competitor is told about it. */
export class Field {
  readonly region: string;
  readonly lab: Lab;
  readonly #report: Report;
  readonly #folder = mkdtempSync(join(tmpdir(), "bench-"));
  #count = 0;

  constructor(region: string, report: Report) {
    this.region = region;
    this.lab = new Lab(region);
    this.#report = report;
  }

  /** Ansible runs Python on the hosts; for the others it lies there unused. */
  async up(nodes: number): Promise<void> {
    await this.lab.up({ nodes, packages: ["python3"], report: this.#report });
  }

  /** Newly installed hosts. Connections to the former ones are dead. */
  async bare(names: readonly string[]): Promise<void> {
    await endLeftovers();
    // One boots while the next one's disk is made.
    for (const name of names) await this.lab.reset(name);
  }

  /** Inventories of the first hosts, through delay lines where there is a round trip time. The floor's scripts are only written on request. */
  async hosts(count: number, { rtt = 0, floor = false, archives = false } = {}): Promise<{ hosts: Hosts; close(): void }> {
    const { hosts: all } = await this.lab.status();
    const lines = rtt ? await Promise.all(hostNames(count).map((n) => relay(all.find((h) => h.name === n)!.address, rtt))) : [];
    const places = hostNames(count).map((name, i): Place => {
      const ip = all.find((h) => h.name === name)!.address;
      return { name, ip, address: rtt ? "127.0.0.1" : ip, port: lines[i]?.port ?? 22 };
    });
    const folder = join(this.#folder, String(++this.#count));
    const path = await ensureBinary(VERSION, this.#report);
    const hosts = {
      inventory: writeInventories(join(folder, "i"), places, inventoryDir(this.region), { version: VERSION, path }),
      floor: join(folder, "f"),
      control: join(folder, "c"),
    };
    mkdirSync(hosts.control, { recursive: true });
    if (floor) await writeFloor(hosts.floor, this.lab, places, hosts.inventory, archives);
    return {
      hosts,
      close: () => {
        for (const l of lines) l.close();
      },
    };
  }

  async end(): Promise<void> {
    await endLeftovers();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.lab.down({ report: this.#report });
  }
}
