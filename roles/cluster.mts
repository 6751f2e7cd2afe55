import { connect as tcpConnect } from "node:net";
import { resolve } from "node:path";
import type { Emit } from "../lib/engine/events.mts";
import type { Location } from "../lib/engine/resource.mts";
import type { Session } from "../lib/engine/session.mts";
import type { LoadedInventory } from "../lib/inventory/load.mts";
import type { Host, Inventory } from "../lib/inventory/types.mts";
import type { ClusterTarget, ConnectOptions, Credential, Dial } from "../lib/nats/target.mts";
import { certificates } from "./cluster-config/certificates.mts";
import type { Vars } from "./schema.mts";

/** The hosts of a host's cluster, itself among them, in the order of the inventory: all that share its cluster name. */
export const peersOf = (host: Host<Vars>, inventory: Inventory<Vars>): Host<Vars>[] =>
  inventory.hosts.filter((h) => h.vars.cluster.name === host.vars.cluster.name);

/** A cluster of the inventory as NATS clients reach it. */
export interface Cluster {
  readonly name: string;
  /** of its inventory: under this name other regions know it */
  readonly region: string;
  /** all its hosts, also under --limit */
  readonly hosts: readonly Host<Vars>[];
  readonly target: ClusterTarget;
  readonly connect: ConnectOptions;
  /** where the inventory says something about all of it, e.g. `["streams", 0]` */
  readonly originOf: (path: readonly (string | number)[]) => Location;
  readonly emit: Emit;
  /** what the hosts' checks told, by host and name */
  readonly outputs: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** What of a run has to do with clusters; a display that is no run has it too. */
export interface Site {
  readonly config: { readonly inventory: LoadedInventory<Vars>; readonly hosts: readonly Host<Vars>[] };
  readonly emit: Emit;
  readonly outputs: Cluster["outputs"];
  readonly connections: { to(host: Host): Promise<Session | undefined>; readonly unreachable?: ReadonlySet<string> };
}

/** The clusters to which the run's hosts belong; not those that neither SSH nor NATS gets through to, as that has been told of each host. */
export async function clustersOf(run: Site): Promise<Cluster[]> {
  const { inventory, hosts } = run.config;
  const { ca } = await certificates(inventory, true);
  const names = [...new Set(hosts.map((h) => h.vars.cluster.name))];
  const there = await Promise.all(
    names.map((name) =>
      isThere(
        run,
        hosts.filter((h) => h.vars.cluster.name === name),
      ),
    ),
  );
  const reached = names.filter((_, i) => there[i]);
  return reached.map((name) => {
    const members = inventory.hosts.filter((h) => h.vars.cluster.name === name);
    const originOf: Cluster["originOf"] = (path) => {
      const [, file = "", line = "0"] = /^(.*):(\d+):\d+$/.exec(inventory.originOf(members[0]!.name, path)) ?? [];
      return { file: resolve(file), line: Number(line) };
    };
    return {
      name,
      region: inventory.region,
      hosts: members,
      emit: run.emit,
      outputs: run.outputs,
      originOf,
      connect: { dial: dialOf(run, members) },
      target: {
        name: members.length > 1 ? name : "",
        nodes: members.map((h) => ({
          name: h.vars.server_name,
          lane: h.name,
          host: h.connection.address,
          port: h.vars.port,
          jetstream: h.vars.jetstream.enabled,
        })),
        tls: { ca },
        sys: credentialOf(members[0]!.vars, (account) => account === "SYS"),
        app: credentialOf(members[0]!.vars, (account) => account !== "SYS"),
      },
    };
  });
}

async function isThere({ connections: { unreachable } }: Site, hosts: readonly Host<Vars>[]): Promise<boolean> {
  if (!hosts.every((h) => unreachable?.has(h.name))) return true;
  return (await Promise.all(hosts.map((h) => knock(h.connection.address, h.vars.port)))).includes("open");
}

function credentialOf(vars: Vars, wanted: (account: string) => boolean): Credential {
  const user = vars.users.find((u) => wanted(u.account))!;
  return user.nkey_seed ? { nkeySeed: user.nkey_seed } : { user: user.name, password: user.password! };
}

/** How long a node's port may stay silent until the way through SSH is tried, ms. */
const DIRECT_TIMEOUT = 1500;
/** How long a node that can't be reached either way is left alone, ms. */
const RETRY_MS = 10_000;

/** Straight to the node; through the host's SSH connection where a firewall lets nobody else in. */
function dialOf(run: Site, members: readonly Host<Vars>[]): Dial {
  const direct = new Map<string, Promise<boolean>>();
  const since = new Map<string, number>();
  // By session: a host that was rebooted has a new one, and forwards through the old are dead.
  const forwarded = new WeakMap<object, Promise<number>>();
  return async ({ lane, host, port }) => {
    if (!direct.has(lane)) {
      direct.set(lane, answers(host, port));
      since.set(lane, Date.now());
    }
    if (await direct.get(lane)) return { host, port };
    const member = members.find((h) => h.name === lane)!;
    const session = await run.connections.to(member);
    if (!session) {
      if (Date.now() - since.get(lane)! > RETRY_MS) direct.delete(lane);
      throw Object.assign(new Error("no answer, and no way there through SSH"), { code: "EHOSTUNREACH" });
    }
    const listens = member.vars.host;
    const inside = listens === "0.0.0.0" || listens === "::" ? "127.0.0.1" : listens;
    if (!forwarded.has(session)) forwarded.set(session, session.forward(`${inside}:${port}`));
    return { host: "127.0.0.1", port: (await forwarded.get(session))! };
  };
}

/** A refusal is an answer too: the host is there, and nobody listens. */
const answers = async (host: string, port: number): Promise<boolean> => (await knock(host, port)) !== "silent";

function knock(host: string, port: number): Promise<"open" | "refused" | "silent"> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port, timeout: DIRECT_TIMEOUT });
    const done = (found: "open" | "refused" | "silent"): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once("connect", () => done("open")).once("timeout", () => done("silent"));
    socket.once("error", (e: NodeJS.ErrnoException) => done(e.code === "ECONNREFUSED" ? "refused" : "silent"));
  });
}
