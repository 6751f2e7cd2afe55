import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const ABOUT = "sampan turns bare Linux servers into a verified NATS cluster, over plain SSH, and keeps it as the inventory says.";

/** What one begins with stands first. */
const FIRST = ["demo", "lab", "region", "site", "verify", "status"];

/** The playbooks by name with what each does: its `about`, read and not run. */
export function playbooks(): Map<string, string> {
  const folder = join(ROOT, "playbooks");
  const names = readdirSync(folder)
    .filter((f) => f.endsWith(".mts"))
    .map((f) => basename(f, ".mts"));
  const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return new Map(
    names
      .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map((name) => [name, /\babout:\s*"([^"]+)"/.exec(readFileSync(join(folder, `${name}.mts`), "utf8"))?.[1] ?? ""]),
  );
}
