import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What may be thrown away and made again: root file systems, binaries, the disks of lab hosts. */
export const cacheDir = (): string => resolve(process.env["SAMPAN_CACHE"] || join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "sampan"));

/** What is true until the machine restarts (namespaces, bridges), and the locks. One per machine, whatever the cache is. */
export const runtimeDir = "/run/sampan-lab";

const inventoryRoot = fileURLToPath(new URL("../../inventory/", import.meta.url));

export const inventoryDir = (region: string): string => join(inventoryRoot, region === "default" ? "lab" : `lab-${region}`);
