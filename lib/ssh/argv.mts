import type { Connection } from "../inventory/types.mts";
import { quote } from "../sh.mts";

/** How long a silent peer is believed alive: 3 missed keepalives of 5 s. */
const KEEPALIVE = ["-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"];

const CONNECT_TIMEOUT = "ConnectTimeout=10";

export interface SshOptions {
  /** accept a host key that known_hosts doesn't have yet (never a changed one) */
  acceptNewHostKeys: boolean;
}

/** Arguments for the first `ssh` of a run: it is the master, and its session is the host's shell. ssh_config, agents and jump hosts count. */
export function masterArgv(c: Connection, control: string, options: SshOptions): string[] {
  return [
    "-M",
    "-S",
    control,
    "-o",
    "ControlPersist=no",
    "-T",
    "-x",
    "-a",
    "-o",
    "BatchMode=yes",
    "-o",
    "LogLevel=ERROR",
    "-o",
    `UserKnownHostsFile=${fileName(c.known_hosts)}`,
    ...hostKeys(options),
    ...(c.user ? ["-l", c.user] : []),
    ...(c.port ? ["-p", String(c.port)] : []),
    ...identity(c),
    ...(c.proxy_jump ? ["-o", `ProxyCommand=${jump(c, c.proxy_jump.split(","), options)}`] : []),
    // of two values ssh takes the first: the user's own before our defaults
    ...Object.entries(c.options).flatMap(([k, v]) => ["-o", `${k}=${v}`]),
    "-o",
    CONNECT_TIMEOUT,
    ...KEEPALIVE,
    "--",
    c.address,
    remoteShell(c),
  ];
}

/** Arguments of an `ssh` that gets as far as the host's key and writes it into known_hosts, but logs nobody in. */
export const hostKeyArgv = (c: Connection): string[] => [
  ...["-o", "PreferredAuthentications=none", "-o", "ControlMaster=no"],
  ...masterArgv({ ...c, become: false, become_password: undefined }, "none", { acceptNewHostKeys: true }).slice(1),
];

/** A path as the value of ssh's options, where spaces, quotes, \ and % mean something. */
const fileName = (path: string): string => `"${path.replace(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
/** Not -i, which looks for the file before it reads its %. */
const identity = (c: Connection): string[] => (c.identity_file ? ["-o", `IdentityFile=${fileName(c.identity_file)}`] : []);
const hostKeys = (options: SshOptions): string[] => [
  "-o",
  "GlobalKnownHostsFile=/dev/null",
  "-o",
  `StrictHostKeyChecking=${options.acceptNewHostKeys ? "accept-new" : "yes"}`,
  "-o",
  "UpdateHostKeys=no",
  "-o",
  "HashKnownHosts=no",
];

/**
 * The way through jump hosts. Not `-J`, which passes nothing on: here the inventory's key and known_hosts count for them too, beside
 * the user's own (a bastion is often known there), and nothing is ever asked.
 */
function jump(c: Connection, hops: readonly string[], options: SshOptions): string {
  const [, user, host = "", port] = /^(?:ssh:\/\/)?(?:(.+)@)?(\[.*\]|[^:]*)(?::(\d+))?$/.exec(hops.at(-1)!.trim()) ?? [];
  const before = hops.slice(0, -1);
  return [
    "ssh",
    "-T",
    "-x",
    "-a",
    "-o",
    "BatchMode=yes",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "ControlPath=none",
    "-o",
    `UserKnownHostsFile=${fileName(c.known_hosts)} ~/.ssh/known_hosts ~/.ssh/known_hosts2`,
    ...hostKeys(options),
    ...(user ? ["-l", user] : []),
    ...(port ? ["-p", port] : []),
    ...identity(c),
    ...(before.length ? ["-o", `ProxyCommand=${jump(c, before, options)}`] : []),
    "-o",
    CONNECT_TIMEOUT,
    "-W",
    TARGET,
    "--",
    host.replace(/^\[(.*)\]$/, "$1"),
    // what ssh reads once more on each level is escaped once more
  ]
    .map((word) => quote(word === TARGET ? word : word.replaceAll("%", "%%")))
    .join(" ");
}
const TARGET = "[%h]:%p";

/** Arguments for a further channel over a master; where that has gone, they must not make a connection of their own. */
export const channelArgv = (c: Connection, control: string, command: string): string[] => [
  "-S",
  control,
  "-o",
  "ProxyCommand=false",
  "-T",
  "-x",
  "-o",
  "BatchMode=yes",
  "-o",
  "LogLevel=ERROR",
  "--",
  c.address,
  asRoot(c, `sh -c ${quote(afterPassword(c) + oneLine(command))}`),
];

/**
 * The same command without what some login shell reads even in single quotes: csh a newline and `!`, fish two backslashes. A login shell
 * gets it before sh does.
 */
const oneLine = (command: string): string =>
  /[!\\\n]/.test(command) ? `eval "$(printf %b '${command.replace(/[!\\\n']/g, (c) => `\\0${c.charCodeAt(0).toString(8).padStart(3, "0")}`)}')"` : command;

/** Arguments that make a running master listen on `socket` for `to` as seen from the host. */
export const forwardArgv = (c: Connection, control: string, localPort: number, to: string): string[] => [
  "-S",
  control,
  "-O",
  "forward",
  "-L",
  `127.0.0.1:${localPort}:${to}`,
  "--",
  c.address,
];

/** The line after which a stream is ours: with a password, what comes before it is for sudo, which may or may not read it. */
export const BEGIN = "#sampan";
const afterPassword = (c: Connection): string => (c.become && c.become_password ? `while IFS= read -r l && [ "$l" != "${BEGIN}" ]; do :; done; ` : "");

/**
 * The command for the login shell, whatever that is (plain words only, so fish or csh will do). The locale is fixed so that
 * every shell counts bytes.
 */
const remoteShell = (c: Connection): string =>
  asRoot(c, c.become && c.become_password ? `env LC_ALL=C sh -c ${quote(`${afterPassword(c)}exec sh -s`)}` : "env LC_ALL=C sh -s");

function asRoot(c: Connection, command: string): string {
  if (!c.become) return `exec ${command}`;
  // sudo's words are read (errors.mts), whatever language the host speaks
  return `exec env LC_ALL=C sudo ${c.become_password ? "-S -p ''" : "-n"} -- ${command}`;
}
