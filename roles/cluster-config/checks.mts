import type { Check } from "../../lib/inventory/load.mts";
import type { Host } from "../../lib/inventory/types.mts";
import { bytes, cpuNumbers, milliseconds } from "../../lib/inventory/units.mts";
import { compareVersions } from "../nats-install/version.mts";
import type { Vars } from "../schema.mts";
import { regions } from "./region-checks.mts";
import { sameUsers, users } from "./user-checks.mts";

/** nats-server refuses less (opts.go: minimum lame duck duration). */
const LEAST_LAME_DUCK_MS = 30_000;
/** A restart has 15 minutes (handlers.mts). */
const MOST_LAME_DUCK_MS = 14 * 60_000;
/** nats-server: max_pending, below which a message must stay; and the size beyond which it warns itself. */
const MOST_PAYLOAD = 64 * 1024 ** 2,
  WARN_PAYLOAD = 8 * 1024 ** 2;

const unique: Check<Vars> = ({ hosts, error, written }) => {
  const names = new Map<string, Host<Vars>>(),
    places = new Map<string, Host<Vars>>(),
    addresses = new Map<string, Host>();
  for (const host of hosts) {
    const { server_name, port, cluster, http_port } = host.vars;
    const { address } = host.connection;
    const twin = names.get(server_name);
    if (twin) {
      const [one, other] = written(host, ["server_name"]) ? [host, twin] : [twin, host];
      error(one, ["server_name"], `server_name "${server_name}" is also that of ${other.name}; give each host its own`);
    }
    names.set(server_name, host);
    // Several servers on one address are told apart by sshd's port, and must not share any of their own.
    const login = `${address}:${host.connection.port ?? 22}`;
    const other = addresses.get(login);
    if (other) error(host, ["address"], `address ${address} is also that of ${other.name}; give each host its own`);
    else
      for (const [key, value] of [
        ["port", port],
        ["cluster.port", cluster.port],
        ["http_port", http_port],
      ] as const) {
        const holder = places.get(`${address} ${value}`);
        if (holder) error(host, key.split("."), `${key} ${value} at ${address} is taken by ${holder.name} already; choose another`);
      }
    addresses.set(login, host);
    for (const value of [port, cluster.port, http_port]) places.set(`${address} ${value}`, host);
  }
};

const ports: Check<Vars> = ({ hosts, error, written }) => {
  for (const host of hosts) {
    const used: [string[], number][] = [
      [["port"], host.vars.port],
      [["http_port"], host.vars.http_port],
      [["cluster", "port"], host.vars.cluster.port],
    ];
    used.forEach(([path, port], i) => {
      const clash = used.slice(0, i).find(([, other]) => other === port);
      if (clash) {
        const [one, other] = written(host, path) ? [path, clash[0]] : [clash[0], path];
        error(host, one, `${one.join(".")} ${port} is also ${other.join(".")}; choose another`);
      }
      if (port === (host.connection.port ?? 22)) error(host, path, `${path.join(".")} ${port} is sshd's; choose another`);
    });
  }
};

/** Values that must be the same on all servers of a cluster, or the routes don't come up. */
const agreed: Check<Vars> = ({ hosts, error }) => {
  const counts = new Map<number, Host<Vars>[]>();
  for (const host of hosts) counts.set(host.vars.cluster.pool_size, [...(counts.get(host.vars.cluster.pool_size) ?? []), host]);
  const [most, ...rest] = [...counts.values()].sort((a, b) => b.length - a.length);
  for (const host of rest.flat())
    error(
      host,
      ["cluster", "pool_size"],
      `cluster.pool_size ${host.vars.cluster.pool_size} differs from ${most![0]!.name}'s ${most![0]!.vars.cluster.pool_size}; give all hosts of a cluster the same`,
    );
};

/** An inventory may hold several clusters. But a host that alone has another name than its group is one whose name has a slip in it. */
const alone: Check<Vars> = ({ hosts, error }) => {
  const sizes = new Map<string, number>();
  for (const { vars } of hosts) sizes.set(vars.cluster.name, (sizes.get(vars.cluster.name) ?? 0) + 1);
  for (const host of hosts) {
    const { name } = host.vars.cluster;
    const group = host.groups.at(-1)!;
    const mate = hosts.find((h) => h.groups.includes(group) && h.vars.cluster.name !== name && sizes.get(h.vars.cluster.name)! > 1);
    if (sizes.get(name) === 1 && mate)
      error(
        host,
        ["cluster", "name"],
        `cluster.name ${name} differs from ${mate.name}'s ${mate.vars.cluster.name}, and no other host has it; give all hosts of a cluster the same, or put a cluster of one host into a group of its own`,
      );
  }
};

