import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../inventory/types.mts";
import { hostKeyArgv } from "./argv.mts";

/** A line of known_hosts. */
export interface HostKey {
  /** as ssh wrote it: `address`, or `[address]:port` */
  host: string;
  /** `ED25519` */
  type: string;
  /** `SHA256:…`, as ssh-keygen -l prints it */
  fingerprint: string;
  line: string;
}

/**
 * Asks a host, and the jump hosts on the way, for their keys, and has ssh write them into the connection's known_hosts. Nobody is
 * logged in at the host: it is left when it asks who we are.
 * @returns the keys; none for the host itself when it couldn't be reached, and then what ssh said and its exit status
 */
export async function askHostKey(c: Connection): Promise<{ keys: HostKey[]; own: HostKey | undefined; stderr: string; exit: number | null }> {
  const child = spawn("ssh", hostKeyArgv(c), { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (d: Buffer) => {
    stderr += d.toString();
  });
  const [exit] = (await once(child, "close")) as [number | null];
  const keys = hostKeys(c.known_hosts);
  return { keys, own: ownKey(keys, c), stderr, exit };
}

/** The key of the host itself. */
export function ownKey(keys: readonly HostKey[], c: Connection): HostKey | undefined {
  const address = c.address.toLowerCase();
  return keys.find((k) => k.host === address || k.host === `[${address}]:${c.port ?? 22}`) ?? (c.proxy_jump ? undefined : keys.find((k) => k.host === ""));
}

/** What a known_hosts file has; none when there is no such file. Names that ssh has hashed are empty. */
export function hostKeys(path: string): HostKey[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [names = "", type = "", key = ""] = line.replace(/^@\S+\s+/, "").split(/\s+/);
    if (!key || names.startsWith("#")) return [];
    const fingerprint = `SHA256:${createHash("sha256").update(Buffer.from(key, "base64")).digest("base64").replace(/=+$/, "")}`;
    const short = type
      .replace(/^(ssh-|ecdsa-sha2-|sk-)/, "")
      .replace(/^nistp.*/, "ecdsa")
      .toUpperCase();
    return names.split(",").map((host) => ({ host: host.startsWith("|") ? "" : host, type: short, fingerprint, line }));
  });
}

/** A known_hosts file for each host that lasts as long as the work: keys can be asked for without any being recorded. */
export async function withOwnFile<T>(work: (file: (host: string) => string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "sampan-keys-"));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  process.on("exit", remove);
  try {
    return await work((host) => join(dir, host));
  } finally {
    remove();
    process.off("exit", remove);
  }
}
