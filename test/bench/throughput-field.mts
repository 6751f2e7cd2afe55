import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { binaryPattern, defaultVersion } from "../../lib/lab/binaries.mts";
import { Lab, type LabHost } from "../../lib/lab/lab.mts";
import { inventoryDir } from "../../lib/lab/paths.mts";
import type { Report } from "../../lib/lab/report.mts";
import type { ClusterTarget, ConnectOptions } from "../../lib/nats/target.mts";
import { clustersOf } from "../../roles/cluster.mts";
import { loadInventory } from "../../roles/inventory.mts";
import { fail } from "./measure.mts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

/** The two sides of the comparison: one host that is a whole deployment, and three that are. */
export const SIDES = { single: 1, cluster: 3 } as const;
export type Side = keyof typeof SIDES;

/** What each host may use; null: all that the machine has. */
export interface Share {
  /** percent of one CPU */
  cpu: number;
  /** Mbit/s each way */
  mbit: number;
}

/** A lab whose first host is the single server and whose next three are the cluster, rolled out by sampan itself. */
export class ThroughputField {
  readonly lab: Lab;
  readonly #region: string;
  readonly #report: Report;
  readonly #folder = mkdtempSync(join(tmpdir(), "bench-"));

  constructor(region: string, report: Report) {
    this.#region = region;
    this.lab = new Lab(region);
    this.#report = report;
  }

  async up(): Promise<void> {
    await this.lab.up({ nodes: SIDES.single + SIDES.cluster, report: this.#report });
  }

  async hosts(side: Side): Promise<LabHost[]> {
    const { hosts } = await this.lab.status();
    return side === "single" ? hosts.slice(0, SIDES.single) : hosts.slice(SIDES.single);
  }

  /** Rolls a side out, or changes what is there. Without limits, so that it takes no longer than it must. */
  async rollOut(side: Side, syncInterval: string): Promise<void> {
    const inventory = await this.#inventory(side, syncInterval);
    await this.share(side, null);
    await run(join(root, "playbooks/site.mts"), ["-i", inventory, "--all-at-once"]).catch((error: { stdout?: string; message: string }) =>
      fail(`the rollout of ${side} failed:\n${(error.stdout ?? error.message).split("\n").slice(-40).join("\n")}`),
    );
  }

  async #inventory(side: Side, syncInterval: string): Promise<string> {
    const folder = join(this.#folder, side);
    const lab = inventoryDir(this.#region);
    mkdirSync(join(folder, "group_vars"), { recursive: true });
    for (const file of ["known_hosts", "id_ed25519"]) cpSync(join(lab, file), join(folder, file));
    // YAML is a superset of JSON.
    const json = (file: string, value: unknown): void => writeFileSync(join(folder, file), JSON.stringify(value, null, 1));
    const any = { rate: 1, p50: "60s", p99: "60s", p999: "60s" };
    json("hosts.yml", { nats: { hosts: Object.fromEntries((await this.hosts(side)).map(({ name, address }) => [name, { address }])) } });
    json("group_vars/all.yml", {
      ssh: { user: "root", identity_file: "id_ed25519" },
      nats_version: defaultVersion,
      nats_source: { file: binaryPattern() },
      cluster: { name: `bench-${side}` },
      jetstream: { max_mem: "1GB", max_file: "8GB", sync_interval: syncInterval },
      verify: { rate: 1000, seconds: 1, thresholds: { push: any, pull: any, route_rtt: "10s" } },
    });
    return folder;
  }

  async share(side: Side, share: Share | null): Promise<void> {
    for (const { name } of await this.hosts(side)) {
      // 20 ms: a share of a few percent in slices that a message can wait for
      await this.lab.setCpuQuota(name, share?.cpu ?? null, share ? 20 : undefined);
      await this.lab.setBandwidth(name, share?.mbit ?? null);
    }
  }

  /** How clients reach a side that was rolled out. */
  async target(side: Side): Promise<{ target: ClusterTarget; connect: ConnectOptions }> {
    const inventory = loadInventory(join(this.#folder, side));
    const nobody = { to: () => fail("the lab's servers are reached without SSH") };
    const [cluster] = await clustersOf({ config: { inventory, hosts: inventory.hosts }, emit: () => {}, outputs: new Map(), connections: nobody });
    return cluster!;
  }

  async end(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await this.lab.down({ report: this.#report });
  }
}