const store: Check<Vars> = ({ hosts, complete, error, warn }) => {
  for (const host of hosts) {
    const { enabled, store_dir } = host.vars.jetstream;
    const lost = ["/tmp", "/var/tmp", "/run", "/dev", "/proc", "/sys"].find((folder) => store_dir === folder || store_dir.startsWith(`${folder}/`));
    if (enabled && lost)
      error(
        host,
        ["jetstream", "store_dir"],
        `jetstream.store_dir ${store_dir} is under ${lost}, which is emptied; choose a folder such as /var/lib/nats/jetstream`,
      );
    const hidden = ["/home", "/root"].find((folder) => store_dir.startsWith(`${folder}/`) || store_dir === folder);
    if (enabled && hidden)
      error(
        host,
        ["jetstream", "store_dir"],
        `jetstream.store_dir ${store_dir} is under ${hidden}, which the server's unit hides from it; choose a folder such as /var/lib/nats/jetstream`,
      );
  }
  if (!complete) return;
  const nodes = hosts.filter((host) => host.vars.jetstream.enabled);
  if (nodes.length > 0 && nodes.length % 2 === 0)
    warn(
      nodes.at(-1)!,
      ["jetstream", "enabled"],
      `${nodes.length} hosts have JetStream; an even number bears no more failures than ${nodes.length - 1 || 1}, take ${nodes.length - 1 || 1} or ${nodes.length + 1}`,
    );
};

const times: Check<Vars> = ({ hosts, error, warn }) => {
  for (const host of hosts) {
    const { lame_duck_duration: duration, lame_duck_grace_period: grace, max_payload } = host.vars;
    if (milliseconds(duration) < LEAST_LAME_DUCK_MS)
      error(host, ["lame_duck_duration"], `lame_duck_duration ${duration} is below the 30s that nats-server wants; write 30s or more`);
    else if (milliseconds(duration) > MOST_LAME_DUCK_MS)
      error(host, ["lame_duck_duration"], `lame_duck_duration ${duration} is above the 14m that a rollout waits for a server to stop; lower it`);
    else if (milliseconds(grace) >= milliseconds(duration))
      error(host, ["lame_duck_grace_period"], `lame_duck_grace_period ${grace} is not below lame_duck_duration ${duration}; lower it`);
    if (bytes(max_payload) > MOST_PAYLOAD) error(host, ["max_payload"], `max_payload ${max_payload} is above nats-server's max_pending of 64MB; lower it`);
    else if (bytes(max_payload) > WARN_PAYLOAD)
      warn(host, ["max_payload"], `max_payload ${max_payload} is above the 8MB that nats-server advises; keep large data elsewhere and send its name`);
  }
};

/** Options that make an older server refuse its configuration. */
const options: Check<Vars> = ({ hosts, error, written }) => {
  for (const host of hosts) {
    if (compareVersions(host.vars.nats_version, "2.10.0") >= 0) continue;
    for (const path of [
      ["jetstream", "sync_interval"],
      ["cluster", "pool_size"],
      ["cluster", "compression"],
    ])
      if (written(host, path)) error(host, path, `${path.join(".")} needs nats-server 2.10, and nats_version is ${host.vars.nats_version}; remove it`);
  }
};

const placement: Check<Vars> = ({ hosts, warn }) => {
  for (const host of hosts) {
    const { cpus, kernel_args } = host.vars;
    const reserved = cpuNumbers(kernel_args.nohz_full ?? "");
    const stray = cpus !== undefined && reserved ? reserved.filter((cpu) => !cpuNumbers(cpus)!.includes(cpu)) : [];
    if (stray.length > 0)
      warn(host, ["cpus"], `cpus ${cpus} leaves out CPU ${stray[0]}, which kernel_args.nohz_full keeps free for the server; give both the same list`);
    if (reserved && cpus === undefined)
      warn(
        host,
        ["kernel_args", "nohz_full"],
        `kernel_args.nohz_full keeps CPUs ${kernel_args.nohz_full} free, but the server isn't put there; add cpus: "${kernel_args.nohz_full}"`,
      );
  }
};

/** Made for each cluster by itself. */
export const checks = [ports, agreed, store, times, options, placement, users, sameUsers, regions];
/** Made for all hosts together, whatever clusters they belong to. */
export const wholeRegion = [unique, alone];
