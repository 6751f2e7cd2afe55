import { execFileSync, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { type Facts, TYPICAL } from "../../../lib/engine/facts.mts";
import { idOf, type Resource } from "../../../lib/engine/resource.mts";
import type { LoadedInventory } from "../../../lib/inventory/load.mts";
import type { Host } from "../../../lib/inventory/types.mts";
import { probe } from "../../../lib/nats/probe.mts";
import type { ClusterTarget, Credential } from "../../../lib/nats/target.mts";
import type { Pki } from "../../../lib/pki/ca.mts";
import { generateMissingSecrets } from "../../../lib/pki/secrets.mts";
import { CONF, clusterConfig } from "../../../roles/cluster-config/tasks.mts";
import { loadInventory } from "../../../roles/inventory.mts";
import type { Vars } from "../../../roles/schema.mts";
import { serverBinary, TestServer } from "../../nats/servers.mts";

export const STORE = "/var/lib/nats/jetstream";
export type Files = Record<string, string>;

/** An inventory folder `inv` of these files, gone after the test. */
export function folder(t: Test, files: Files): string {
  const base = mkdtempSync(join(tmpdir(), "sampan-config-"));
  t.teardown(() => rmSync(base, { recursive: true, force: true }));
  const dir = join(base, "inv");
  mkdirSync(join(dir, "group_vars"), { recursive: true });
  mkdirSync(join(dir, "host_vars"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o600 });
  return dir;
}

/** What the role makes of an inventory, for all its hosts, with its real secrets and certificates. */
export class Rendered {
  readonly inventory: LoadedInventory<Vars>;
  readonly pki: Pki;
  readonly #resources: ReadonlyMap<string, readonly Resource[]>;

  private constructor(inventory: LoadedInventory<Vars>, pki: Pki, resources: ReadonlyMap<string, readonly Resource[]>) {
    this.inventory = inventory;
    this.pki = pki;
    this.#resources = resources;
  }

  static async of(dir: string, facts: Partial<Facts> = {}, extraVars: readonly string[] = []): Promise<Rendered> {
    const inventory = loadInventory(dir, { extraVars, generate: (missing) => generateMissingSecrets(dir, missing) });
    const all = inventory.hosts.map((host) => ({ host, facts: { ...TYPICAL, ...facts } }));
    const prepared = await clusterConfig.prepare({ inventory, hosts: all, dryRun: false, warn: () => {} });
    return new Rendered(
      inventory,
      prepared.pki,
      new Map(all.map(({ host, facts }) => [host.name, clusterConfig.resources({ host, vars: host.vars, facts, inventory, prepared })])),
    );
  }

  get hosts(): readonly Host<Vars>[] {
    return this.inventory.hosts;
  }
  resources(host: string): readonly Resource[] {
    return this.#resources.get(host)!;
  }
  /** the text of a file on a host */
  text(host: string, path: string): string {
    return this.resources(host).find((r) => idOf(r) === `file ${path}`)!.content!;
  }
  conf(host: string): string {
    return this.text(host, CONF);
  }

  /** The configuration and all it names, in `dir` instead of the host's own places. @returns the configuration's path */
  place(host: string, dir: string): string {
    const { cert, key } = this.pki.hosts.get(host)!;
    const path = join(dir, "nats-server.conf");
    mkdirSync(join(dir, "tls"), { recursive: true });
    writeFileSync(join(dir, "tls/ca.crt"), this.pki.ca);
    writeFileSync(join(dir, "tls/server.crt"), cert);
    writeFileSync(join(dir, "tls/server.key"), key.reveal());
    writeFileSync(
      path,
      this.conf(host)
        .replaceAll("/etc/nats/tls", join(dir, "tls"))
        .replaceAll(`"${STORE}"`, `"${join(dir, "store")}"`),
    );
    return path;
  }

  target(): ClusterTarget {
    const of = (account: (name: string) => boolean): Credential => {
      const user = this.hosts[0]!.vars.users.find((u) => account(u.account))!;
      return user.nkey_seed ? { nkeySeed: user.nkey_seed } : { user: user.name, password: user.password! };
    };
    return {
      name: this.hosts.length > 1 ? this.hosts[0]!.vars.cluster.name : "",
      nodes: this.hosts.map((h) => ({
        name: h.vars.server_name,
        lane: h.name,
        host: h.connection.address,
        port: h.vars.port,
        jetstream: h.vars.jetstream.enabled,
      })),
      tls: { ca: this.pki.ca },
      sys: of((a) => a === "SYS"),
      app: of((a) => a !== "SYS"),
    };
  }
}

/** `nats-server -t` on a host's rendered configuration: what it says when it refuses it, or an empty text. */
export async function refusal(t: Test, rendered: Rendered, host = rendered.hosts[0]!.name, version = "2.15.1"): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "sampan-conf-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const { status, stderr, stdout } = spawnSync(await serverBinary(version), ["-t", "-c", rendered.place(host, dir)], { encoding: "utf8" });
  return status === 0 ? "" : `${stderr}${stdout}`.trim();
}

