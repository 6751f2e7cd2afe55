import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { locate, readYaml } from "../inventory/files.mts";
import { readHosts } from "../inventory/hosts.mts";
import { Problems } from "../inventory/problems.mts";
import { COMPLETIONS } from "./completions.mts";
import { playbooks, ROOT } from "./playbooks.mts";

/**
 * What may stand in the place of the last word, which is begun or empty.
 * @param words as typed after `sampan`; nothing is run but a playbook's --help, and no host is touched
 */
export async function candidates(words: readonly string[]): Promise<string[]> {
  const word = words.at(-1) ?? "",
    before = words.at(-2) ?? "",
    playbook = words[0] ?? "";
  const fitting = (all: Iterable<string>): string[] => [...all].filter((c) => c.startsWith(word));
  if (words.length < 2) return fitting([...playbooks().keys(), "completion", "help"]);
  if (playbook === "completion") return fitting(Object.keys(COMPLETIONS));
  if (!playbooks().has(playbook)) return [];
  if (before === "-i" || before === "--inventory") return fitting(inventories());
  if (before === "-l" || before === "--limit") return limits(word, inventoryOf(words));
  const help = await helpOf(playbook);
  if (["-t", "--tags", "--role"].includes(before)) return fitting(/^Roles: (.+)$/m.exec(help)?.[1]?.split(", ") ?? []);
  return word.startsWith("-") ? fitting(flagsIn(help)) : [];
}

const flagsIn = (help: string): string[] => [...help.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map((m) => m[1]!);

/** Folders with a hosts.yml, as `-i` takes them here. */
const inventories = (): string[] =>
  existsSync("inventory")
    ? readdirSync("inventory")
        .map((name) => join("inventory", name))
        .filter((dir) => existsSync(join(dir, "hosts.yml")))
    : [];

function inventoryOf(words: readonly string[]): string {
  const at = words.findLastIndex((w) => w === "-i" || w === "--inventory");
  return at < 0 ? "inventory/hk" : (words[at + 1] ?? "");
}

/** Hosts and groups after what is there already: `a,b` and `!c` are whole patterns. */
function limits(word: string, inventory: string): string[] {
  const [, there = "", begun = ""] = /^(.*[,:!&])?([^,:!&]*)$/.exec(word) ?? [];
  try {
    const { hosts, groups } = readHosts(readYaml(locate(inventory).hostsFile, new Problems()), new Problems());
    return [...hosts.keys(), ...groups.keys()].filter((name) => name.startsWith(begun)).map((name) => there + name);
  } catch {
    return []; // a run tells what is wrong with it
  }
}

async function helpOf(playbook: string): Promise<string> {
  const { stdout } = await promisify(execFile)(join(ROOT, "lib/boot.sh"), [join(ROOT, "playbooks", `${playbook}.mts`), "--help"]).catch(() => ({ stdout: "" }));
  return stdout;
}
