import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "../lab/fixture.mts";

/** What a playbook says of itself with --help. */
export interface Help {
  text: string;
  /** by name and by letter, with dashes: whether a value follows */
  flags: ReadonlyMap<string, boolean>;
}

/** demo.mts takes no arguments, and would begin. */
const WITHOUT_HELP = ["demo"];

export const playbooks: readonly string[] = readdirSync(join(root, "playbooks"))
  .filter((f) => f.endsWith(".mts"))
  .map((f) => basename(f, ".mts"));

const known = new Map<string, Help>();

export function helpOf(playbook: string): Help {
  const before = known.get(playbook);
  if (before) return before;
  const text = WITHOUT_HELP.includes(playbook) ? "" : run(playbook, "--help").stdout;
  const flags = new Map<string, boolean>();
  for (const [, short, name, value] of text.matchAll(/^ {2,}(?:(-\w), +)?(--[a-z][\w-]*)(?: ([A-Z][^ ]*|[a-z]+=\S+|[a-z]+(?:\|[a-z]+)+))?(?: |$)/gm)) {
    flags.set(name!, value !== undefined);
    if (short) flags.set(short, value !== undefined);
  }
  if (flags.has("--tags")) flags.set("--role", true);
  const help = { text, flags };
  known.set(playbook, help);
  return help;
}

/** A playbook as it is typed, from the root. */
export function run(playbook: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const file = join(root, "playbooks", `${playbook}.mts`);
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  return spawnSync(file, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
}
