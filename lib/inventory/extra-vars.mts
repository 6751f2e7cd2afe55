import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { readYaml } from "./files.mts";
import { type MapNode, merge, type Node } from "./node.mts";
import type { Problems } from "./problems.mts";
import { splitKey } from "./schema.mts";
import { parseValue } from "./yaml.mts";

/** Reads `-e key=value`, repeatable: `-e port=4333 -e jetstream.max_file=20GB -e sysctl.vm.swappiness=5`; values are YAML. Or a file of such keys: `-e @peak.yml`. */
export function extraVars(given: readonly string[], schema: unknown, problems: Problems): MapNode | undefined {
  let all: Node | undefined;
  for (const text of given) {
    const at = { file: `-e ${text.replaceAll(/[\r\n]+/g, " ")}` };
    if (text.startsWith("@")) {
      const file = resolve(text.slice(1));
      if (!existsSync(file)) problems.add(at, "no such file; name one of variables, as in group_vars");
      else {
        const tree = readYaml(file, problems);
        all = all ? merge(all, tree) : tree;
      }
      continue;
    }
    const [, key, value] = /^([^=\s]+)=([^]*)$/.exec(text) ?? [];
    if (key === undefined || value === undefined || key.split(".").includes("")) {
      problems.add(at, "is not of the form key=value or @FILE; write for example -e nats_version=2.15.1");
      continue;
    }
    const before = problems.size;
    const parsed = parseValue(value, at, problems);
    if (problems.size > before) continue;
    const node = parsed ?? { kind: "scalar", at, value: null, source: "" };
    const tree = splitKey(schema, key).reduceRight<Node>((child, word) => ({ kind: "map", at, entries: new Map([[word, { at, node: child }]]) }), node);
    if (["__proto__", "constructor", "prototype"].some((word) => key.split(".").includes(word))) problems.add(at, "this key can't be set; rename it");
    else all = all ? merge(all, tree) : tree;
  }
  return all as MapNode | undefined;
}
