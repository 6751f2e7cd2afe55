import { basename } from "node:path";
import * as v from "valibot";
import { type Check, runChecks } from "./check.mts";
import { compile, type Draft } from "./compile.mts";
import { connection } from "./connection.mts";
import { readEnv } from "./env.mts";
import { extraVars } from "./extra-vars.mts";
import { locate, readVars, readYaml } from "./files.mts";
import { byPrecedence, membership, readHosts } from "./hosts.mts";
import { fromPlain, type MapNode, merge, nodeAt, type Origin, originAt, type Path, type Plain } from "./node.mts";
import { Problems, place } from "./problems.mts";
import type { Missing } from "./resolve.mts";
import { type Inventory, UsageError } from "./types.mts";

export type { Check, CheckContext } from "./check.mts";
export type { Missing } from "./resolve.mts";

/** Makes the users' credentials that .env lacks, by variable name; called at most once, and only when all else is valid. */
export type Generate = (missing: readonly Missing[]) => Record<string, string>;

export interface LoadOptions {
  /** `-e key=value`: dotted keys, the value is YAML; or `@FILE`; strongest of all */
  extraVars?: readonly string[];
  /** without it an unset credential is an error like any other unset variable */
  generate?: Generate;
}

export interface LoadedInventory<V> extends Inventory<V> {
  /** `file:line:column` of where a value was set, e.g. `originOf("n1", ["kernel_args", "isolcpus"])`; of a default, the host's own line */
  originOf(host: string, path: Path): string;
  /** the scalar as a file or `-e` has it, before `${NAME}` is filled in; undefined for what nobody wrote */
  writtenAt(host: string, path: Path): { at: Origin; source: string } | undefined;
}

/** What the roles bring along. */
export interface Rules<V> {
  entries: v.ObjectEntries;
  /** values below those of the inventory, for what depends on the host's or the region's name */
  hostDefaults(host: string): { [key: string]: Plain };
  regionDefaults(region: string): { [key: string]: Plain };
  checks: readonly Check<V>[];
}

/**
 * Reads and validates an inventory folder; touches no host and, but for `generate`, writes nothing.
 * @throws UsageError with all that is wrong at once, a line each: `file:line:column: what is wrong; what to do`
 */
export function load<V>(
  folder: string,
  { entries, hostDefaults, regionDefaults, checks }: Rules<V>,
  { extraVars: given = [], generate }: LoadOptions = {},
): LoadedInventory<V> {
  const { dir, hostsFile } = locate(folder);
  const region = basename(dir);
  const problems = new Problems(),
    warnings = new Problems();

  const structure = readHosts(readYaml(hostsFile, problems), problems);
  const extra = extraVars(given, v.strictObject({ ...connection, ...entries }), problems);
  const groupVars = readVars(dir, "group", [...structure.groups.keys()], problems, warnings);
  const hostVars = readVars(dir, "host", [...structure.hosts.keys()], problems, warnings);
  const env = readEnv(dir, problems);

  const groups = membership(structure);
  const regional = fromPlain(regionDefaults(region), { file: hostsFile });
  const order = byPrecedence(structure);
  const drafts = [...structure.hosts].map(([name, { at, vars }]): Draft => {
    const own = order.filter((group) => groups.get(group)!.includes(name));
    const bottom = merge(regional, fromPlain(hostDefaults(name), at)) as MapNode;
    // Ansible's order: groups in hosts.yml, group_vars, the host in hosts.yml, host_vars, -e.
    const layers = [...own.map((group) => structure.groups.get(group)!.vars), ...own.map((group) => groupVars.get(group)), vars, hostVars.get(name), extra];
    const tree = layers.reduce<MapNode>((low, high) => (high ? (merge(low, high) as MapNode) : low), bottom);
    return { name, groups: own, base: bottom, tree: { ...tree, at } };
  });

  const missing = new Map<string, Missing>();
  let compiled = compile<V>(drafts, entries, dir, env, generate && missing);
  runChecks(checks, region, compiled);
  problems.addAll(compiled.problems);
  warnings.addAll(compiled.warnings);
  if (problems.size === 0 && generate && missing.size > 0) {
    const made = generate([...missing.values()]);
    compiled = compile<V>(drafts, entries, dir, { ...env, get: (name) => made[name] ?? env.get(name) });
    problems.addAll(compiled.problems);
  }
  if (problems.size > 0) throw new UsageError(problems.lines());
  const { hosts, trees } = compiled;
  return {
    region,
    dir,
    hosts,
    groups,
    warnings: warnings.lines(),
    originOf: (host, path) => place(originAt(trees.get(host)!.tree, path)),
    writtenAt: (host, path) => {
      const node = nodeAt(trees.get(host)!.tree, path);
      return node?.kind === "scalar" && node.at !== nodeAt(trees.get(host)!.base, path)?.at ? { at: node.at, source: node.source } : undefined;
    },
  };
}
