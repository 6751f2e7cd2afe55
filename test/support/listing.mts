import { spawnSync } from "node:child_process";
import type { Site } from "./site.mts";

/** What logs, sessions and the passing of time change. */
const RESTLESS = [
  "/var/log/journal",
  "/var/log/wtmp",
  "/var/log/lastlog",
  "/var/log/btmp",
  "/run/utmp",
  "/run/motd.dynamic",
  "/run/systemd",
  "/run/log/journal",
  "/var/lib/systemd/timers",
];

/** Every file of a host as a line of text: type, mode, owner, size, and when it changed. */
export async function listing(site: Site, host: string): Promise<string[]> {
  // A first login makes files of its own.
  spawnSync("ssh", [...(await site.lab.sshArgs(host)), "true"]);
  const prune = RESTLESS.map((p) => `-path ${p}`).join(" -o ");
  const text = await site.sh(
    host,
    `find / /run /tmp -xdev \\( ${prune} \\) -prune -o -type d -printf '%p/ %m %u:%g %T@\\n' -o -printf '%p %y %m %u:%g %s %T@ %C@\\n' | sort -u`,
  );
  // Each login writes its message of the day, so /run itself is always new; what lies in it is listed.
  return text.split("\n").filter((line) => !line.startsWith("/run/ "));
}

/** What differs between two listings; empty when nothing does. */
export const differences = (before: readonly string[], after: readonly string[]): string[] => [
  ...before.filter((l) => !after.includes(l)).map((l) => `- ${l}`),
  ...after.filter((l) => !before.includes(l)).map((l) => `+ ${l}`),
];
