import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { locate, readVars, readYaml } from "../inventory/files.mts";
import { readHosts, type Structure } from "../inventory/hosts.mts";
import { nodeAt } from "../inventory/node.mts";
import { Problems } from "../inventory/problems.mts";

/** Folders with a hosts.yml, as `-i` takes them here. */
export const inventories = (): string[] =>
  existsSync("inventory")
    ? readdirSync("inventory")
        .map((name) => join("inventory", name))
        .filter((dir) => existsSync(join(dir, "hosts.yml")))
    : [];

/** The same as region.mts names them; the lab's are none of its. */
export const regions = (): string[] =>
  inventories()
    .map((dir) => basename(dir))
    .filter((name) => !/^lab(-|$)/.test(name));

/** What an inventory names, read without its .env; nothing where it can't be read: a run tells what is wrong with it. */
export function named(inventory: string): { hosts: string[]; groups: string[]; clusters: string[] } {
  try {
    const { dir, hostsFile } = locate(inventory);
    const structure = readHosts(readYaml(hostsFile, new Problems()), new Problems());
    return { hosts: [...structure.hosts.keys()], groups: [...structure.groups.keys()], clusters: clustersOf(dir, structure) };
  } catch {
    return { hosts: [], groups: [], clusters: [] };
  }
}

function clustersOf(dir: string, { hosts, groups }: Structure): string[] {
  const beside = (["group", "host"] as const).flatMap((noun) => {
    const known = [...(noun === "group" ? groups : hosts).keys()];
    return [...readVars(dir, noun, known, new Problems(), new Problems()).values()];
  });
  const all = [...groups.values(), ...hosts.values()].map(({ vars }) => vars);
  const names = [...all, ...beside].map((vars) => nodeAt(vars, ["cluster", "name"])).flatMap((node) => (node?.kind === "scalar" ? [node.source] : []));
  return [...new Set(names)];
}
