import type { Failure } from "../engine/events.mts";
import type { Connection } from "../inventory/types.mts";
import { quote } from "../sh.mts";
import { isEncrypted } from "./key-file.mts";

/** OpenSSH's words and sudo's → what it means and what to do. First match counts. `all`: their own words add nothing. */
const CAUSES: readonly [RegExp, (c: Connection, found: string | undefined) => [what: string, next: string], all?: "all"][] = [
  [/spawn ssh ENOENT/, () => ["ssh is not installed on this machine", "install OpenSSH's client (on Debian: apt-get install openssh-client)"], "all"],
  // Before the refusal of the login to which it leads.
  [
    /Bad owner or permissions|UNPROTECTED PRIVATE KEY/,
    (c) => [
      `ssh refuses the key file ${c.identity_file ?? ""}: its permissions are too open`,
      `run: chmod 600 ${c.identity_file ? quote(c.identity_file) : "KEY"}`,
    ],
    "all",
  ],
  // With a jump host, ssh's words say which of the hosts it was.
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED(?:[^]*?Host key for (\S+) has changed)?/,
    (c, host = keyName(c)) => [
      `the host key of ${host} has changed: another machine may be answering in its place`,
      `if you know that the host was reinstalled, remove its old key (ssh-keygen -R '${host}' -f ${quote(c.known_hosts)}) and run again with --accept-new-host-keys`,
    ],
    "all",
  ],
  [
    /No \S+ host key is known for (\S+)|Host key verification failed/,
    (c, host = c.address) => [
      `the host key of ${host} is not in ${c.known_hosts}`,
      "compare its fingerprint (on the host's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then run again with --accept-new-host-keys to record it",
    ],
    "all",
  ],
  [
    /(?:^|\n)(\S+@\S+): Permission denied|Permission denied \(/,
    (c, login = `${c.user ?? "(from ssh_config)"}@${c.address}`) =>
      refusedLogin(c, login.slice(0, login.lastIndexOf("@")), login.slice(login.lastIndexOf("@") + 1)),
  ],
  [
    /a password is required|no password was provided|a terminal is required/,
    (c) => [`sudo on ${c.address} asks for a password`, "run again with --ask-become-pass, or allow it without (NOPASSWD) for this user"],
  ],
  [
    /must have a tty/,
    (c) => [`sudo on ${c.address} insists on a terminal (requiretty)`, `allow it without one, in sudoers: Defaults:${c.user ?? "USER"} !requiretty`],
  ],
  [/incorrect password attempt|Sorry, try again/, (c) => [`sudo on ${c.address} refuses the password`, "run again and type the password of the login user"]],
  [
    /is not in the sudoers|may not run sudo/,
    (c) => [`user ${c.user ?? ""} may not use sudo on ${c.address}`, "add the user to sudoers, or log in as root (ssh: { user: root })"],
  ],
  [/sudo: (command )?not found|sudo: No such file/, (c) => [`sudo is not installed on ${c.address}`, "install it, or log in as root and set become: false"]],
  [
    /Bad configuration option: (\S+)/,
    (_, option = "") => [`ssh has no option ${option}`, "correct it under `ssh: { options }` in the inventory, or in your ~/.ssh/config (man ssh_config)"],
  ],
  [
    /(?:ssh\/config|command-line):? line \d+: (.+)/,
    (_, found = "") => [
      `ssh doesn't understand an option: ${found.replace(/\.$/, "")}`,
      "correct it under `ssh: { options }` in the inventory, or in your ~/.ssh/config (man ssh_config)",
    ],
  ],
  [/Could not resolve hostname/, (c) => [`the name ${c.address} can't be resolved`, "check `address` in hosts.yml"]],
  [/Connection refused/, (c) => [`nothing listens on ${c.address} port ${c.port ?? 22}`, "check that sshd runs there and that `ssh: { port }` is right"]],
  [/No route to host|Network is unreachable/, (c) => [`there is no route to ${c.address}`, "check the address, the network and the host's firewall"]],
  [
    /timed out|Timeout, server/i,
    (c) => [`${c.address} doesn't answer`, "check that the host is up and that a firewall lets port " + (c.port ?? 22) + " through"],
  ],
  [
    /Connection (reset|closed)|kex_exchange_identification|Broken pipe/,
    (c) => [`${c.address} closed the connection`, "look at sshd's log on the host (journalctl -u ssh), then run again"],
  ],
];

function refusedLogin({ identity_file: key, address, port }: Connection, user: string, host: string): [what: string, next: string] {
  const what = `${host} refuses the login of user ${user}`;
  if (!key)
    return [
      what,
      "check `ssh:` user and identity_file in the inventory, and that your public key is in the host's authorized_keys; an encrypted key must be in ssh-agent",
    ];
  if (isEncrypted(key))
    return [
      `${what}: the key ${key} is encrypted, so that ssh-agent must hold it`,
      `run: ssh-add ${quote(key)} (where no agent runs, first: eval "$(ssh-agent)"); if the agent has it, see that its public key is in the host's authorized_keys`,
    ];
  const at = host === address && port && port !== 22 ? `-p ${port} ` : "";
  return [
    `${what} with the key ${key}`,
    `put its public key into the host's authorized_keys (ssh-copy-id ${at}-i ${quote(key)} ${user}@${host}), or correct \`ssh:\` user and identity_file in the inventory`,
  ];
}

const keyName = (c: Connection): string => (c.port && c.port !== 22 ? `[${c.address}]:${c.port}` : c.address);

/** Explains why a connection could not be made or was lost. */
export function explain(c: Connection, stderr: string, exit: number | null): Failure {
  const output = stderr.trim().split("\n").slice(-6).join("\n");
  for (const [pattern, say, all] of CAUSES) {
    const found = pattern.exec(stderr);
    if (found) {
      const [what, next] = say(c, found[1]);
      return all ? { what, next } : { what, next, output };
    }
  }
  // Of all its reasons only a lack of keepalives is none of ssh's errors, so that it says nothing.
  if (exit === 255 && !output) {
    return {
      what: `${c.address} doesn't answer any more: the connection was given up`,
      next: "look at the host and the network, then run again: what was done is kept",
    };
  }
  const told = exit === null ? "was killed" : `ended with status ${exit}`;
  return { what: `the ssh connection to ${c.address} ${told}`, output, next: `try by hand: ssh ${c.user ? `${c.user}@` : ""}${c.address} true` };
}
