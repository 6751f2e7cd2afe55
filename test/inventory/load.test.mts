import { symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import t from "tap";
import { UsageError } from "../../lib/inventory/types.mts";
import { loadInventory } from "../../roles/inventory.mts";
import { faults, generate, HOSTS, load, warnings, withInventory } from "./fixture.mts";

const wrong = (dir: string): string => {
  try {
    loadInventory(dir, { generate });
    return "";
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
};

t.test("-i that isn't there names the folder that was meant", async (t) =>
  withInventory({ "hosts.yml": HOSTS }, (dir) => t.match(wrong(`${dir}x`), /^-i .*invx: no such folder; did you mean .*inv\?$/)),
);
t.test("-i of a lab that isn't up says how to make it", async (t) =>
  t.equal(wrong("inventory/lab-nowhere"), "-i inventory/lab-nowhere: no such folder; ./playbooks/lab.mts up makes it"),
);
t.test("-i that is a file names the folder", async (t) =>
  withInventory({ "hosts.yml": HOSTS }, (dir) =>
    t.equal(wrong(join(dir, "hosts.yml")), `-i ${join(dir, "hosts.yml")}: is a file; name the folder that holds it: -i ${relative(process.cwd(), dir)}`),
  ),
);
t.test("a folder without hosts.yml", async (t) => withInventory({ "x.yml": "" }, (dir) => t.match(wrong(dir), /has no hosts\.yml; write one/)));
t.test("both hosts.yml and hosts.yaml", async (t) =>
  withInventory({ "hosts.yml": HOSTS, "hosts.yaml": HOSTS }, (dir) => t.match(wrong(dir), /has both hosts\.yml and hosts\.yaml; remove one/)),
);
t.test("hosts.yml that is a folder", async (t) =>
  withInventory({ "hosts.yml/x": "" }, (dir) => t.match(wrong(dir), /hosts\.yml: is a folder where a file belongs; rename it/)),
);
t.test("group_vars that is a file", async (t) => t.strictSame(faults({ group_vars: "" }), ["inv/group_vars: is a file where a folder belongs; rename it"]));
t.test("a link that leads nowhere", async (t) =>
  withInventory({ "hosts.yml": HOSTS, "group_vars/x": "" }, (dir) => {
    symlinkSync("/nowhere", join(dir, "group_vars/nats.yml"));
    t.match(wrong(dir), /group_vars\/nats\.yml: is a link that leads nowhere; mend it/);
  }),
);

t.test("a byte order mark and CRLF don't shift the places", async (t) =>
  t.strictSame(
    faults({ "group_vars/all.yml": "\uFEFFport: abc\r\nhttp_port: abc\r\n" }).map((line) => line.split(": ")[0]),
    ["inv/group_vars/all.yml:1:7", "inv/group_vars/all.yml:2:12"],
  ),
);

t.test("all that is wrong is told at once, by file and line, each once", async (t) =>
  t.strictSame(
    faults(
      {
        "group_vars/all.yml": "prt: 1\nhttp_port: abc\nlame_duck_duration: 1s\njetstream: { store_dir: /tmp/x }\n",
        "group_vars/nats.yml": 'server_tags: ["${SAMPAN_TEST_NONE}"]\n',
        "host_vars/n1.yml": "server_name: n2\n",
      },
      { generate, extraVars: ["ping_max=x"] },
    ),
    [
      'inv/group_vars/all.yml:1:1: unknown key "prt"; did you mean "port"?',
      'inv/group_vars/all.yml:2:12: http_port: "abc" is not a port; write a whole number from 1 to 65535',
      "inv/group_vars/all.yml:3:21: lame_duck_duration 1s is below the 30s that nats-server wants; write 30s or more",
      "inv/group_vars/all.yml:4:25: jetstream.store_dir /tmp/x is under /tmp, which is emptied; choose a folder such as /var/lib/nats/jetstream",
      "inv/group_vars/nats.yml:1:15: ${SAMPAN_TEST_NONE} is not set; add SAMPAN_TEST_NONE=… to inv/.env",
      'inv/host_vars/n1.yml:1:14: server_name "n2" is also that of n2; give each host its own',
      '-e ping_max=x: ping_max: "x" is not a whole number from 1 to 100; write the number alone',
    ],
  ),
);

t.test("a bad value doesn't bring follow-up errors", async (t) =>
  t.strictSame(
    faults({
      "group_vars/all.yml": 'jetstream: { enabled: maybe }\ncluster: { name: "a b" }\nusers: 5\nstreams: [{ name: A, subjects: [a], num_replicas: x }]\n',
    }).map((line) => line.split(": ")[0]),
    ["inv/group_vars/all.yml:1:23", "inv/group_vars/all.yml:2:18", "inv/group_vars/all.yml:3:8", "inv/group_vars/all.yml:4:51"],
  ),
);

t.test("-e that has no =", async (t) =>
  t.strictSame(faults({}, { generate, extraVars: ["port"] }), ["-e port: is not of the form key=value or @FILE; write for example -e nats_version=2.15.1"]),
);

t.test("-e @FILE: a file of variables above all others, told with its lines", async (t) => {
  const folder = t.testdir({ "peak.yml": "bench:\n  rate: max\n  push: { workers: 12 }\n", "wrong.yml": "bench:\n  rate: fast\n" });
  const { bench } = load({ "group_vars/all.yml": "bench: { rate: 5, seconds: 7 }\n" }, { generate, extraVars: [`@${folder}/peak.yml`, "bench.rounds=9"] })
    .hosts[0]!.vars;
  t.match(bench, { rate: "max", seconds: 7, rounds: 9, push: { workers: 12 } });
  t.match(faults({}, { generate, extraVars: [`@${folder}/wrong.yml`] }), [
    /wrong\.yml:2:9: bench\.rate: "fast" is not a rate; write messages per second, or max$/,
  ]);
  t.strictSame(faults({}, { generate, extraVars: ["@none.yml"] }), ["-e @none.yml: no such file; name one of variables, as in group_vars"]);
});

t.test("originOf tells where a value was set", async (t) => {
  const inventory = load({ "group_vars/all.yml": "kernel_args:\n  nohz_full: 2-7\n  rcu_nocbs: 2-7\ncpus: 2-7\n" });
  t.match(inventory.originOf("n1", ["kernel_args", "nohz_full"]), /group_vars\/all\.yml:2:14$/);
});
t.test("and for a default, the host's line", async (t) => t.match(load({}).originOf("n2", ["port"]), /hosts\.yml:4:5$/));

t.test("files of this machine become absolute", async (t) =>
  withInventory({ "hosts.yml": HOSTS, id: "", "group_vars/all.yml": "ssh: { identity_file: id, options: { ForwardAgent: true } }\n" }, (dir) => {
    const { connection } = loadInventory(dir, { generate }).hosts[0]!;
    t.match(connection, { identity_file: join(dir, "id"), known_hosts: join(dir, "known_hosts"), options: { ForwardAgent: "yes", ConnectTimeout: "10" } });
  }),
);
t.test("{host} in a certificate's path is the host's name", async (t) =>
  withInventory(
    {
      "hosts.yml": HOSTS,
      "ca.crt": "",
      ...Object.fromEntries(
        ["n1", "n2", "n3"].flatMap((n) => [
          [`${n}.crt`, ""],
          [`${n}.key`, ""],
        ]),
      ),
      "group_vars/all.yml": 'tls: { ca: ca.crt, cert: "{host}.crt", key: "{host}.key" }\n',
    },
    (dir) => t.equal(loadInventory(dir, { generate }).hosts[1]!.vars.tls!.key, join(dir, "n2.key")),
  ),
);

t.test("durations and sizes of streams come out as the API wants them", async (t) => {
  const { streams } = load({
    "group_vars/all.yml": "streams: [{ name: A, subjects: [a], max_age: 168h, max_bytes: 1GB, consumers: [{ durable_name: c, backoff: [1s, 5s] }] }]\n",
  }).hosts[0]!.vars;
  t.match(streams[0], { max_age: 604800e9, max_bytes: 1024 ** 3, consumers: [{ backoff: [1e9, 5e9] }] });
});

t.test("thresholds follow the offered rate", async (t) =>
  t.match(load({ "group_vars/all.yml": "verify: { rate: 1000 }\n" }).hosts[0]!.vars.verify.thresholds, { push: { rate: 900 }, pull: { rate: 500 } }),
);

t.test("a hundred hosts load in half a second of CPU time", async (t) => {
  const hosts = Array.from({ length: 101 }, (_, i) => `    n${i}: { address: 10.1.0.${i} }\n`).join("");
  const files = {
    "hosts.yml": `nats:\n  hosts:\n${hosts}`,
    "group_vars/nats.yml": "streams: [{ name: A, subjects: [a], consumers: [{ durable_name: c }] }]\n",
  };
  load(files);
  const before = process.cpuUsage();
  load(files);
  const { user } = process.cpuUsage(before);
  t.ok(user < 500_000, `${user / 1000} ms`);
});

const advised: [string, Record<string, string>, string][] = [
  [
    "an even number of JetStream hosts",
    { "host_vars/n3.yml": "jetstream: { enabled: false }\n" },
    "inv/hosts.yml:4:5: 2 hosts have JetStream; an even number bears no more failures than 1, take 1 or 3",
  ],
  [
    "isolcpus without a flag",
    { "group_vars/all.yml": "kernel_args: { isolcpus: 2-3 }\n" },
    'inv/group_vars/all.yml:1:26: kernel_args.isolcpus without a flag means domain, which switches load balancing off: the server\'s threads pile up on one CPU; write "managed_irq,2-3"',
  ],
  [
    "isolcpus with domain",
    { "group_vars/all.yml": 'kernel_args: { isolcpus: "domain,managed_irq,2-3" }\n' },
    'inv/group_vars/all.yml:1:26: kernel_args.isolcpus with domain switches load balancing off: the server\'s threads pile up on one CPU; write "managed_irq,2-3"',
  ],
  [
    "versions that differ",
    { "host_vars/n3.yml": "nats_version: 2.14.0\n" },
    "inv/host_vars/n3.yml:1:15: n3 has nats_version 2.14.0 and n1 2.15.1; give all hosts the same, playbooks/upgrade.mts takes them there one by one",
  ],
  [
    "a secret in clear",
    { "group_vars/all.yml": "become_password: abc\n" },
    "inv/group_vars/all.yml:1:18: become_password is written in clear; write ${NAME} and put the value into inv/.env, which git ignores",
  ],
  [
    "a stream without subjects",
    { "group_vars/all.yml": "streams: [{ name: A }]\n" },
    'inv/group_vars/all.yml:1:19: stream A has no subjects and takes in only messages to "A"; add subjects:',
  ],
  [
    "a port among the outgoing ones",
    { "group_vars/all.yml": "port: 14222\n" },
    "inv/hosts.yml:3:5: port 14222 lies among the outgoing ports 10240 to 65535, so that another program may hold it; start the range above it",
  ],
];
for (const [what, files, line] of advised) t.test(`${what}: a warning`, async (t) => t.ok(warnings(files).includes(line), warnings(files).join("\n")));
