import { join } from "node:path";
import * as v from "valibot";
import { connection as connectionEntries } from "./connection.mts";
import type { Env } from "./env.mts";
import { parseHost } from "./host.mts";
import type { MapNode, Node, Path } from "./node.mts";
import { Problems } from "./problems.mts";
import { type Missing, resolve } from "./resolve.mts";
import type { Connection, Host } from "./types.mts";

/** A host whose layers are merged, but nothing is checked yet. `base` are the values below all layers. */
export interface Draft {
  name: string;
  groups: readonly string[];
  tree: MapNode;
  base: MapNode;
}

export interface Compiled<V> {
  /** those that could be read */
  hosts: Host<V>[];
  /** of every host: the trees for places, and the paths whose value is bad */
  trees: Map<string, { tree: Node; base: Node; bad: readonly Path[] }>;
  problems: Problems;
  warnings: Problems;
}

/**
 * Fills in the variables and validates every host.
 * @param missing takes the unset variables of users' credentials; without it they are errors like all others
 */
export function compile<V>(drafts: readonly Draft[], entries: v.ObjectEntries, dir: string, env: Env, missing?: Map<string, Missing>): Compiled<V> {
  const schema = v.strictObject({ ...connectionEntries, ...entries });
  const compiled: Compiled<V> = { hosts: [], trees: new Map(), problems: new Problems(), warnings: new Problems() };
  const { problems, warnings } = compiled;
  for (const { name, groups, tree, base } of drafts) {
    const unknown: Path[] = [];
    const context = { dir, host: name, env, problems, warnings, missing, bad: unknown };
    const filled = resolve(tree, schema, context);
    // What is wrong with a default nobody uses isn't worth a word.
    const defaults = (): Node => resolve(base, schema, { ...context, problems: new Problems(), warnings: new Problems(), missing: new Map(), bad: [] });
    const { output, faults, bad } = parseHost(filled, defaults, schema, unknown);
    for (const { at, text } of faults) problems.add(at, text);
    compiled.trees.set(name, { tree: filled, base, bad });
    if (output) compiled.hosts.push(split<V>(name, groups, output as Whole, dir));
  }
  return compiled;
}

type Whole = v.InferOutput<v.StrictObjectSchema<typeof connectionEntries, undefined>> & Record<string, unknown>;

/** The connection's keys go into the connection, the roles' into the variables. */
function split<V>(name: string, groups: readonly string[], { address, ssh, become, become_password, ...vars }: Whole, dir: string): Host<V> {
  const { user, port, identity_file, proxy_jump, connect_timeout, options } = ssh;
  const connection: Connection = {
    address,
    user,
    port,
    identity_file,
    proxy_jump,
    become,
    become_password,
    options: { ConnectTimeout: String(connect_timeout), ...options },
    known_hosts: join(dir, "known_hosts"),
  };
  return { name, groups, connection, vars: vars as V };
}
