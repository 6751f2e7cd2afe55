import type { Resource } from "../../lib/engine/resource.mts";
import type { Host, Inventory } from "../../lib/inventory/types.mts";
import { bytes, milliseconds } from "../../lib/inventory/units.mts";
import type { Pki } from "../../lib/pki/ca.mts";
import { withOtherRegions } from "../../lib/pki/region-trust.mts";
import { bcryptHash, publicKey } from "../../lib/pki/secrets.mts";
import { envText, seedsOf } from "../../lib/pki/seeds.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { directory } from "../../lib/resources/directory.mts";
import { file } from "../../lib/resources/file.mts";
import { FINGERPRINT, NATS_SERVER, READ_AT_RELOAD, READ_AT_START, RESTART_ONLY, UNIT } from "../../lib/resources/nats-unit.mts";
import { service } from "../../lib/resources/service.mts";
import { storeGuard } from "../../lib/resources/store-guard.mts";
import { Secret } from "../../lib/secret.mts";
import { sh } from "../../lib/sh.mts";
import { render, type View } from "../../lib/template.mts";
import { peersOf } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import { accounts, type Proof } from "./accounts.mts";
import { certificates } from "./certificates.mts";
import { reloadOrRestart } from "./handlers.mts";
import { linked, REGIONS_CA, REGIONS_CONF, regionsConf, regionsSum, withRegions } from "./regions.mts";

export const CONF = "/etc/nats/nats-server.conf";

const template = (name: string, view: View): string => render(new URL(`templates/${name}.mustache`, import.meta.url), view);

/** What the servers' configuration needs from the controller. */
interface Material {
  pki: Pki;
  /** PEM: whom links to other regions trust; empty where there are none */
  regionsCa: string;
  /** by host and user name: how the configuration names the user */
  users: ReadonlyMap<string, ReadonlyMap<string, Proof>>;
}
/** What the controller's files will be, for a look ahead with --check: those of pki by name, and the text of .env. */
export interface Ahead {
  pki?: ReadonlyMap<string, string>;
  env?: string;
}

/** nats-server's configuration, certificates and unit; the service runs, and is told of changes node by node. */
export const clusterConfigWith = (ahead: Ahead): HostRole<Vars, Material> => ({
  kind: "host",
  name: "cluster-config",

  async prepare({ inventory, dryRun, warn }) {
    const pki = await certificates(inventory, dryRun, ahead.pki);
    for (const warning of pki.warnings) warn(warning);
    const env = ahead.env ?? envText(inventory.dir);
    const others = inventory.hosts.flatMap((h) => (linked(h.vars) ? h.vars.regions.map((r) => r.ca) : []));
    return {
      pki,
      regionsCa: others.length ? withOtherRegions(pki.ca, [...new Set(others)]) : "",
      users: new Map(inventory.hosts.map((h) => [h.name, new Map(h.vars.users.map((u) => [u.name, proof(inventory.region, u, env, seeds(h.vars))]))])),
    };
  },

  resources({ host, vars, facts, inventory, prepared }) {
    const material = prepared ?? { pki: { ca: "", hosts: new Map(), changed: [], warnings: [] }, regionsCa: "", users: new Map() };
    const own = material.pki.hosts.get(host.name) ?? { cert: "", key: new Secret("") };
    const links = regionsConf(vars, address(vars.host, vars.region_port));
    const view = configuration(host, inventory, material, links ? regionsSum(links, material.regionsCa) : "");
    const nats = { owner: "root", group: "nats" };
    const files: Resource[] = [
      ...(links
        ? [file({ path: REGIONS_CA, content: material.regionsCa, mode: 0o640, ...nats }), file({ path: REGIONS_CONF, content: links, mode: 0o640, ...nats })]
        : []),
      file({ path: "/etc/nats/tls/ca.crt", content: material.pki.ca, mode: 0o640, ...nats }),
      file({ path: "/etc/nats/tls/server.crt", content: own.cert, mode: 0o640, ...nats }),
      file({ path: "/etc/nats/tls/server.key", content: own.key, mode: 0o640, ...nats }),
      file({
        path: FINGERPRINT,
        content: template("nats-fingerprint", { program: NATS_SERVER, start: READ_AT_START.join(" "), load: READ_AT_RELOAD.join(" ") }),
        mode: 0o755,
      }),
      file({
        path: "/etc/nats/nats-server.env",
        content: template("nats-server.env", { gomemlimit: memoryLimit(vars.gomemlimit, facts.memoryBytes) }),
        mode: 0o640,
        ...nats,
      }),
      file({ path: RESTART_ONLY, content: template("restart-only", { options: restartOnly(view) }), mode: 0o640, ...nats }),
      file({ path: CONF, content: template("nats-server.conf", view), mode: 0o640, validate: (staged) => sh`${NATS_SERVER} -t -c ${staged}`, ...nats }),
      file({ path: UNIT, content: template("nats-server.service", unit(vars)) }),
    ];
    return [
      directory({ path: "/etc/nats", mode: 0o750, ...nats }),
      directory({ path: "/etc/nats/tls", mode: 0o750, ...nats }),
      directory({ path: "/usr/local/lib/sampan" }),
      ...(vars.jetstream.enabled
        ? [
            directory({ path: vars.jetstream.store_dir, owner: "nats", group: "nats", mode: 0o750 }),
            ...(peersOf(host, inventory).length > 1
              ? [storeGuard({ storeDir: vars.jetstream.store_dir, conf: CONF, cluster: vars.cluster.name, routes: routesOf(host, inventory) })]
              : []),
          ]
        : []),
      ...files.map((f) => f.notify(reloadOrRestart)),
      service({ name: "nats-server", enabled: true, running: true, unit: UNIT, ready: listening(vars.port) }),
    ];
  },
});