/** Addresses of loopback that nobody else takes: each test file has a net of its own. */
export const loopback = (): ((i: number) => string) => {
  const net = `127.${randomInt(20, 250)}.${randomInt(0, 250)}`;
  return (i) => `${net}.${i}`;
};

/** hosts.yml of n1, n2, … on loopback; the monitor ports differ, as all lie on 127.0.0.1. */
export function hostsOn(at: (i: number) => string, count: number, vars: Record<number, string> = {}): string {
  const first = randomInt(20_000, 60_000 - count);
  const lines = Array.from(
    { length: count },
    (_, i) => `    n${i + 1}: { address: ${at(i + 1)}, host: ${at(i + 1)}, http_port: ${first + i}${vars[i + 1] ? `, ${vars[i + 1]}` : ""} }\n`,
  );
  return `nats:\n  hosts:\n${lines.join("")}`;
}

/** Real servers from what the role renders. */
export class RunningCluster {
  readonly dir = mkdtempSync(join(tmpdir(), "sampan-running-"));
  readonly servers = new Map<string, TestServer>();
  rendered: Rendered;

  constructor(t: Test, rendered: Rendered) {
    this.rendered = rendered;
    const kill = (): void => {
      for (const s of this.servers.values()) s.signal("SIGKILL");
    };
    process.on("exit", kill);
    t.teardown(async () => {
      process.off("exit", kill);
      await Promise.all([...this.servers.values()].map((s) => s.stop()));
      rmSync(this.dir, { recursive: true, force: true });
    });
  }

  /** @param names the hosts that run; all unless told */
  async start(version: string, names = this.rendered.hosts.map((h) => h.name)): Promise<void> {
    const binary = await serverBinary(version);
    for (const { name, vars } of this.rendered.hosts.filter((h) => names.includes(h.name))) {
      this.rendered.place(name, join(this.dir, name));
      this.servers.set(name, new TestServer({ name: vars.server_name }, { client: vars.port, route: vars.cluster.port }, join(this.dir, name), binary));
    }
    for (const server of this.servers.values()) server.start();
    for (const [name, server] of this.servers) await this.greets(name, server);
  }

  /** Puts another rendering in the place of a server's; the server doesn't know yet. */
  replace(name: string, rendered: Rendered): void {
    rendered.place(name, join(this.dir, name));
  }

  async greets(name: string, server = this.servers.get(name)!): Promise<void> {
    const target = this.rendered.target(),
      node = target.nodes.find((n) => n.lane === name)!;
    for (const until = Date.now() + 30_000; !(await probe(target, node)).greeting; ) {
      if (!server.running || Date.now() > until) throw new Error(`${name} didn't start:\n${server.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What the monitor port says. */
  async monitor(name: string, page = "varz"): Promise<Record<string, unknown>> {
    const { http_port } = this.rendered.hosts.find((h) => h.name === name)!.vars;
    return (await (await fetch(`http://127.0.0.1:${http_port}/${page}`)).json()) as Record<string, unknown>;
  }
}

export const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
