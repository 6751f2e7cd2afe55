import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "dotenv";
import type { Test } from "tap";
import type { Event } from "../../lib/engine/events.mts";
import type { Lab, LabHost, UpOptions } from "../../lib/lab/lab.mts";
import { connectApp, type NatsConnection } from "../../lib/nats/connect.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import { Secret } from "../../lib/secret.mts";
import { root, testLab } from "../lab/fixture.mts";
import { Result } from "./result.mts";

/** Little traffic: most tests want to know whether verify passes, not how fast a busy machine is. */
const BRIEF = "verify: { rate: 1000, seconds: 1 }\n";

/** Bare hosts of a region of its own, with its inventory, gone when the test ends, however it does. */
export async function siteLab(t: Test, name: string, nodes = 3, system: Pick<UpOptions, "packages" | "suite" | "vm"> = {}): Promise<Site> {
  const lab = testLab(t, name);
  // What a killed run of this test left is no bare host.
  await lab.down();
  const { inventory, hosts } = await lab.up({ ...(nodes > 0 && { nodes }), ...system });
  const site = new Site(lab, inventory, hosts);
  site.vars(BRIEF);
  t.teardown(() => site.end());
  return site;
}

/** A region and the command a user types for it. */
export class Site {
  readonly lab: Lab;
  readonly inventory: string;
  readonly hosts: readonly LabHost[];
  /** of every site.mts that this started */
  env: NodeJS.ProcessEnv = {};
  readonly #children = new Set<ChildProcess>();

  constructor(lab: Lab, inventory: string, hosts: readonly LabHost[]) {
    this.lab = lab;
    this.inventory = inventory;
    this.hosts = hosts;
    process.once("exit", () => this.#kill());
  }

  get names(): string[] {
    return this.hosts.map((h) => h.name);
  }
  address(name: string): string {
    return this.hosts.find((h) => h.name === name)!.address;
  }

  /** What the test says beyond the lab's own inventory, which a rewritten lab inventory leaves alone. */
  vars(yaml: string): void {
    writeFileSync(join(this.inventory, "group_vars/nats.yml"), yaml);
  }

  /** nats_source, in place of the lab's own: it names one kind, and beside it there can be no other. */
  source(yaml: string): void {
    const file = join(this.inventory, "group_vars/all.yml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^nats_source:.*\n( +.*\n)*/m, `nats_source: ${yaml}\n`));
  }

  /** `./playbooks/site.mts -i … --json ARGS`, as a user types it, to its end. */
  run(...args: string[]): Promise<Result> {
    return this.start(...args).result;
  }

  /** The same without --json: what a user sees. */
  show(...args: string[]): Promise<Result> {
    return this.#start(args).result;
  }

  /** Started, to be watched and interrupted. */
  start(...args: string[]): Running {
    return this.#start(["--json", ...args]);
  }

  /** A run that has to succeed for anything that follows to mean something. */
  async rollout(...args: string[]): Promise<Result> {
    const result = await this.run(...args);
    if (result.status !== 0) throw new Error(`site.mts ${args.join(" ")}: exit ${result.status}\n${result.told}`);
    return result;
  }

  /** Started, with what a user sees on a terminal that keeps lines. */
  watch(...args: string[]): Running {
    return this.#start(args);
  }

  /** Another playbook than site.mts: `play("scale.mts", "--check").result`. */
  play(playbook: string, ...args: string[]): Running {
    return this.#start(["--json", ...args], playbook);
  }

  #start(args: string[], playbook = "site.mts"): Running {
    const child = spawn(join(root, "playbooks", playbook), ["-i", this.inventory, ...args], {
      cwd: "/",
      env: { ...process.env, ...this.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    return new Running(child);
  }

  /** A shell command on a host, not over SSH. @returns its output */
  async sh(host: string, script: string): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(host, ["sh", "-c", script]);
    if (code !== 0) throw new Error(`${host}: ${script}: exit ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** The same on all hosts, in their order. */
  everywhere(script: string): Promise<string[]> {
    return Promise.all(this.names.map((n) => this.sh(n, script)));
  }

  /** the region's .env */
  get secrets(): Record<string, string> {
    return parse(readFileSync(join(this.inventory, ".env")));
  }

  get target(): ClusterTarget {
    const seed = (name: string) => ({ nkeySeed: new Secret(this.secrets[name]!) });
    return {
      name: this.hosts.length > 1 ? `nats-cluster-lab-${this.lab.region}` : "",
      nodes: this.hosts.map((h) => ({ name: h.name, lane: h.name, host: h.address, port: 4222, jetstream: true })),
      tls: { ca: readFileSync(join(this.inventory, "pki/ca.crt"), "utf8") },
      sys: seed("NATS_SYS_NKEY_SEED"),
      app: seed("NATS_APP_NKEY_SEED"),
    };
  }

  state(): Promise<ClusterState> {
    return observe(this.target);
  }
  app(t: Test): Promise<NatsConnection> {
    return connectApp(this.target).then((nc) => {
      t.teardown(() => nc.close());
      return nc;
    });
  }

  /** By host: which process serves, and since when with which configuration. */
  async servers(): Promise<Record<string, { pid: string; loaded: number; version: string }>> {
    const [pids, { nodes }] = await Promise.all([this.everywhere("systemctl show -P MainPID nats-server"), this.state()]);
    return Object.fromEntries(
      nodes.map(({ node, server }, i) => [node.lane, { pid: pids[i]!, loaded: server?.configLoaded ?? 0, version: server?.version ?? "" }]),
    );
  }

  end(): void {
    this.#kill();
  }
  #kill(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

/** A site.mts that runs. */
export class Running {
  readonly child: ChildProcess;
  readonly result: Promise<Result>;
  readonly events: Event[] = [];
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #over = false;

  constructor(child: ChildProcess) {
    this.child = child;
    let stderr = "",
      rest = "";
    child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
      this.#stdout += chunk;
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line.startsWith("{")) this.events.push(JSON.parse(line) as Event);
      for (const look of this.#watchers) look();
    });
    child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    this.result = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signal) => {
        this.#over = true;
        resolve(new Result(status, signal, this.#stdout, stderr));
        for (const look of this.#watchers) look();
      });
    });
  }

  /** Waits for an event. @throws when the run ends without it */
  until(wanted: (event: Event) => boolean, what: string): Promise<Event> {
    return new Promise((resolve, reject) => {
      let seen = 0;
      const look = (): void => {
        for (; seen < this.events.length; seen++)
          if (wanted(this.events[seen]!)) {
            this.#watchers.delete(look);
            return resolve(this.events[seen]!);
          }
        if (this.#over) {
          this.#watchers.delete(look);
          void this.result.then((r) => reject(new Error(`the run ended (${r.status}) without ${what}\n${r.told}`)));
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Waits until stdout has such text. */
  said(wanted: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (wanted.test(this.#stdout)) {
          this.#watchers.delete(look);
          resolve();
        } else if (this.#over) {
          this.#watchers.delete(look);
          reject(new Error(`the run ended without saying ${wanted}:\n${this.#stdout}`));
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}
