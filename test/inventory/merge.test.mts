import t from "tap";
import { HOSTS, load } from "./fixture.mts";

const TREE =
  "all:\n  vars: { max_connections: 1 }\n  children:\n    parent:\n      vars: { max_connections: 2 }\n      children:\n        child:\n          vars: { max_connections: 3 }\n          hosts:\n            n1: { max_connections: 7 }\n";
const layer = (n: number): string => `max_connections: ${n}\n`;
const of = (files: Record<string, string>, extraVars?: string[]): number =>
  load({ "hosts.yml": TREE.replace(": { max_connections: 7 }", files.inline ?? ":"), ...files }, { extraVars }).hosts[0]!.vars.max_connections;
const seeds = { ".env": `NATS_SYS_NKEY_SEED=SU${"A".repeat(56)}\nNATS_APP_NKEY_SEED=SU${"B".repeat(56)}\n` };

// Each layer wins over all that come before it: Ansible's order.
const layers: [string, Record<string, string>, string[]?][] = [
  [
    "hosts.yml: group all",
    { "hosts.yml": TREE.replace("vars: { max_connections: 2 }", "").replace("vars: { max_connections: 3 }", "").replace(" { max_connections: 7 }", "") },
  ],
  ["hosts.yml: parent group", { "hosts.yml": TREE.replace("vars: { max_connections: 3 }", "").replace(" { max_connections: 7 }", "") }],
  ["hosts.yml: child group", { "hosts.yml": TREE.replace(" { max_connections: 7 }", "") }],
  ["group_vars/all", { "group_vars/all.yml": layer(4) }],
  ["group_vars/parent", { "group_vars/parent.yml": layer(5) }],
  ["group_vars/child", { "group_vars/child.yml": layer(6) }],
  ["hosts.yml: the host", { "hosts.yml": TREE }],
  ["host_vars", { "host_vars/n1.yml": layer(8) }],
  ["-e", {}, ["max_connections=9"]],
];
let files: Record<string, string> = seeds;
layers.forEach(([name, more, extraVars], i) => {
  files = { ...files, ...more };
  const now = files;
  t.test(`${name} is layer ${i + 1}`, async (t) => t.equal(of(now, extraVars), i + 1));
});

t.test("mappings merge deeply", async (t) => {
  const { vars } = load({ "group_vars/all.yml": "jetstream: { max_mem: 2GB }\n", "host_vars/n1.yml": "jetstream: { max_file: 20GB }\n" }).hosts[0]!;
  t.match(vars.jetstream, { max_mem: "2GB", max_file: "20GB" });
});

t.test("lists replace", async (t) => {
  const { vars } = load({ "group_vars/all.yml": "server_tags: [a, b]\n", "host_vars/n1.yml": "server_tags: [c]\n" }).hosts[0]!;
  t.strictSame(vars.server_tags, ["c"]);
});

t.test("groups of the same depth go by name", async (t) => {
  const inventory = load({
    "hosts.yml": "zeta: { hosts: { n1: } }\nalpha: { hosts: { n1: } }\n",
    "group_vars/alpha.yml": "port: 1111\n",
    "group_vars/zeta.yml": "port: 2222\n",
  });
  t.equal(inventory.hosts[0]!.vars.port, 2222);
});

t.test("a folder of group_vars is read in alphabetical order", async (t) => {
  const inventory = load({ "group_vars/nats/10-a.yml": "port: 1111\nhttp_port: 1112\n", "group_vars/nats/20-b.yaml": "port: 2222\n" });
  t.match(inventory.hosts[0]!.vars, { port: 2222, http_port: 1112 });
});

t.test("a file without an extension is read, as in Ansible", async (t) => t.equal(load({ "group_vars/nats": "port: 1111\n" }).hosts[0]!.vars.port, 1111));
t.test("what editors leave behind is not read", async (t) =>
  t.equal(load({ "group_vars/all.yml~": "port: 1111\n", "group_vars/.all.yml.swp": "port: 1111\n" }).hosts[0]!.vars.port, 4222),
);
t.test("null takes a default sysctl away", async (t) =>
  t.notOk("vm.swappiness" in load({ "group_vars/all.yml": "sysctl: { vm.swappiness: null }\n" }).hosts[0]!.vars.sysctl),
);
t.test("a sysctl by -e keeps the dots of its name", async (t) => {
  const { vars } = load({ ...seeds }, { extraVars: ["sysctl.net.core.somaxconn=77"] }).hosts[0]!;
  t.equal(vars.sysctl["net.core.somaxconn"], "77");
});
t.test("hosts keep the order of hosts.yml", async (t) =>
  t.strictSame(
    load({ "hosts.yml": "b: { hosts: { z: , y: } }\na: { hosts: { x: } }\n" }).hosts.map(({ name }) => name),
    ["z", "y", "x"],
  ),
);
t.test("a group holds its children's hosts", async (t) => t.strictSame(load({ "hosts.yml": TREE }).groups.get("parent"), ["n1"]));
t.test("a host knows its groups, the outermost first", async (t) => t.strictSame(load({ "hosts.yml": TREE }).hosts[0]!.groups, ["all", "parent", "child"]));
t.test("names are the default of server_name, address and cluster.name", async (t) => {
  const { vars, connection } = load({ "hosts.yml": HOSTS.replace(" { address: 10.0.0.1 }", "") }).hosts[0]!;
  t.strictSame([vars.server_name, connection.address, vars.cluster.name], ["n1", "n1", "nats-cluster-inv"]);
});
t.test("a number's spelling survives where a text is wanted", async (t) => {
  const { vars } = load({ "group_vars/all.yml": "kernel_args: { crashkernel: 2.10, mitigations: off, quiet: true }\n" }).hosts[0]!;
  t.strictSame(vars.kernel_args, { crashkernel: "2.10", mitigations: "off", quiet: "" });
});
