import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { ensureBinary } from "../../lib/lab/binaries.mts";
import { silent } from "../../lib/lab/report.mts";
import { probe } from "../../lib/nats/probe.mts";
import type { ClusterTarget, Node } from "../../lib/nats/target.mts";
import { Secret } from "../../lib/secret.mts";
import { type Certificates, certificates } from "./certificates.mts";

export const VERSIONS = ["2.10.27", "2.15.1"] as const;

/** The users sys and app get in with it, beside the nkeys of `target`. */
export const PASSWORD = "a password of twenty-two";

export interface ServerOptions {
  name: string;
  cluster?: string;
  jetstream?: boolean;
  tls?: boolean;
  /** let anybody in */
  open?: boolean;
  /** accounts beside APP, each with JetStream and a user of its name, by PASSWORD */
  accounts?: readonly string[];
  certDays?: number;
  maxFile?: string;
  /** lines of the account APP, e.g. its mappings */
  app?: string;
  /** more users of APP, as the configuration writes them */
  users?: readonly string[];
}

/** One real nats-server: where it listens, and how to stop and start it as a fault. */
export class TestServer {
  readonly options: ServerOptions;
  readonly ports: { client: number; route: number };
  readonly dir: string;
  #process: ChildProcess | undefined;
  #binary: string;

