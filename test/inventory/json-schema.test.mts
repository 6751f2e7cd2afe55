import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import t from "tap";
import { parse } from "yaml";
import { folder, SCHEMAS } from "../../roles/schema-docs.mts";
import { root } from "../lab/fixture.mts";

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const validators = Object.fromEntries(Object.entries(SCHEMAS).map(([name, text]) => [name, ajv.compile(JSON.parse(text))]));
/** What an editor would underline. */
function faults(schema: "hosts.json" | "vars.json", yaml: string): string[] {
  const validate = validators[schema]!;
  validate(parse(yaml));
  return (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message}${e.params["additionalProperty"] ? ` ${e.params["additionalProperty"]}` : ""}`);
}

t.test("schema/ is what the roles' schema says", async (t) => {
  for (const [name, text] of Object.entries(SCHEMAS)) t.equal(readFileSync(join(folder, name), "utf8"), text, "run: npm run docs");
});

t.test("the inventories of this repository are right, and name their schema", async (t) => {
  for (const region of readdirSync(join(root, "inventory")).filter((r) => !r.startsWith("lab")))
    for (const file of ["hosts.yml", ...readdirSync(join(root, "inventory", region, "group_vars")).map((f) => `group_vars/${f}`)]) {
      const text = readFileSync(join(root, "inventory", region, file), "utf8");
      const [, schema = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
      const name = file === "hosts.yml" ? "hosts.json" : "vars.json";
      t.equal(join(root, "inventory", region, file, "..", schema), join(folder, name), `${region}/${file}`);
      t.same(faults(name, text), []);
    }
});

t.test("docs/inventory.md's example and Ansible's forms are right", async (t) => {
  const [hosts, vars] = [...readFileSync(join(root, "docs/inventory.head.md"), "utf8").matchAll(/```yaml\n(# (?:hosts\.yml|group_vars)[^]*?)```/g)].map(
    (m) => m[1]!,
  );
  t.same(faults("hosts.json", hosts!), []);
  t.same(faults("vars.json", vars!), []);
  t.same(faults("hosts.json", "all:\n  children:\n    nats: { hosts: { n1:, n2: { address: '${A}', port: '${P}' } } }\n    empty:\n  vars:\n"), []);
  t.same(faults("vars.json", "port: '4222'\nverify: { rate: '${RATE}' }\ncpus: 2\nsysctl: { vm.swappiness: null, net.core.somaxconn: 4096 }\n"), []);
});

for (const [yaml, said] of [
  ["max_paylod: 1MB", "must NOT have additional properties max_paylod"],
  ["port: many", "/port must"],
  ["port: 70000", "/port must be <= 65535"],
  ["jetstream: { enabled: yes please }", "/jetstream/enabled must be boolean"],
  ["cluster: { compression: fast }", "/cluster/compression must be equal to one of the allowed values"],
  ["streams: [{ subjects: [a] }]", "/streams/0 must have required property 'name'"],
  ["streams: [{ name: A, subject: a }]", "/streams/0 must NOT have additional properties subject"],
] as const)
  t.test(`refused: ${yaml}`, async (t) => {
    t.ok(
      faults("vars.json", yaml).some((f) => f.trim().startsWith(said)),
      faults("vars.json", yaml).join("\n"),
    );
    t.ok(faults("hosts.json", `nats: { vars: { ${yaml} } }`).length > 0);
  });

t.test("hosts.yml: a group's own keys", async (t) => {
  t.match(faults("hosts.json", "nats: { host: { n1: } }").join(), "must NOT have additional properties host");
  t.match(faults("hosts.json", "nats: { hosts: { n1: { adress: 10.0.0.1 } } }").join(), "must NOT have additional properties adress");
});

t.test("every key has its description", async (t) => {
  const bare: string[] = [];
  interface Schema {
    description?: string;
    properties?: Record<string, Schema>;
    items?: Schema;
  }
  const look = (schema: Schema, path: string): void => {
    for (const [name, child] of Object.entries(schema.properties ?? {})) {
      if (!child.description) bare.push(`${path}${name}`);
      look(child, `${path}${name}.`);
    }
    if (schema.items) look(schema.items, path);
  };
  look(JSON.parse(SCHEMAS["vars.json"]!), "");
  t.same(bare, []);
});
