import fc from "fast-check";
import t from "tap";
import { stringify } from "yaml";
import { inner } from "../../lib/inventory/schema.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { loadInventory } from "../../roles/inventory.mts";
import { schema } from "../../roles/schema.mts";
import { generate, HOSTS, withInventory } from "./fixture.mts";

/** Whatever is written into an inventory, it loads, or all that comes is lines of the form `place: what; what to do`. */
function survives(files: Record<string, string>, extraVars: string[] = []): void {
  withInventory({ "hosts.yml": HOSTS, ...files }, (dir) => {
    try {
      loadInventory(dir, { generate, extraVars });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      for (const line of error.lines) if (!/^[^\n]+: [^\n]+[;?][^\n]*$/.test(line)) throw new Error(`no clear line: ${line}`);
    }
  });
}

const numRuns = 60;
const scraps = fc.constantFrom(
  "a",
  "port",
  "nats",
  "hosts",
  ":",
  ": ",
  "- ",
  "  ",
  "\n",
  "\t",
  "[",
  "]",
  "{",
  "}",
  '"',
  "'",
  "#",
  "&a ",
  "*a",
  "!x ",
  "|",
  ">",
  "---",
  "...",
  "? ",
  "%YAML",
  "<<",
  "\r\n",
  "\uFEFF",
  "\0",
  "${",
  "${A}",
  "~",
  "1e9",
  "0x1",
  ".inf",
  "😀",
);
const text = fc.array(scraps, { maxLength: 30 }).map((parts) => parts.join(""));

t.test("scraps of YAML", async (t) =>
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(text, text, text, (hosts, group, host) => survives({ "hosts.yml": hosts, "group_vars/all.yml": group, "host_vars/n1.yml": host })),
      { numRuns },
    ),
  ),
);
t.test("scraps of variables", async (t) =>
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(text, text, (env, value) => survives({ ".env": env }, [`port=${value}`, value])),
      { numRuns },
    ),
  ),
);

// Values of every kind at every key of the schema.
const keys = (of: unknown): string[] => {
  const view = inner(of);
  return Object.keys(view.entries ?? (view.item ? (inner(view.item).entries ?? {}) : {}));
};
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      -1,
      1,
      1.5,
      2 ** 60,
      "",
      "a",
      "a.>",
      "10GB",
      "30s",
      "2-7",
      "/data",
      "${X}",
      "off",
      "explicit",
      "2.15.1",
      "2.9.10",
      "SYS",
    ),
    fc.string({ maxLength: 8 }),
  ),
  list: fc.array(tie("node"), { maxLength: 3 }),
  map: fc.dictionary(
    fc.constantFrom(...new Set([...keys(schema), ...Object.values(schema.entries).flatMap(keys), "consumers", "durable_name", "ack_wait", "__proto__"])),
    tie("node"),
    { maxKeys: 4 },
  ),
  node: fc.oneof({ depthSize: "small" }, tie("leaf"), tie("list"), tie("map")),
})).node;
const vars = fc.dictionary(fc.constantFrom(...keys(schema)), value, { maxKeys: 6 });
t.test("any value at any key", async (t) =>
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(vars, vars, (group, host) => survives({ "group_vars/all.yml": stringify(group), "host_vars/n2.yml": stringify(host) })),
      { numRuns: 120 },
    ),
  ),
);

const group = fc.letrec((tie) => ({
  body: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.record({ hosts: tie("names"), children: tie("groups"), vars: fc.constantFrom({}, null, 1) }, { requiredKeys: [] }),
  ),
  groups: fc.dictionary(fc.constantFrom("a", "b", "c", "all", "n1"), tie("body"), { maxKeys: 3 }),
  names: fc.dictionary(fc.constantFrom("n1", "n2", "a", "bad name"), fc.constantFrom(null, {}, 1), { maxKeys: 3 }),
})).groups;
t.test("any tree of groups", async (t) =>
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(group, (tree) => survives({ "hosts.yml": stringify(tree) })),
      { numRuns },
    ),
  ),
);
