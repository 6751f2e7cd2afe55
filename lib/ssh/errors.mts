import type { Failure } from "../engine/events.mts";
import type { Connection } from "../inventory/types.mts";
import { quote } from "../sh.mts";
import { isEncrypted } from "./key-file.mts";

/** OpenSSH's words and sudo's → what it means and what to do. First match counts. */
const CAUSES: readonly [RegExp, (c: Connection, found: string | undefined) => [what: string, next: string]][] = [
  // With a jump host, ssh's words say which of the hosts it was.
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED(?:[^]*?Host key for (\S+) has changed)?/,
    (c, host = keyName(c)) => [
      `the host key of ${host} has changed: another machine may be answering in its place`,
      `if you know that the host was reinstalled, remove its old key (ssh-keygen -R '${host}' -f ${c.known_hosts}) and run again with --accept-new-host-keys`,
    ],
  ],
  [
    /No \S+ host key is known for (\S+)|Host key verification failed/,
    (c, host = c.address) => [
      `the host key of ${host} is not in ${c.known_hosts}`,
      "compare the host's fingerprint, then run again with --accept-new-host-keys to record it",
    ],
  ],
  [
    /(?:^|\n)(\S+@\S+): Permission denied|Permission denied \(/,
    (c, login = `${c.user ?? "(from ssh_config)"}@${c.address}`) =>
      c.identity_file && isEncrypted(c.identity_file)
        ? [
            `${login.slice(login.lastIndexOf("@") + 1)} refuses the login of user ${login.slice(0, login.lastIndexOf("@"))}: the key ${c.identity_file} is encrypted, so that ssh-agent must hold it`,
            `run: ssh-add ${quote(c.identity_file)} (where no agent runs, first: eval "$(ssh-agent)"); if the agent has it, see that its public key is in the host's authorized_keys`,
          ]
        : [
            `${login.slice(login.lastIndexOf("@") + 1)} refuses the login of user ${login.slice(0, login.lastIndexOf("@"))}`,
            `check \`ssh:\` user and identity_file in the inventory, and that the public key is in the host's authorized_keys; an encrypted key must be in ssh-agent`,
          ],
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
  [
    /Bad owner or permissions|UNPROTECTED PRIVATE KEY/,
    (c) => [`ssh refuses the key file ${c.identity_file ?? ""}: its permissions are too open`, `run: chmod 600 ${c.identity_file ?? "KEY"}`],
  ],
];

const keyName = (c: Connection): string => (c.port && c.port !== 22 ? `[${c.address}]:${c.port}` : c.address);

/** Explains why a connection could not be made or was lost. */
export function explain(c: Connection, stderr: string, exit: number | null): Failure {
  const output = stderr.trim().split("\n").slice(-6).join("\n");
  for (const [pattern, say] of CAUSES) {
    const found = pattern.exec(stderr);
    if (found) {
      const [what, next] = say(c, found[1]);
      return { what, next, output };
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
