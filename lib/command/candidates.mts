import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { COMPLETIONS } from "./completions.mts";
import { inventories, named, regions } from "./named.mts";
import { playbooks, ROOT } from "./playbooks.mts";

/**
 * What may stand in the place of the last word, which is begun or empty.
 * @param given as typed after `sampan`; nothing is run but a playbook's --help and --list, and no host is touched
 */
export async function candidates(given: readonly string[]): Promise<string[]> {
  const { words, lead } = parted(given);
  const word = words.at(-1) ?? "",
    before = words.at(-2) ?? "",
    playbook = words[0] ?? "";
  const fitting = (all: Iterable<string>): string[] => [...all].filter((c) => c.startsWith(word)).map((c) => lead + c);
  if (words.length < 2) return fitting([...playbooks().keys(), "completion", "help"]);
  if (playbook === "completion") return fitting(Object.keys(COMPLETIONS));
  if (!playbooks().has(playbook)) return [];
  const help = await say(playbook, "--help");
  const flags = flagsIn(help);
  const value = words.length > 2 ? flags.get(before) : undefined;
  if (value) return fitting(await valuesOf(before, value, { playbook, help, word, inventory: inventoryOf(words) }));
  if (word.startsWith("-")) return fitting([...flags.keys()].filter((flag) => flag.startsWith("--") && flag !== "--role"));
  if (words.length === 2) return fitting(verbsIn(help, playbook));
  if (playbook === "lab" && before === "ssh") return fitting(named(join(ROOT, "inventory/lab")).hosts);
  return playbook === "region" && before === "check" ? fitting(regions()) : [];
}

/** `--flag=value` is two words, of which bash makes three. What is found has `lead` before it where it replaces both. */
function parted(words: readonly string[]): { words: readonly string[]; lead: string } {
  if (words.at(-1) === "=") return { words: [...words.slice(0, -1), ""], lead: "" };
  if (words.at(-2) === "=") return { words: [...words.slice(0, -2), words.at(-1)!], lead: "" };
  const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(words.at(-1) ?? "") ?? [];
  return flag === undefined ? { words, lead: "" } : { words: [...words.slice(0, -1), flag, value!], lead: `${flag}=` };
}

/** By name and by letter, what follows the flag, as --help has it; "" when nothing does. */
function flagsIn(help: string): Map<string, string> {
  const flags = new Map<string, string>();
  for (const [, letter, name, value = ""] of help.matchAll(/^ +(?:(-\w), )?(--[\w-]+)(?: (\S+))?(?= |$)/gm)) {
    flags.set(name!, value);
    if (letter) flags.set(letter, value);
  }
  if (flags.has("--tags")) flags.set("--role", flags.get("--tags")!);
  return flags;
}

/** `up|down|status`, `ssh HOST`: the words with which the lines below Usage begin. */
function verbsIn(help: string, playbook: string): string[] {
  const lines = /^Usage:(.+\n)+/m.exec(help)?.[0] ?? "";
  return [...lines.matchAll(new RegExp(`\\b${playbook}(?:\\.mts)? ([a-z|]+)`, "g"))].flatMap((m) => m[1]!.split("|"));
}

function inventoryOf(words: readonly string[]): string {
  const at = words.findLastIndex((w) => /^(-i|--inventory)(=|$)/.test(w));
  if (at < 0) return "inventory/hk";
  const joined = words[at]!.split("=")[1];
  return joined ?? (words[at + 1] === "=" ? words[at + 2] : words[at + 1]) ?? "";
}

interface Typed {
  playbook: string;
  help: string;
  word: string;
  inventory: string;
}

/** What may follow a flag; nothing where it is a file, or where only the user knows. */
async function valuesOf(flag: string, value: string, { playbook, help, word, inventory }: Typed): Promise<string[]> {
  if (value.includes("|")) return value.split("|").filter((one) => /^[a-z]/.test(one));
  switch (flag) {
    case "-i":
    case "--inventory":
      return inventories();
    case "-l":
    case "--limit": {
      const { hosts, groups } = named(inventory);
      return listed(word, [...hosts, ...groups]);
    }
    case "--cluster":
      return named(inventory).clusters;
    case "--fault":
      return (await say(playbook, "--list")).split("\n").map((line) => line.split(" ")[0]!);
  }
  if (value === "ROLE") return /^Roles: (.+)$/m.exec(help)?.[1]?.split(", ") ?? [];
  return value === "HOST" && help.includes("--inventory") ? listed(word, named(inventory).hosts) : [];
}

/** Names after what is there already: `a,b` and `!c` are whole patterns. */
function listed(word: string, names: readonly string[]): string[] {
  const there = /^.*[,:!&]/.exec(word)?.[0] ?? "";
  return names.map((name) => there + name);
}

async function say(playbook: string, flag: "--help" | "--list"): Promise<string> {
  const { stdout } = await promisify(execFile)(join(ROOT, "lib/boot.sh"), [join(ROOT, "playbooks", `${playbook}.mts`), flag]).catch(() => ({ stdout: "" }));
  return stdout;
}
