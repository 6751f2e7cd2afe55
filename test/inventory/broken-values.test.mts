import t from "tap";
import { ALL, type Case, HOSTS_FILE, table } from "./fixture.mts";

/** Values that are wrong by themselves: keys, types, units, variables, files. */
const cases: Case[] = [
  ["unknown key", { [ALL]: "prt: 4222\n" }, ['group_vars/all.yml:1:1: unknown key "prt"; did you mean "port"?']],
  [
    "unknown nested key",
    { [ALL]: "jetstream:\n  store_dri: /data\n" },
    ['group_vars/all.yml:2:3: unknown key "store_dri" in jetstream; did you mean "store_dir"?'],
  ],
  ["a key of another level", { [ALL]: "store_dir: /data\n" }, ['group_vars/all.yml:1:1: unknown key "store_dir"; did you mean "jetstream.store_dir"?']],
  [
    "file_sync",
    { [ALL]: "jetstream:\n  file_sync: true\n" },
    ['group_vars/all.yml:2:3: unknown key "file_sync" in jetstream; here it is called "sync_interval"'],
  ],
  [
    "ansible_host",
    { [HOSTS_FILE]: "nats:\n  hosts:\n    n1:\n      ansible_host: 10.0.0.1\n" },
    ['hosts.yml:4:7: unknown key "ansible_host"; here it is called "address"'],
  ],
  ["wholly unknown key", { [ALL]: "zzzzzz: 1\n" }, ['group_vars/all.yml:1:1: unknown key "zzzzzz"; remove it (docs/inventory.md lists the keys)']],
  ["wrong type", { [ALL]: "port: abc\n" }, ['group_vars/all.yml:1:7: port: "abc" is not a port; write a whole number from 1 to 65535']],
  ["port out of range", { [ALL]: "port: 70000\n" }, ["group_vars/all.yml:1:7: port: 70000 is not a port; write a whole number from 1 to 65535"]],
  ["size", { [ALL]: "jetstream:\n  max_file: 10 gigs\n" }, ['group_vars/all.yml:2:13: jetstream.max_file: "10 gigs" is not a size; write for example 10GB']],
  ["duration", { [ALL]: "write_deadline: 10\n" }, ["group_vars/all.yml:1:17: write_deadline: 10 is not a duration; write for example 10s"]],
  ["yes", { [ALL]: "become: yes\n" }, ['group_vars/all.yml:1:9: become: "yes" is not true or false; write true or false']],
  [
    "enum",
    { [ALL]: "cpu_governor: fast\n" },
    ['group_vars/all.yml:1:15: cpu_governor: "fast" is not one of performance, schedutil, ondemand, conservative, powersave, leave; write one of these'],
  ],
  ["null", { [ALL]: "port:\n" }, ["group_vars/all.yml:1:1: port has no value; write one, or remove the line"]],
  ["null section", { [ALL]: "jetstream:\n" }, ["group_vars/all.yml:1:1: jetstream has no value; write one, or remove the line"]],
  ["scalar for mapping", { [ALL]: "jetstream: false\n" }, ["group_vars/all.yml:1:12: jetstream: false is not a mapping; write its keys below it, indented"]],
  ["list for mapping", { [ALL]: "cluster: [a]\n" }, ["group_vars/all.yml:1:10: cluster: a list is not a mapping; write its keys below it, indented"]],
  [
    "mapping for list",
    { [ALL]: "streams: { name: A }\n" },
    ['group_vars/all.yml:1:1: streams: a mapping is not a list; write each item on its own line after "- "'],
  ],
  ["mapping for scalar", { [ALL]: "port: { a: 1 }\n" }, ["group_vars/all.yml:1:1: port: a mapping is not a port; write a whole number from 1 to 65535"]],
  [
    "version number",
    { [ALL]: "nats_version: 2.10\n" },
    ['group_vars/all.yml:1:15: nats_version: "2.10" is not a version; write all three numbers, for example 2.15.1'],
  ],
  ["unset variable", { [ALL]: 'server_tags: ["${AZ_TAG_X}"]\n' }, ["group_vars/all.yml:1:15: ${AZ_TAG_X} is not set; add AZ_TAG_X=… to inv/.env"]],
  [
    "unset variable with example",
    { [ALL]: 'server_tags: ["${AZ_TAG_X}"]\n', ".env.example": "", ".env": "" },
    ["group_vars/all.yml:1:15: ${AZ_TAG_X} is not set; add AZ_TAG_X=… to inv/.env (inv/.env.example shows all of them)"],
  ],
  [
    "bad variable",
    { [ALL]: 'server_tags: ["${AZ-TAG}"]\n' },
    ['group_vars/all.yml:1:15: server_tags[0]: "${AZ-TAG}" names no variable; write ${NAME}, or $${ for the characters themselves'],
  ],
  [
    "unclosed variable",
    { [ALL]: 'server_tags: ["${AZ"]\n' },
    ['group_vars/all.yml:1:15: server_tags[0]: "${AZ" names no variable; write ${NAME}, or $${ for the characters themselves'],
  ],
  ["become_password unset", { [ALL]: "become_password: ${NO_SUCH_PW}\n" }, ["group_vars/all.yml:1:18: ${NO_SUCH_PW} is not set; add NO_SUCH_PW=… to inv/.env"]],
  [
    "server_name with spaces",
    { "host_vars/n2.yml": "server_name: n 1\n" },
    ['host_vars/n2.yml:1:14: server_name: "n 1" is not a server name; write it without spaces and quotes'],
  ],
  [
    "source two",
    { [ALL]: 'nats_source: { github: true, url: "https://x/y" }\n' },
    ["group_vars/all.yml:1:1: nats_source: names not exactly one source; write one of github: true, url with sha256, or file"],
  ],
  [
    "source url",
    { [ALL]: 'nats_source: { url: "https://x/y" }\n' },
    ["group_vars/all.yml:1:1: nats_source: url has no sha256; add the checksum of the file it names"],
  ],
  [
    "source file missing",
    { [ALL]: "nats_source: { file: nats-server }\n" },
    ["group_vars/all.yml:1:22: nats_source.file: inv/nats-server does not exist; create it, or correct the path"],
  ],
  [
    "identity missing",
    { [ALL]: "ssh: { identity_file: id_ed25519 }\n" },
    ["group_vars/all.yml:1:23: ssh.identity_file: inv/id_ed25519 does not exist; create it, or correct the path"],
  ],
  [
    "tls missing",
    { [ALL]: 'tls: { ca: ca.crt, cert: "{host}.crt", key: hosts.yml }\n' },
    [
      "group_vars/all.yml:1:12: tls.ca: inv/ca.crt does not exist; create it, or correct the path",
      "group_vars/all.yml:1:26: tls.cert: inv/n1.crt does not exist; create it, or correct the path",
      "group_vars/all.yml:1:26: tls.cert: inv/n2.crt does not exist; create it, or correct the path",
      "group_vars/all.yml:1:26: tls.cert: inv/n3.crt does not exist; create it, or correct the path",
    ],
  ],
  [
    "tls part",
    { [ALL]: "tls: { ca: hosts.yml }\n" },
    ["group_vars/all.yml:1:1: tls has no cert; add cert:", "group_vars/all.yml:1:1: tls has no key; add key:"],
  ],
  [
    "nohz list",
    { [ALL]: 'kernel_args: { nohz_full: "7-2" }\n' },
    ['group_vars/all.yml:1:27: kernel_args.nohz_full: "7-2" names no CPUs; write for example "2-7"'],
  ],
  ["cpus", { [ALL]: "cpus: two\n" }, ['group_vars/all.yml:1:7: cpus: "two" is not a list of CPUs; write for example "2-7"']],
  [
    "bad seed",
    { [ALL]: 'users: [{ name: a, account: APP, nkey_seed: SECRETSEED }, {name: b, account: SYS, nkey_seed: "${NK_X}"}]\n' },
    [
      "group_vars/all.yml:1:45: users[0].nkey_seed: the value is not an nkey seed of a user; write ${NAME} and put the seed (SU…) into .env, or leave it out of .env and one is made",
    ],
  ],
  [
    "stream name",
    { [ALL]: "streams: [{ name: a.b, subjects: [a] }]\n" },
    ['group_vars/all.yml:1:19: streams[0].name: "a.b" is not a stream\'s name; write at most 255 characters, none of them a space, . * > / \\ or a quote'],
  ],
  [
    "stream key",
    { [ALL]: "streams: [{ name: A, subjcts: [a] }]\n" },
    ['group_vars/all.yml:1:22: unknown key "subjcts" in streams[0]; did you mean "subjects"?'],
  ],
  [
    "replicas key",
    { [ALL]: "streams: [{ name: A, replicas: 3 }]\n" },
    ['group_vars/all.yml:1:22: unknown key "replicas" in streams[0]; here it is called "num_replicas"'],
  ],
  [
    "max_age",
    { [ALL]: "streams: [{ name: A, subjects: [a], max_age: 30 }]\n" },
    ["group_vars/all.yml:1:46: streams[0].max_age: 30 is not a duration; write for example 168h"],
  ],
  [
    "max_age days",
    { [ALL]: "streams: [{ name: A, subjects: [a], max_age: 7d }]\n" },
    ['group_vars/all.yml:1:46: streams[0].max_age: "7d" is not a duration; write for example 168h'],
  ],
  [
    "durable dots",
    { [ALL]: "streams: [{ name: A, subjects: [a], consumers: [{ durable_name: a.b }] }]\n" },
    [
      'group_vars/all.yml:1:65: streams[0].consumers[0].durable_name: "a.b" is not a consumer\'s name; write at most 255 characters, none of them a space, . * > / \\ or a quote',
    ],
  ],
  [
    "bad subject",
    { [ALL]: 'streams: [{ name: A, subjects: ["a.>.b"] }]\n' },
    ['group_vars/all.yml:1:33: streams[0].subjects[0]: "a.>.b" is not a subject; write for example logs.>'],
  ],
  [
    "sysctl null list",
    { [ALL]: "sysctl: { vm.swappiness: [1] }\n" },
    ["group_vars/all.yml:1:11: sysctl.vm.swappiness: a list is not a value of a sysctl; write a number or a text; null leaves the setting alone"],
  ],
  [
    "permissions that are no subjects",
    {
      [ALL]:
        'users:\n  - { name: a, account: APP, password: "${PW_A}", permissions: { publish: { allow: 5 } } }\n  - { name: s, account: SYS, password: "${PW_S}" }\n',
    },
    ['group_vars/all.yml:2:84: users[0].permissions.publish.allow: 5 is not a subject or a list of subjects; write for example ["jobs.>"]'],
  ],
];

table(t, cases);