  constructor(options: ServerOptions, ports: { client: number; route: number }, dir: string, binary: string) {
    this.options = options;
    this.ports = ports;
    this.dir = dir;
    this.#binary = binary;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }
  get pid(): number {
    return this.#process!.pid!;
  }
  get log(): string {
    return readFileSync(join(this.dir, "log"), "utf8");
  }
  use(binary: string): void {
    this.#binary = binary;
  }

  start(): void {
    const out = openSync(join(this.dir, "log"), "a");
    this.#process = spawn(this.#binary, ["-c", join(this.dir, "nats-server.conf")], { stdio: ["ignore", out, out] });
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (!child || !this.running) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

/** tap ends a test that takes too long by SIGALRM, a user by SIGINT: both must run the exit handlers, which end the servers. */
for (const signal of ["SIGALRM", "SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

/** A set of real servers on loopback: TLS, nkeys, accounts SYS and APP, as cluster-config renders them. */
export class TestCluster {
  readonly servers: TestServer[] = [];
  readonly dir = mkdtempSync(join(tmpdir(), "sampan-nats-"));
  readonly #users = { sys: nkeys.createUser(), app: nkeys.createUser() };
  readonly #name: string;
  readonly #binary: string;
  readonly #certs: Certificates;
  readonly #onExit = () => {
    for (const s of this.servers) s.signal("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
  };

  private constructor(name: string, binary: string, certDays: number) {
    this.#name = name;
    this.#binary = binary;
    this.#certs = certificates(this.dir, ["n1", "n2", "n3", "n4", "n5", "127.0.0.1", "localhost"], certDays);
    process.on("exit", this.#onExit);
  }

  /**
   * Starts `count` servers n1, n2, … of a version; with one server there is no cluster block. `options` overrides single servers by
   * name. Waits until each greets, not until the meta group has a leader.
   */
  static async start(version: string, count: number, options: Record<string, Partial<ServerOptions>> = {}, certDays = 365): Promise<TestCluster> {
    const cluster = new TestCluster(count > 1 ? "test" : "", await serverBinary(version), certDays);
    try {
      for (let i = 1; i <= count; i++) await cluster.add({ name: `n${i}`, ...options[`n${i}`] });
      for (const server of cluster.servers) cluster.configure(server);
      for (const server of cluster.servers) server.start();
      for (const server of cluster.servers) await cluster.greets(server);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async add(options: ServerOptions): Promise<TestServer> {
    const [client, route] = await freePorts(2);
    const dir = join(this.dir, `${this.servers.length + 1}`);
    mkdirSync(dir);
    const server = new TestServer(options, { client: client!, route: route! }, dir, this.#binary);
    this.servers.push(server);
    return server;
  }

  server(name: string): TestServer {
    return this.servers.find((s) => s.options.name === name)!;
  }

  configure(server: TestServer): void {
    const { name, cluster = this.#name, jetstream = true, tls = true, open = false, accounts = [], maxFile = "1GB", app = "", users = [] } = server.options;
    const { ca, cert, key } = this.#certs;
    const files = `cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}"`;
    const routes = this.servers.map((s) => `"nats-route://127.0.0.1:${s.ports.route}"`).join(", ");
    writeFileSync(
      join(server.dir, "nats-server.conf"),
      [
        `server_name: ${name}`,
        `listen: "127.0.0.1:${server.ports.client}"`,
        jetstream ? `jetstream { store_dir: "${server.dir}/store", max_mem: 256MB, max_file: ${maxFile} }` : "",
        tls ? `tls { ${files} }` : "",
        cluster ? `cluster { name: ${cluster}, listen: "127.0.0.1:${server.ports.route}", routes: [${routes}], tls { ${files} } }` : "",
        `accounts {`,
        `  SYS { users: [ { nkey: ${this.#users.sys.getPublicKey()} }, { user: sys, password: "${PASSWORD}" } ] }`,
        `  APP { ${jetstream ? "jetstream: enabled, " : ""}users: [ { nkey: ${this.#users.app.getPublicKey()} }, { user: app, password: "${PASSWORD}" }${users.map((u) => `, ${u}`).join("")}${open ? ", { user: guest, password: guest }" : ""} ]\n${app}\n  }`,
        ...accounts.map((account) => `  ${account} { ${jetstream ? "jetstream: enabled, " : ""}users: [ { user: ${account}, password: "${PASSWORD}" } ] }`),
        `}`,
        `system_account: SYS`,
        open ? `no_auth_user: guest` : "",
        `lame_duck_duration: 30s, lame_duck_grace_period: 1s`,
      ].join("\n"),
    );
  }

  node(server: TestServer): Node {
    const { name, jetstream = true } = server.options;
    return { name, lane: name, host: "127.0.0.1", port: server.ports.client, jetstream };
  }

  /** paths of the certificates that all servers share */
  get files(): Certificates {
    return this.#certs;
  }

  get target(): ClusterTarget {
    const seed = (user: { getSeed(): Uint8Array }) => ({ nkeySeed: new Secret(new TextDecoder().decode(user.getSeed())) });
    return {
      name: this.#name,
      nodes: this.servers.map((s) => this.node(s)),
      tls: { ca: this.#certs.caPem },
      sys: seed(this.#users.sys),
      app: seed(this.#users.app),
    };
  }

  async greets(server: TestServer): Promise<void> {
    const until = Date.now() + 20_000;
    for (;;) {
      if ((await probe(this.target, this.node(server))).greeting) return;
      if (!server.running || Date.now() > until) throw new Error(`${server.options.name} didn't start:\n${server.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Runs `body` on a fresh cluster and always stops it. */
  static async with<T>(
    version: string,
    count: number,
    body: (cluster: TestCluster) => Promise<T>,
    options: Record<string, Partial<ServerOptions>> = {},
  ): Promise<T> {
    const cluster = await TestCluster.start(version, count, options);
    try {
      return await body(cluster);
    } finally {
      await cluster.stop();
    }
  }

  /** Ends all processes and removes their files; also after a failed start. */
  async stop(): Promise<void> {
    process.off("exit", this.#onExit);
    await Promise.all(this.servers.map((s) => s.stop()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The binary from the lab's cache, fetched into it when it isn't there yet. */
export const serverBinary = (version: string): Promise<string> => ensureBinary(version, silent);

export async function freePorts(count: number): Promise<number[]> {
  const holders = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = holders.map((s) => (s.address() as { port: number }).port);
  await Promise.all(holders.map((s) => new Promise((resolve) => s.close(resolve))));
  return ports;
}
