import { readFileSync, readlinkSync } from "node:fs";
import { quote } from "../sh.mts";

/**
 * This process among all processes of all machines: boot, PID namespace, PID. It stands beside a host's lock, so that a run whose
 * host never heard of its end (a link that stayed down) can be told from one that lives. Empty where /proc doesn't say.
 */
const PLACE = place();
export const ORIGIN = PLACE && `${PLACE}/${process.pid}`;

/** Whether the process of an origin has certainly ended: it was one of this machine, and there is none of its number. */
export function hasEnded(origin: string): boolean {
  const [where, pid] = [origin.slice(0, origin.lastIndexOf("/")), Number(origin.slice(origin.lastIndexOf("/") + 1))];
  if (!PLACE || where !== PLACE || !(pid > 1)) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Shell text that takes the host's lock; `ended` is the origin of a run whose shell is to be ended first. */
export const lockText = (holder: string, ended = ""): string => `[ "$(id -u)" != 0 ] || sp_lock ${quote(holder)} ${quote(ORIGIN)} ${quote(ended)}\n`;

function place(): string {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}
