import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Test } from "tap";
import { compile, plan } from "../../lib/engine/compile.mts";
import type { EventInput } from "../../lib/engine/events.mts";
import type { Resource } from "../../lib/engine/resource.mts";
import { Session, SessionError, type SessionOptions } from "../../lib/engine/session.mts";
import type { Outcome } from "../../lib/engine/step-events.mts";
import type { Connection, Host } from "../../lib/inventory/types.mts";
import type { Lab, UpOptions } from "../../lib/lab/lab.mts";
import { ControlFolder } from "../../lib/ssh/master.mts";
import type { TaskEnd } from "../engine/local-host.mts";

/** The hosts of a test's lab as the engine sees them. */
export class LabHosts {
  readonly lab: Lab;
  readonly #t: Test;
  readonly #folder = new ControlFolder();
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #inventory: string;

  private constructor(t: Test, lab: Lab, addresses: ReadonlyMap<string, string>, inventory: string) {
    this.#t = t;
    this.lab = lab;
    this.#addresses = addresses;
    this.#inventory = inventory;
    t.teardown(() => this.#folder.remove());
  }

  static async up(t: Test, lab: Lab, nodes: number, system: Pick<UpOptions, "packages" | "suite"> = {}): Promise<LabHosts> {
    await lab.down(); // what a killed run of the test left
    const { hosts, inventory } = await lab.up({ nodes, ...system });
    return new LabHosts(t, lab, new Map(hosts.map((h) => [h.name, h.address])), inventory);
  }

  address(n = 1): string {
    return this.#addresses.get(`nats-node-${n}`)!;
  }
  get identity(): string {
    return join(this.#inventory, "id_ed25519");
  }
  get knownHosts(): string {
    return join(this.#inventory, "known_hosts");
  }

  /** Host `n` (from 1), its connection changed as the test wants it. `-F none`: the machine's own ssh_config stays out. */
  host(n = 1, more: Partial<Connection> = {}): Host {
    return {
      name: `nats-node-${n}`,
      groups: [],
      vars: {},
      connection: {
        address: this.address(n),
        user: "root",
        become: false,
        known_hosts: this.knownHosts,
        identity_file: this.identity,
        ...more,
        options: { IdentitiesOnly: "yes", ...more.options },
      },
    };
  }

  async open(host: Host = this.host(), more: Partial<SessionOptions> = {}): Promise<Session> {
    const session = await Session.open(host, {
      nonce: `sampan-${Math.random().toString(36).slice(2)}`,
      who: "tester@here/1 test",
      lock: true,
      storeDir: "/var/lib/nats",
      control: this.#folder.socket(),
      acceptNewHostKeys: false,
      ...more,
    });
    this.#t.teardown(() => session.kill());
    return session;
  }

  /** The failure of a connection that must not succeed. */
  async refused(host: Host, more: Partial<SessionOptions> = {}): Promise<SessionError["failure"] & { ms: number }> {
    const since = performance.now();
    try {
      (await this.open(host, more)).kill();
    } catch (error) {
      if (error instanceof SessionError) return { ...error.failure, ms: performance.now() - since };
      throw error;
    }
    throw new Error("the connection succeeded");
  }

  /** A command in host `n` as root, without SSH; its output. */
  async sh(command: string, n = 1): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(`nats-node-${n}`, ["sh", "-c", command]);
    if (code !== 0) throw new Error(`${command}: ${code}: ${stderr}`);
    return stdout.trim();
  }

  async until(what: string, seconds: number, n = 1): Promise<boolean> {
    for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(100)) {
      if ((await this.lab.exec(`nats-node-${n}`, ["sh", "-c", what])).code === 0) return true;
    }
    return false;
  }
}

export interface Ran {
  outcome: Outcome;
  ends: TaskEnd[];
  lost: SessionError["failure"] | undefined;
  ms: number;
}

export async function run(
  session: Session,
  resources: readonly Resource[],
  mode: "apply" | "check" = "apply",
  on: (e: EventInput) => void = () => {},
): Promise<Ran> {
  const events: EventInput[] = [];
  const since = performance.now();
  const outcome = await session.run(compile(plan([{ role: "role", resources }]), { mode, diff: true }), "phase", (e) => {
    events.push(e);
    on(e);
  });
  return {
    outcome,
    ends: events.filter((e) => e.type === "task_end"),
    ms: performance.now() - since,
    lost: events.find((e) => e.type === "host_unreachable")?.failure,
  };
}
