import t from "tap";
import { ALL, type Case, HOSTS_FILE, table } from "./fixture.mts";

/** Values that are wrong together. */
const cases: Case[] = [
  ["same address", { "host_vars/n2.yml": "address: 10.0.0.1\n" }, ["host_vars/n2.yml:1:10: address 10.0.0.1 is also that of n1; give each host its own"]],
  ["same server_name", { "host_vars/n2.yml": "server_name: n1\n" }, ['host_vars/n2.yml:1:14: server_name "n1" is also that of n1; give each host its own']],
  ["port clash", { [ALL]: "port: 8222\n" }, ["group_vars/all.yml:1:7: port 8222 is also http_port; choose another"]],
  ["sshd port", { [ALL]: "port: 22\n" }, ["group_vars/all.yml:1:7: port 22 is sshd's; choose another"]],
  [
    "cluster name differs",
    { "host_vars/n2.yml": "cluster: { name: other }\n" },
    [
      "host_vars/n2.yml:1:18: cluster.name other differs from n1's nats-cluster-inv, and no other host has it; give all hosts of a cluster the same, or put a cluster of one host into a group of its own",
    ],
  ],
  [
    "pool_size differs",
    { "host_vars/n2.yml": "cluster: { pool_size: 1 }\n" },
    ["host_vars/n2.yml:1:23: cluster.pool_size 1 differs from n1's 3; give all hosts of a cluster the same"],
  ],
  [
    "store in tmp",
    { [ALL]: "jetstream: { store_dir: /tmp/nats }\n" },
    ["group_vars/all.yml:1:25: jetstream.store_dir /tmp/nats is under /tmp, which is emptied; choose a folder such as /var/lib/nats/jetstream"],
  ],
  [
    "lame duck",
    { [ALL]: "lame_duck_duration: 10s\n" },
    ["group_vars/all.yml:1:21: lame_duck_duration 10s is below the 30s that nats-server wants; write 30s or more"],
  ],
  ["grace", { [ALL]: "lame_duck_grace_period: 40s\n" }, ["group_vars/all.yml:1:25: lame_duck_grace_period 40s is not below lame_duck_duration 30s; lower it"]],
  ["payload", { [ALL]: "max_payload: 65MB\n" }, ["group_vars/all.yml:1:14: max_payload 65MB is above nats-server's max_pending of 64MB; lower it"]],
  [
    "old version",
    { [ALL]: "nats_version: 2.9.25\n" },
    ["group_vars/all.yml:1:15: nats_version 2.9.25 has known security holes (CVE-2025-30215); take 2.10.27 or newer, or set allow_vulnerable_version: true"],
  ],
  [
    "older version",
    { [ALL]: "nats_version: 2.9.1\nallow_vulnerable_version: true\n" },
    ["group_vars/all.yml:1:15: nats_version 2.9.1 is too old to be rolled out; take 2.10.27 or newer"],
  ],
  [
    "newer version",
    { [ALL]: "nats_version: 2.16.0\n" },
    ["group_vars/all.yml:1:15: nats_version 2.16.0 is newer than sampan knows; take a release up to 2.15.x"],
  ],
  [
    "sync with 2.9",
    { [ALL]: "nats_version: 2.9.25\nallow_vulnerable_version: true\njetstream: { sync_interval: always }\ncluster: { pool_size: 3 }\n" },
    [
      "group_vars/all.yml:3:29: jetstream.sync_interval needs nats-server 2.10, and nats_version is 2.9.25; remove it",
      "group_vars/all.yml:4:23: cluster.pool_size needs nats-server 2.10, and nats_version is 2.9.25; remove it",
    ],
  ],
  [
    "source host file",
    { [ALL]: "nats_source: { file: hosts.yml }\nnats_fetch: host\n" },
    ["group_vars/all.yml:2:13: nats_fetch: host can't fetch a file of this machine; write nats_fetch: controller, or name a url"],
  ],
  [
    "isolcpus 0",
    { [ALL]: 'kernel_args: { isolcpus: "managed_irq,0-3" }\n' },
    ["group_vars/all.yml:1:26: kernel_args.isolcpus takes CPU 0, which boots and keeps the house; start at 1 or above"],
  ],
  [
    "isolcpus flag",
    { [ALL]: 'kernel_args: { isolcpus: "managed-irq,2-3" }\n' },
    ['group_vars/all.yml:1:26: kernel_args.isolcpus: "managed-irq" is no flag of isolcpus; write for example "managed_irq,2-7"'],
  ],
  [
    "no sys",
    { [ALL]: 'users: [{ name: app, account: APP, password: "${PW_X}" }]\n' },
    ["group_vars/all.yml:1:1: users has nobody in account SYS, where sampan itself works; add one, or leave users out for the default"],
  ],
  [
    "user both",
    { [ALL]: 'users: [{ name: app, account: APP, password: "${PW_X}", nkey_seed: "${NK_X}" }, {name: s, account: SYS}]\n' },
    [
      'group_vars/all.yml:1:9: users[0] ("app") has both nkey_seed and password; give it one of them',
      'group_vars/all.yml:1:81: users[1] ("s") has neither nkey_seed nor password; give it one of them',
    ],
  ],
  [
    "user dup",
    { [ALL]: 'users: [{ name: a, account: APP, nkey_seed: "${NK_X}" }, {name: a, account: SYS, nkey_seed: "${NK_X}"}]\n' },
    [
      'group_vars/all.yml:1:65: users[1].name "a" is taken already; give each user its own',
      'group_vars/all.yml:1:93: users[1] ("a") has the nkey_seed of another user; give each its own variable',
    ],
  ],
  [
    "users differ",
    { "host_vars/n3.yml": 'users: [{ name: a, account: APP, nkey_seed: "${NK_X}" }, {name: s, account: SYS, nkey_seed: "${NK_Y}"}]\n' },
    ["host_vars/n3.yml:1:1: users of n3 differ from n1's; set them for all hosts in one place"],
  ],
  [
    "replicas",
    { [HOSTS_FILE]: "nats:\n  hosts:\n    n1: { address: 10.0.0.1 }\n", [ALL]: "streams:\n  - name: A\n    subjects: [a]\n" },
    ["group_vars/all.yml:2:5: stream A wants 3 replicas and 1 host has JetStream; lower num_replicas or add hosts"],
  ],
  [
    "two nodes with js",
    { "host_vars/n3.yml": "jetstream: { enabled: false }\n", [ALL]: "streams:\n  - name: A\n    subjects: [a]\n    num_replicas: 3\n" },
    ["group_vars/all.yml:4:19: stream A wants 3 replicas and only 2 hosts have JetStream; lower num_replicas or add hosts"],
  ],
  [
    "overlap",
    { [ALL]: 'streams:\n  - { name: A, subjects: ["a.>"] }\n  - { name: B, subjects: ["a.*.c"] }\n' },
    ['group_vars/all.yml:3:27: subject "a.*.c" of stream B overlaps "a.>" of stream A; a message may go to one stream only, narrow one of them'],
  ],
  [
    "stream twice",
    { [ALL]: 'streams:\n  - { name: A, subjects: ["a.>"] }\n  - { name: A, subjects: ["b"] }\n' },
    ['group_vars/all.yml:3:13: stream "A" is there twice; merge them'],
  ],
  [
    "deliver_group",
    { [ALL]: "streams:\n  - name: A\n    subjects: [a]\n    consumers:\n      - durable_name: w\n        deliver_group: g\n" },
    [
      "group_vars/all.yml:6:24: consumer w is a pull consumer and has no deliver_group; remove it, workers share the work by pulling from the same durable_name (or add deliver_subject to make it push)",
    ],
  ],
  [
    "consumer twice",
    { [ALL]: "streams: [{ name: A, subjects: [a], consumers: [{ durable_name: c }, { durable_name: c }] }]\n" },
    ['group_vars/all.yml:1:86: consumer "c" of stream A is there twice; merge them'],
  ],
  [
    "newer field",
    { [ALL]: "nats_version: 2.10.27\nstreams: [{ name: A, subjects: [a], allow_msg_ttl: true }]\n" },
    ["group_vars/all.yml:2:52: allow_msg_ttl needs nats-server 2.11, and nats_version is 2.10.27; remove it or upgrade first"],
  ],
  [
    "streams differ",
    { "host_vars/n3.yml": "streams: []\n", [ALL]: "streams: [{ name: A, subjects: [a] }]\n" },
    ["host_vars/n3.yml:1:1: streams of n3 differ from n1's; set them for all hosts in one place"],
  ],
  [
    "max_bytes",
    { [ALL]: "streams: [{ name: A, subjects: [a], max_bytes: 20GB }]\n" },
    ["group_vars/all.yml:1:48: stream A reserves more than jetstream.max_file (10GB); lower max_bytes or raise max_file"],
  ],
  [
    "mirror",
    { [ALL]: "streams: [{ name: A, subjects: [a], mirror: { name: B } }]\n" },
    ["group_vars/all.yml:1:22: stream A is a mirror and can't have subjects; remove it"],
  ],
  [
    "workqueue",
    { [ALL]: "streams: [{ name: A, subjects: [a], retention: workqueue, consumers: [{ durable_name: x }, { durable_name: y }] }]\n" },
    ["group_vars/all.yml:1:108: consumers x and y of the workqueue stream A want the same messages; give them filters that don't overlap"],
  ],
  [
    "verify",
    { [ALL]: "verify: { rate: 100, thresholds: { push: { rate: 200 } } }\n" },
    ["group_vars/all.yml:1:50: verify.thresholds.push.rate 200 is above verify.rate 100, which is all that is offered; lower it"],
  ],
  [
    "several",
    { [ALL]: "prt: 1\nhttp_port: abc\nlame_duck_duration: 1s\njetstream: { store_dir: /tmp/x }\n", "host_vars/n1.yml": "server_name: n2\n" },
    [
      'group_vars/all.yml:1:1: unknown key "prt"; did you mean "port"?',
      'group_vars/all.yml:2:12: http_port: "abc" is not a port; write a whole number from 1 to 65535',
      "group_vars/all.yml:3:21: lame_duck_duration 1s is below the 30s that nats-server wants; write 30s or more",
      "group_vars/all.yml:4:25: jetstream.store_dir /tmp/x is under /tmp, which is emptied; choose a folder such as /var/lib/nats/jetstream",
      'host_vars/n1.yml:1:14: server_name "n2" is also that of n2; give each host its own',
    ],
  ],
];

table(t, cases);
