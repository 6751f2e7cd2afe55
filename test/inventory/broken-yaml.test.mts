import t from "tap";
import { ALL, type Case, HOSTS_FILE, table } from "./fixture.mts";

/** Files that can't be read, and the skeleton of hosts.yml. */
const cases: Case[] = [
  ["tab", { [ALL]: "jetstream:\n\tstore_dir: /data\n" }, ["group_vars/all.yml:2:1: a tab as indentation; YAML wants spaces"]],
  ["duplicate key", { [ALL]: "port: 1\nport: 2\n" }, ["group_vars/all.yml:2:1: the same key twice in one mapping; keep one of them"]],
  [
    "open bracket",
    { [ALL]: "server_tags: [a, b\nport: 1\n" },
    ["group_vars/all.yml:2:1: something is missing here: a quote, bracket or comma, or the space after a colon; add it"],
  ],
  [
    "open quote",
    { [ALL]: 'server_name: "abc\n' },
    ["group_vars/all.yml:2:1: something is missing here: a quote, bracket or comma, or the space after a colon; add it"],
  ],
  ["bad indent", { [ALL]: "cluster:\n  name: a\n port: 1\n" }, ["group_vars/all.yml:3:1: wrong indentation; line it up with the keys of the same mapping"]],
  [
    "alias",
    { [ALL]: "server_tags: &t [a]\nstreams: *t\n" },
    ["group_vars/all.yml:2:10: aliases (*name) are not supported; write the value out, or move it to a group's variables"],
  ],
  ["anchor only", { [ALL]: "server_tags: &t [a]\n" }, []],
  [
    "merge key",
    { [ALL]: "jetstream:\n  <<: { domain: a }\n" },
    ["group_vars/all.yml:2:3: merge keys (<<) are not supported; move the common part to a group's variables"],
  ],
  [
    "tag",
    { [ALL]: "server_name: !vault abc\n" },
    ["group_vars/all.yml:1:14: tags (!name) are not supported; write the value itself, and secrets as ${NAME} with the value in .env"],
  ],
  [
    "two documents",
    { [ALL]: "port: 1\n---\nport: 2\n" },
    ["group_vars/all.yml:2:1: a second document begins here; an inventory file holds one, remove the ---"],
  ],
  ["not a mapping", { [ALL]: "- a\n" }, ["group_vars/all.yml:1:1: the file is not a mapping; write lines of the form key: value"]],
  ["a word", { [ALL]: "port\n" }, ["group_vars/all.yml:1:1: the file is not a mapping; write lines of the form key: value"]],
  ["proto", { [ALL]: "__proto__: 1\n" }, ['group_vars/all.yml:1:1: "__proto__" can\'t be a key; rename it']],
  [
    "complex key",
    { [ALL]: "? [a]\n: 1\n" },
    ["group_vars/all.yml:1:3: a key that is no word; write key: value, with the key in quotes if it has special characters"],
  ],
  ["utf16", { [ALL]: new Uint8Array([0xff, 0xfe, 0x70, 0x0, 0x6f, 0x0]) }, ["group_vars/all.yml: is not UTF-8 text; save it as UTF-8"]],
  ["latin1", { [ALL]: new Uint8Array([0x70, 0x3a, 0x20, 0xe9]) }, ["group_vars/all.yml: is not UTF-8 text; save it as UTF-8"]],
  ["nul", { [ALL]: 'server_name: "a\\0b"\n' }, ['group_vars/all.yml:1:14: server_name: "a\\u0000b" is not a server name; write it without spaces and quotes']],
  ["deep", { [ALL]: `a: ${"[".repeat(100)}\n` }, ["group_vars/all.yml:1:1: more than 60 levels of nesting; close the brackets"]],
  [
    "no colon hosts list",
    { [HOSTS_FILE]: "nats:\n  hosts:\n    - n1\n" },
    ['hosts.yml:3:5: hosts of group "nats" is not a mapping; write each name on its own line, followed by a colon'],
  ],
  ["no hosts", { [HOSTS_FILE]: "nats:\n  hosts:\n" }, ["hosts.yml:1:1: names no hosts; add them under a group's hosts:, each followed by a colon"]],
  ["empty", { [HOSTS_FILE]: "" }, ["hosts.yml:1:1: names no hosts; add them under a group's hosts:, each followed by a colon"]],
  ["hosts at top", { [HOSTS_FILE]: "hosts:\n  n1:\n" }, ['hosts.yml:1:1: "hosts" stands where a group\'s name belongs; put it under one, for example all:']],
  ["bad group key", { [HOSTS_FILE]: "nats:\n  host:\n    n1:\n" }, ['hosts.yml:2:3: unknown key "host" in group "nats"; did you mean "hosts"?']],
  ["range", { [HOSTS_FILE]: "nats:\n  hosts:\n    n[1:3]:\n" }, ['hosts.yml:3:5: "n[1:3]": ranges are not supported; write each host on its own line']],
  ["bad host name", { [HOSTS_FILE]: 'nats:\n  hosts:\n    "n 1":\n' }, ["hosts.yml:3:5: \"n 1\" can't be a host's name; write letters, digits, . _ and -"]],
  [
    "cycle",
    { [HOSTS_FILE]: "a:\n  children:\n    b:\n  hosts:\n    n1:\nb:\n  children:\n    a:\n" },
    ['hosts.yml:3:5: group "b" has its own ancestor "a" as a child; remove it from children:'],
  ],
  ["host = group", { [HOSTS_FILE]: "n1:\n  hosts:\n    n1:\n" }, ['hosts.yml:3:5: host "n1" has the name of a group; rename one of them']],
  [
    "all child",
    { [HOSTS_FILE]: "a:\n  children:\n    all:\n  hosts:\n    n1:\n" },
    ['hosts.yml:3:5: "all" holds every group and can\'t be a child; remove it'],
  ],
  [
    "host scalar",
    { [HOSTS_FILE]: "a:\n  hosts:\n    n1: 10.0.0.1\n" },
    ['hosts.yml:3:9: host "n1" is not a mapping; write its variables below it, indented, or nothing'],
  ],
  ["unknown group_vars", { "group_vars/nast.yml": "port: 1\n" }, ['group_vars/nast.yml: hosts.yml has no group "nast"; did you mean "nats"?']],
  ["unknown host_vars", { "host_vars/n4.yml": "port: 1\n" }, ['host_vars/n4.yml: hosts.yml has no host "n4"; did you mean "n1"?']],
  [
    "crlf ok",
    { [ALL]: "\uFEFFport: 4333\r\ncluster:\r\n  port: abc\r\n" },
    ['group_vars/all.yml:3:9: cluster.port: "abc" is not a port; write a whole number from 1 to 65535'],
  ],
];

table(t, cases);
