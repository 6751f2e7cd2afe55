import { homedir } from "node:os";
import { basename, resolve } from "node:path";
import { parseArgs } from "node:util";
import * as v from "valibot";
import { connection } from "../../lib/inventory/connection.mts";
import { VALUE } from "../../lib/inventory/fields.mts";
import { didYouMean } from "../../lib/inventory/suggest.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { defaults as clusterConfig } from "../cluster-config/defaults.mts";
import { defaults as natsInstall } from "../nats-install/defaults.mts";

export const usage = (region: string): string => `${region}: makes the inventory of a new region from what its hosts tell, or compares one with its hosts

Usage: ${region} new NAME [FLAG…]      probes the hosts, writes inventory/NAME
       ${region} check NAME [FLAG…]    probes the hosts again: what differs from the inventory

NAME is the region's folder in inventory/, or a path to one. Without --host, \`new\` asks for all of it.

  ${region} new sg --host 10.8.0.1,10.8.0.2,10.8.0.3 --user ops --jump bastion.example.net
  ${region} new sg --host sg-a=10.8.0.1 --check    what would be written
  ${region} check sg                               has a disk, a CPU, a host key changed since?

Flags of \`new\`:
      --host ADDRESS            a host, or several with commas between (repeatable); NAME=ADDRESS gives it a name of its own
      --user USER               user to log in as (default root; any other becomes root by sudo)
      --port PORT               port of sshd
      --key FILE                private key (default: ssh_config's, or the agent's)
      --jump HOST               jump host(s), as ssh's ProxyJump
      --nats-version VERSION    (default 2.15.1)
      --nats-file FILE          nats-server or its archive on this machine; {version} and {arch} are filled in (default: github.com)
      --cluster-name NAME       (default nats-cluster-NAME)
      --accept-new-host-keys    record the hosts' keys as they are; otherwise their fingerprints are shown, and you are asked
  -C, --check                   write nothing, show what would be written; exit status 2

Flags of both:
  -K, --ask-become-pass         ask for sudo's password once
  -h, --help                    this text

Exit status: 0 done, or nothing differs, 2 check: something differs, 3 bad usage, a host can't be used (nothing was written),
             4 check: a host unreachable, 130 interrupted (nothing was written)
More: docs/regions.md; what to type when: docs/runbook.md; messages: docs/troubleshooting.md
`;

/** How the hosts of a new region are reached, and what they get. */
export interface NewRegion {
  hosts: readonly { name: string; address: string }[];
  user: string;
  port?: number;
  key?: string;
  jump?: string;
  version: string;
  natsFile?: string;
  cluster: string;
}

export interface RegionOptions {
  verb: "new" | "check";
  /** absolute path of the region's folder */
  dir: string;
  /** as given on the command line, unchecked */
  given: Given;
  acceptNewHostKeys: boolean;
  check: boolean;
  askBecomePass: boolean;
}
export interface Given {
  host: string[];
  user?: string;
  port?: string;
  key?: string;
  jump?: string;
  "nats-version"?: string;
  "nats-file"?: string;
  "cluster-name"?: string;
}

const FLAGS = {
  host: { type: "string", multiple: true },
  user: { type: "string" },
  port: { type: "string" },
  key: { type: "string" },
  jump: { type: "string" },
  "nats-version": { type: "string" },
  "nats-file": { type: "string" },
  "cluster-name": { type: "string" },
  "accept-new-host-keys": { type: "boolean" },
  check: { type: "boolean", short: "C" },
  "ask-become-pass": { type: "boolean", short: "K" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws UsageError */
export function regionOptions(argv: readonly string[]): RegionOptions | "help" {
  const { values, positionals } = parse(argv);
  if (values.help) return "help";
  const [verb, name, ...rest] = positionals;
  if (verb !== "new" && verb !== "check")
    throw new UsageError(
      `${verb === undefined ? "say what to do" : `"${verb}" is none of new, check`}: region.mts new NAME, or region.mts check NAME; see --help`,
    );
  if (name === undefined) throw new UsageError(`region.mts ${verb} needs the region's NAME, for example: region.mts ${verb} sg`);
  if (rest.length) throw new UsageError(`unexpected argument "${rest[0]}"; hosts are given by --host, see --help`);
  const { host = [], help: _, check = false, "accept-new-host-keys": acceptNewHostKeys = false, "ask-become-pass": askBecomePass = false, ...given } = values;
  const aimless = verb === "check" ? [...(host.length ? ["host"] : []), ...Object.keys(given), ...(acceptNewHostKeys ? ["accept-new-host-keys"] : [])] : [];
  if (aimless.length) throw new UsageError(`--${aimless[0]} goes with new; check reads the inventory`);
  return { verb, dir: folderOf(name), given: { host, ...given }, acceptNewHostKeys, check, askBecomePass };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, allowPositionals: true });
  } catch (error) {
    const message = (error as Error).message;
    const unknown = /Unknown option '(-+[^']*)'/.exec(message)?.[1];
    const names = Object.keys(FLAGS).map((n) => `--${n}`);
    throw new UsageError(unknown ? `there is no flag ${unknown}; ${didYouMean(unknown, names, "the flags are")}` : `${message.split(/[.\n]/)[0]}; see --help`);
  }
}

