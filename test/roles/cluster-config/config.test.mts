import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";
import { folder, hostsOn, Rendered, refusal } from "./fixture.mts";

t.setTimeout(600_000);

const at = (i: number): string => `10.0.0.${i}`;
const three = hostsOn(at, 3);
const users = (more: string): string => `users:
  - { name: sys, account: SYS, nkey_seed: "\${SYS}" }
  - { name: app, account: APP, nkey_seed: "\${APP}" }
  - ${more}
`;

/** What it shows; hosts.yml; group_vars/all.yml; lines that must stand in n1's configuration. */
const VARIANTS: [what: string, hosts: string, vars: string, lines: (string | RegExp)[]][] = [
  ["a single node has no cluster block", hostsOn(at, 1), "", [/^(?![\s\S]*\ncluster)/]],
  ["five nodes", hostsOn(at, 5), "", [`"nats://10.0.0.5:6222"`]],
  [
    "IPv6",
    "nats:\n  hosts:\n    n1: { address: 'fd00::1', host: '::' }\n    n2: { address: 'fd00::2', host: '::' }\n    n3: { address: 'fe80::3%eth0', host: '::' }\n",
    "",
    [`listen: "[::]:4222"`, `"nats://[fd00::2]:6222"`],
  ],
  [
    "host names as addresses",
    "nats:\n  hosts:\n    n1: { address: a.example.net }\n    n2: { address: b_2.example.net }\n    n3: { address: c }\n",
    "",
    [`"nats://b_2.example.net:6222"`],
  ],
  [
    "a user with a password and permissions",
    three,
    users(
      `{ name: job, account: APP, password: "\${JOB}", permissions: { publish: { allow: ["jobs.>", "a.*.b"], deny: jobs.secret }, subscribe: _INBOX.>, allow_responses: true } }`,
    ).replace("subscribe: _INBOX.>", "subscribe: { allow: _INBOX.> }"),
    [/\{ user: "job", password: "\$2a\$11\$[^"]{53}", permissions: /],
  ],
  [
    "a user with an nkey and permissions",
    three,
    users(`{ name: job, account: APP, nkey_seed: "\${JOB}", permissions: { subscribe: { deny: ">" } } }`),
    [/\{ nkey: U[A-Z2-7]{55}, permissions: /],
  ],
  ["a third account", three, users(`{ name: job, account: OTHER, nkey_seed: "\${JOB}" }`), [/\n {2}"?OTHER"? \{\n {4}jetstream: enabled/]],
  ["accounts called as words of the configuration", three, users(`{ name: job, account: include, nkey_seed: "\${JOB}" }`), [/include" \{/]],
  ["accounts with separators in their names", three, users(`{ name: job, account: "a:b@c.d+e-f", nkey_seed: "\${JOB}" }`), [`"a:b@c.d+e-f" {`]],
  ["JetStream off", three, "jetstream: { enabled: false }\n", [/^(?![\s\S]*jetstream)/]],
  ["sync_interval always", three, "jetstream: { sync_interval: always }\n", [/\n {2}sync_interval: always\n/]],
  [
    "domain, unique_tag and tags",
    three,
    'jetstream: { domain: hk, unique_tag: "az:" }\nserver_tags: ["az:1", ssd]\n',
    [`domain: "hk"`, `unique_tag: "az:"`, `server_tags: ["az:1", "ssd"]`],
  ],
  [
    "streams with partitions, and a user who may publish to some",
    three,
    `${users(`{ name: job, account: APP, password: "\${JOB}", permissions: { publish: { allow: ["logs.>", jobs], deny: logs.secret } } }`)}streams:
  - { name: LOGS, subjects: ["logs.>", "audit.$x.*"], partitions: 3 }
  - { name: ORDERS, subjects: ["orders.*.*"], partitions: 2, partition_by: [2] }
  - { name: ANY, subjects: [any], partitions: 3, partition_by: random }
`,
    [
      `      "logs.*": [{ destination: "_part.LOGS.{{partition(3,1)}}.logs.{{wildcard(1)}}", weight: 100% }]\n`,
      `      "logs.*.>": [{ destination: "_part.LOGS.{{partition(3,1)}}.logs.{{wildcard(1)}}.>", weight: 100% }]\n`,
      `      "audit.$x.*": [`,
      `      "orders.*.*": [{ destination: "_part.ORDERS.{{partition(2,2)}}.orders.{{wildcard(1)}}.{{wildcard(2)}}", weight: 100% }]\n`,
      `      "any": [{ destination: "_part.ANY.0.any", weight: 34% }, { destination: "_part.ANY.1.any", weight: 33% }, { destination: "_part.ANY.2.any", weight: 33% }]\n`,
      `{"publish":{"allow":["logs.>","jobs","_part.LOGS.*.logs.>"],"deny":["logs.secret","_part.LOGS.*.logs.secret"]}}`,
    ],
  ],
  ["compression and no pool", three, "cluster: { compression: s2_auto, pool_size: -1 }\n", ["compression: s2_auto", "pool_size: -1"]],
  ["sizes as people write them", three, "max_payload: 4 mb\njetstream: { max_mem: ' 512MiB ', max_file: 1 tb }\n", []],
  ["plain numbers as sizes", three, "max_payload: 1048576\njetstream: { max_mem: 0, max_file: 10000000000 }\n", []],
  [
    "durations as Go writes them",
    three,
    "write_deadline: 1.5s\nping_interval: 1m30s\nlame_duck_duration: 0.2h1.5m\nlame_duck_grace_period: 250ms\njetstream: { sync_interval: 100ms }\n",
    [],
  ],
];

for (const version of ["2.10.27", "2.15.1"]) {
  t.test(`nats-server ${version} accepts what is rendered`, async (t) => {
    t.test("inventory/hk", async (t) => {
      const dir = folder(t, {});
      cpSync(fileURLToPath(new URL("../../../inventory/hk/", import.meta.url)), dir, { recursive: true, filter: (path) => !/\.env$|pki$/.test(path) });
      const { writeFileSync } = await import("node:fs");
      writeFileSync(`${dir}/.env`, [1, 2, 3].map((i) => `NATS_NODE_${i}_ADDRESS=10.0.0.${i}\n`).join(""), { mode: 0o600 });
      const rendered = await Rendered.of(dir, {}, [`nats_version=${version}`]);
      for (const host of rendered.hosts) {
        t.equal(await refusal(t, rendered, host.name, version), "");
        t.equal(rendered.conf(host.name).match(/"nats:\/\/10\.0\.0\.\d:6222"/g)?.length, 2, "all peers but itself");
      }
    });
    for (const [what, hosts, vars, lines] of VARIANTS) {
      t.test(what, async (t) => {
        const rendered = await Rendered.of(folder(t, { "hosts.yml": hosts, "group_vars/all.yml": vars }), {}, [`nats_version=${version}`]);
        t.equal(await refusal(t, rendered, "n1", version), "");
        for (const line of lines) t.match(rendered.conf("n1"), line);
      });
    }
  });
}

t.test("nats-server 2.9 is told nothing that it doesn't know", async (t) => {
  const rendered = await Rendered.of(folder(t, { "hosts.yml": three, "group_vars/all.yml": "nats_version: 2.9.10\nallow_vulnerable_version: true\n" }));
  t.notMatch(rendered.conf("n1"), /pool_size|compression|sync_interval/);
  t.equal(await refusal(t, rendered, "n1", "2.9.10"), "");
});

t.test("JetStream off on one host only", async (t) => {
  const rendered = await Rendered.of(folder(t, { "hosts.yml": hostsOn(at, 4, { 4: "jetstream: { enabled: false }" }) }));
  t.match(rendered.conf("n3"), /\njetstream \{/);
  t.notMatch(rendered.conf("n4"), /jetstream/);
  t.equal(await refusal(t, rendered, "n4"), "");
});

t.test("nothing in a configuration changes from one run to the next", async (t) => {
  const dir = folder(t, { "hosts.yml": three, "group_vars/all.yml": users(`{ name: job, account: APP, password: "\${JOB}" }`) });
  t.equal((await Rendered.of(dir)).conf("n1"), (await Rendered.of(dir)).conf("n1"));
});

t.test("no secret stands in it", async (t) => {
  const dir = folder(t, {
    "hosts.yml": three,
    ".env": "JOB=a-password-to-look-for\n",
    "group_vars/all.yml": users(`{ name: job, account: APP, password: "\${JOB}" }`),
  });
  const rendered = await Rendered.of(dir);
  t.notMatch(rendered.conf("n1"), /a-password-to-look-for|SU[A-Z2-7]{56}/);
});