export const clusterConfig = clusterConfigWith({});

const seeds = ({ users }: Vars): Secret[] => users.flatMap((u) => u.nkey_seed ?? []);

function proof(region: string, user: Vars["users"][number], env: string, all: readonly Secret[]): Proof {
  if (user.password) return { nkeys: [], bcrypt: bcryptHash(user.password, `${region}/${user.account}/${user.name}`) };
  const { next, old } = seedsOf(env, user.nkey_seed!, all) ?? {};
  // Sorted: which of two seeds is in use is nothing that the servers should be told of.
  const nkeys = [user.nkey_seed!, ...(next ? [next] : []), ...(old ? [old] : [])].map((seed) => publicKey(seed, `the nkey_seed of user ${user.name}`));
  return { nkeys: [...new Set(nkeys)].sort(), bcrypt: "" };
}

/** From the whole inventory, also under --limit. In a URL, the zone of a link-local address (fe80::1%eth0) has its % escaped. */
const routesOf = (host: Host<Vars>, inventory: Inventory<Vars>): string[] =>
  peersOf(host, inventory)
    .filter((p) => p.name !== host.name)
    .map((p) => address(p.connection.address.replace("%", "%25"), p.vars.cluster.port));

/** @param links stands for the links to other regions; empty where there are none */
function configuration(host: Host<Vars>, inventory: Inventory<Vars>, { users }: Material, links: string): View {
  const { vars } = host;
  const peers = peersOf(host, inventory);
  // Fatal for servers of the 2.9 line, which know neither pooling nor compression of routes, nor sync_interval.
  const modern = !vars.nats_version.startsWith("2.9.");
  const { store_dir, max_mem, max_file, domain = "", unique_tag = "", enabled } = vars.jetstream;
  const jetstream = enabled
    ? { store_dir, max_mem, max_file, domain, unique_tag, sync_interval: modern ? syncInterval(vars.jetstream.sync_interval) : "" }
    : false;
  const listen = address(vars.host, vars.port);
  const cluster =
    peers.length < 2
      ? false
      : {
          name: vars.cluster.name,
          listen: address(vars.host, vars.cluster.port),
          pooling: modern,
          pool_size: vars.cluster.pool_size,
          compression: vars.cluster.compression,
          routes: routesOf(host, inventory),
        };
  const { server_name, http_port, max_payload, max_connections, write_deadline, ping_interval, ping_max, lame_duck_duration, lame_duck_grace_period } = vars;
  const options = {
    server_name,
    listen,
    http_port,
    max_payload,
    max_connections,
    write_deadline,
    ping_interval,
    ping_max,
    lame_duck_duration,
    lame_duck_grace_period,
  };
  return {
    ...options,
    tags: vars.server_tags.map((t) => `"${t}"`).join(", "),
    accounts: withRegions(accounts(vars, users.get(host.name)), vars, inventory.region),
    jetstream,
    cluster,
    links,
  };
}

/**
 * Options that a reload doesn't change (nats-server, server/reload.go; each is tried on real servers by test/roles/cluster-config).
 * Beside them some that a reload does change, but not well enough: cluster.name, under which a server goes on with its old routes;
 * max_mem and max_file, which only grow by reload, and not in all versions; JetStream, which comes up beside a running server
 * without the store guard and the unit's ReadWritePaths.
 */
function restartOnly({ server_name, listen, http_port, lame_duck_duration, lame_duck_grace_period, jetstream, cluster, links }: View): View[] {
  const { name = "", listen: routes = "" } = (cluster || {}) as View;
  const all: View = {
    server_name,
    listen,
    http_port,
    lame_duck_duration,
    lame_duck_grace_period,
    "cluster.name": name,
    "cluster.listen": routes,
    ...Object.fromEntries(Object.entries((jetstream || { enabled: false }) as View).map(([key, value]) => [`jetstream.${key}`, value])),
    ...(links ? { regions: links } : {}),
  };
  return Object.entries(all).map(([key, value]) => ({ name: key, value }));
}

function unit(vars: Vars): View {
  const { nofile, nproc = "", memlock = "" } = vars.limits;
  return {
    server_name: vars.server_name,
    program: NATS_SERVER,
    fingerprint: FINGERPRINT,
    nofile,
    nproc,
    memlock,
    cpus: vars.cpus ?? "",
    // lame duck, and half a minute for what comes after it
    stopTimeout: Math.ceil(milliseconds(vars.lame_duck_duration) / 1000) + 30,
    writable: vars.jetstream.enabled ? vars.jetstream.store_dir : "/run/nats-server",
  };
}

/** GOMEMLIMIT in bytes; empty when off. */
function memoryLimit(wanted: string, hostBytes: number): string {
  if (wanted === "off") return "";
  return String(wanted.endsWith("%") ? Math.floor((hostBytes * Number.parseInt(wanted, 10)) / 100) : bytes(wanted));
}

const syncInterval = (text: string): string => (text === "always" ? text : `"${text}"`);
const address = (host: string, port: number): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

/** The server listens on its port, whatever tools the host has. */
const listening = (port: number) => sh`listens_on nats-server ${port.toString(16).toUpperCase().padStart(4, "0")}`;
