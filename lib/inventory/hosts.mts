import { emptyMap, type MapNode, merge, type Node, type Origin } from "./node.mts";
import type { Problems } from "./problems.mts";
import { nearest } from "./suggest.mts";

export interface Group {
  vars: MapNode;
  hosts: Set<string>;
  children: Set<string>;
  at: Origin;
}
export interface Structure {
  /** in the order of hosts.yml, with the place of their names and the variables written there */
  hosts: Map<string, { at: Origin; vars: MapNode }>;
  groups: Map<string, Group>;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/;

/** Reads Ansible's YAML inventory: groups (also `all`) with `hosts`, `children` and `vars`. */
export function readHosts(root: MapNode, problems: Problems): Structure {
  const structure: Structure = { hosts: new Map(), groups: new Map([["all", newGroup(root.at)]]) };
  for (const [name, { at, node }] of root.entries)
    if (["hosts", "children", "vars"].includes(name)) problems.add(at, `"${name}" stands where a group's name belongs; put it under one, for example all:`);
    else readGroup(structure, name, at, node, problems);
  refuseCycles(structure, problems);
  if (structure.hosts.size === 0 && problems.size === 0) problems.add(root.at, "names no hosts; add them under a group's hosts:, each followed by a colon");
  for (const [name, { at }] of structure.hosts) if (structure.groups.has(name)) problems.add(at, `host "${name}" has the name of a group; rename one of them`);
  return structure;
}

const newGroup = (at: Origin): Group => ({ vars: emptyMap(at), hosts: new Set(), children: new Set(), at });

function readGroup(structure: Structure, name: string, at: Origin, node: Node, problems: Problems): void {
  if (!NAME.test(name)) return problems.add(at, `"${name}" can't be a group's name; write letters, digits, _ and -`);
  const group = structure.groups.get(name) ?? newGroup(at);
  structure.groups.set(name, group);
  if (isEmpty(node)) return;
  if (node.kind !== "map") return problems.add(node.at, `group "${name}" is not a mapping; write hosts:, children: or vars: below it, indented`);
  for (const [key, entry] of node.entries) {
    if (key !== "hosts" && key !== "children" && key !== "vars") {
      const guess = nearest(key, ["hosts", "children", "vars"]);
      problems.add(entry.at, `unknown key "${key}" in group "${name}"; ${guess ? `did you mean "${guess}"?` : "a group has hosts, children and vars"}`);
    } else if (isEmpty(entry.node)) continue;
    else if (entry.node.kind !== "map") {
      problems.add(
        entry.node.at,
        `${key} of group "${name}" is not a mapping; write ${key === "vars" ? "key: value lines" : "each name on its own line, followed by a colon"}`,
      );
    } else if (key === "vars") group.vars = merge(group.vars, entry.node) as MapNode;
    else if (key === "hosts") for (const [host, child] of entry.node.entries) addHost(structure, group, host, child.at, child.node, problems);
    else
      for (const [child, { at: place, node: body }] of entry.node.entries) {
        if (child === "all") {
          problems.add(place, `"all" holds every group and can't be a child; remove it`);
          continue;
        }
        group.children.add(child);
        readGroup(structure, child, place, body, problems);
      }
  }
}

const isEmpty = (node: Node): boolean => node.kind === "scalar" && node.value === null;

function addHost(structure: Structure, group: Group, name: string, at: Origin, node: Node, problems: Problems): void {
  if (/\[.*:.*\]/.test(name)) return problems.add(at, `"${name}": ranges are not supported; write each host on its own line`);
  if (!NAME.test(name)) return problems.add(at, `"${name}" can't be a host's name; write letters, digits, . _ and -`);
  group.hosts.add(name);
  const known = structure.hosts.get(name) ?? { at, vars: emptyMap(at) };
  structure.hosts.set(name, known);
  if (isEmpty(node)) return;
  if (node.kind !== "map") return problems.add(node.at, `host "${name}" is not a mapping; write its variables below it, indented, or nothing`);
  known.vars = merge(known.vars, node) as MapNode;
}

/** Each edge that closes a circle is a problem, and is cut, so that what follows comes to an end. */
function refuseCycles({ groups }: Structure, problems: Problems): void {
  const open = new Set<string>(),
    done = new Set<string>();
  const visit = (name: string): void => {
    const group = groups.get(name)!;
    open.add(name);
    for (const child of [...group.children]) {
      if (open.has(child)) {
        problems.add(
          group.at,
          child === name
            ? `group "${name}" is its own child; remove it from children:`
            : `group "${name}" has its own ancestor "${child}" as a child; remove it from children:`,
        );
        group.children.delete(child);
      } else if (!done.has(child)) visit(child);
    }
    open.delete(name);
    done.add(name);
  };
  for (const name of groups.keys()) if (!done.has(name)) visit(name);
}

/** Every group with its hosts, also those of its children; in the order of hosts.yml. */
export function membership({ hosts, groups }: Structure): Map<string, readonly string[]> {
  const members = new Map<string, Set<string>>();
  const of = (name: string): Set<string> => {
    const known = members.get(name);
    if (known) return known;
    const group = groups.get(name)!;
    const set = new Set(group.hosts);
    members.set(name, set);
    for (const child of group.children) for (const host of of(child)) set.add(host);
    return set;
  };
  const order = [...hosts.keys()];
  return new Map([...groups.keys()].map((name) => [name, order.filter((host) => name === "all" || of(name).has(host))]));
}

/** Groups from the weakest variables to the strongest: `all`, then by depth (parents before children), then by name, as Ansible does. */
export function byPrecedence({ groups }: Structure): string[] {
  const depth = new Map<string, number>();
  const sink = (name: string, level: number): void => {
    if ((depth.get(name) ?? -1) >= level) return;
    depth.set(name, level);
    for (const child of groups.get(name)!.children) sink(child, level + 1);
  };
  for (const name of groups.keys()) sink(name, name === "all" ? 0 : 1);
  return [...groups.keys()].sort((a, b) => (a === "all" ? -1 : b === "all" ? 1 : depth.get(a)! - depth.get(b)! || (a < b ? -1 : 1)));
}