/** The lab's own names would be ignored by git, and taken away with the lab. */
function folderOf(name: string): string {
  const dir = resolve(name.includes("/") ? name : `inventory/${name}`);
  if (!/^[A-Za-z][\w-]{0,31}$/.test(basename(dir)))
    throw new UsageError(`"${basename(dir)}" can't be a region's name; write letters, digits, - and _, at most 32, a letter first`);
  return dir;
}

/** Splits `a,b=c` into hosts; those without a name are numbered. */
export function hostsOf(given: readonly string[]): { name: string; address: string }[] {
  const parts = given.flatMap((text) => text.split(/[\s,]+/)).filter(Boolean);
  return parts.map((part, i) => {
    const [, name, address] = /^([^=]*)=(.*)$/.exec(part) ?? [];
    return name === undefined ? { name: `nats-node-${i + 1}`, address: part } : { name, address: address! };
  });
}

/** What is wrong with an answer, in a line; undefined: nothing. */
export const wrong = {
  hosts: (text: string): string | undefined => wrongHosts(hostsOf([text]))[0],
  user: (text: string) => bad("--user", connection.ssh.wrapped.entries.user, text),
  port: (text: string) => (text === "" ? undefined : bad("--port", connection.ssh.wrapped.entries.port, text)),
  jump: (text: string) => (text === "" ? undefined : bad("--jump", connection.ssh.wrapped.entries.proxy_jump, text)),
  version: (text: string) => bad("--nats-version", natsInstall.nats_version, text),
  cluster: (text: string) => bad("--cluster-name", clusterConfig.cluster.wrapped.entries.name, text),
};

function bad(flag: string, schema: v.GenericSchema, value: string): string | undefined {
  const { success, issues } = v.safeParse(schema, value);
  return success ? undefined : `${flag}: ${issues[0].message.replace(VALUE, JSON.stringify(value))}`;
}

function wrongHosts(hosts: readonly { name: string; address: string }[]): string[] {
  const lines: string[] = hosts.length ? [] : ["--host: none is given; write the hosts' addresses, for example --host 10.8.0.1,10.8.0.2,10.8.0.3"];
  hosts.forEach(({ name, address }, i) => {
    const fault = bad("--host", connection.address, address);
    if (fault) lines.push(fault);
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(name)) lines.push(`--host: "${name}" can't be a host's name; write letters, digits, . _ and -`);
    const twin = hosts.slice(0, i).find((h) => h.address.toLowerCase() === address.toLowerCase());
    if (twin) lines.push(`--host: ${twin.name} and ${name} have the same address ${address}; give each host its own`);
    const namesake = hosts.slice(0, i).find((h) => h.name === name || variableOf(h.name) === variableOf(name));
    if (namesake)
      lines.push(
        `--host: two hosts are called ${namesake.name}${namesake.name === name ? "" : ` and ${name}, which is the same in .env`}; give each its own name`,
      );
  });
  return lines;
}

/** The variable of .env that has a host's address. */
export const variableOf = (host: string): string =>
  `${host
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")
    .replace(/^(?=\d)/, "_")}_ADDRESS`;

/** @throws UsageError with a line for each thing that is wrong */
export function newRegion({ host, user = "root", port = "", key, jump = "", ...rest }: Given, region: string): NewRegion {
  const version = rest["nats-version"] ?? "2.15.1",
    cluster = rest["cluster-name"] ?? `nats-cluster-${region}`;
  const hosts = hostsOf(host);
  const faults = [...wrongHosts(hosts), wrong.user(user), wrong.port(port), wrong.jump(jump), wrong.version(version), wrong.cluster(cluster)];
  const lines = faults.filter((line) => line !== undefined);
  if (lines.length) throw new UsageError(lines);
  return {
    hosts,
    user,
    ...(port && { port: Number(port) }),
    ...(key && { key: resolve(key.replace(/^~(?=\/)/, homedir())) }),
    ...(jump && { jump }),
    version: version.replace(/^v/, ""),
    ...(rest["nats-file"] && { natsFile: resolve(rest["nats-file"]) }),
    cluster,
  };
}
