import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { stringify } from "yaml";
import { keyDocs } from "../../lib/inventory/docs.mts";
import { loadInventory } from "../../roles/inventory.mts";
import { PAGE, page } from "../../roles/inventory-docs.mts";
import { schema } from "../../roles/schema.mts";
import { faults, generate, HOSTS, withInventory } from "./fixture.mts";

t.test("docs/inventory.md is what the schema says", async (t) => t.equal(readFileSync(PAGE, "utf8"), page(), "run: npm run docs"));

t.test("every key has its meaning", async (t) =>
  t.strictSame(
    keyDocs(schema.entries)
      .filter(({ description }) => description === "")
      .map(({ key }) => key),
    [],
  ),
);

const ENV = "NATS_NODE_1_ADDRESS=10.0.0.1\nNATS_NODE_2_ADDRESS=10.0.0.2\nNATS_NODE_3_ADDRESS=10.0.0.3\nNATS_READER_PASSWORD=secret\n";
t.test("its example is a valid inventory without warnings", async (t) => {
  const blocks = [...page().matchAll(/```yaml\n# (\S+)\n([^]*?)```/g)].map(([, file, text]) => [file!, text!] as const);
  t.strictSame(
    blocks.map(([file]) => file),
    ["hosts.yml", "group_vars/nats.yml"],
  );
  withInventory({ ...Object.fromEntries(blocks), ".env": ENV }, (dir) => t.strictSame(loadInventory(dir, { generate }).warnings, []));
});

t.test("so is the least that works", async (t) => {
  const [, least] = /\*\*The least that works\*\*[^]*?```yaml\n([^]*?)```/.exec(page()) ?? [];
  withInventory({ "hosts.yml": least! }, (dir) => t.strictSame(loadInventory(dir, { generate }).warnings, []));
});

const hk = (name: string): string => readFileSync(join(import.meta.dirname, "../../inventory/hk", name), "utf8");
t.test("inventory/hk is valid without warnings once its addresses are known", async (t) => {
  const env = hk(".env.example").replaceAll(/^(NATS_NODE_(\d)_ADDRESS=)$/gm, "$110.0.0.$2");
  withInventory({ ...Object.fromEntries(["hosts.yml", "group_vars/all.yml", "group_vars/nats.yml"].map((name) => [name, hk(name)])), ".env": env }, (dir) => {
    const { hosts, warnings } = loadInventory(dir, { generate });
    t.strictSame(warnings, []);
    t.match(
      hosts.map(({ vars }) => [vars.server_name, vars.port, vars.cluster]),
      [1, 2, 3].map((n) => [`nats-node-${n}`, 4222, { name: "nats-cluster-hk", port: 6222 }]),
    );
  });
});

t.test("each default that the schema shows is valid when written out", async (t) => {
  const written: Record<string, unknown> = {};
  for (const { key, default: standard } of keyDocs(schema.entries)) {
    const [, value] = /^`(.+)`$/.exec(standard) ?? [];
    if (value === undefined || /[[{]/.test(key + value)) continue;
    const path = key.split(".");
    let at = written;
    for (const word of path.slice(0, -1)) at = (at[word] ??= {}) as Record<string, unknown>;
    at[path.at(-1)!] = /^\d+$/.test(value) ? Number(value) : value === "true" ? true : value === "false" ? false : value;
  }
  t.ok(Object.keys(written).length > 20);
  t.strictSame(faults({ "hosts.yml": HOSTS, "group_vars/all.yml": stringify(written) }), []);
});
