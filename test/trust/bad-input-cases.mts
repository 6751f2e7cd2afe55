import type { Files } from "./bad-input.mts";

const A = "group_vars/all.yml", I = ["-i", "inv"];

/** What it is, the files over a valid inventory, the arguments of site.mts, and the lines on stderr: all of them. */
export const CASES: readonly (readonly [what: string, files: Files, args: readonly string[], lines: readonly string[]])[] = [
  ["an unknown flag", {}, [...I, "--chekc"], [
    "there is no flag --chekc (did you mean --check?); see --help",
  ]],
  ["an unknown short flag", {}, [...I, "-z"], [
    "there is no flag -z; see --help",
  ]],
  ["a flag without its value", {}, ["-i"], [
    "--inventory needs FOLDER after it; see --help",
  ]],
  ["a flag whose value is a flag", {}, [...I, "--limit", "--check"], [
    "--limit needs PATTERN after it; see --help",
  ]],
  ["an empty folder name", {}, ["-i", ""], [
    "-i \"\": names no folder; name the one that holds hosts.yml",
  ]],
  ["no such folder", {}, ["-i", "nowhere"], [
    "-i nowhere: no such folder; name the folder that holds hosts.yml",
  ]],
  ["nearly such a folder", {}, ["-i", "inw"], [
    "-i inw: no such folder; did you mean inv?",
  ]],
  ["a file for a folder", {}, ["-i", "inv/hosts.yml"], [
    "-i inv/hosts.yml: is a file; name the folder that holds it: -i inv",
  ]],
  ["two inventories", {}, [...I, "-i", "inv2"], [
    "-i inv2: no such folder; did you mean inv?",
  ]],
  ["a flag with a value it doesn't take", {}, [...I, "--check=yes"], [
    "--check takes no value; see --help",
  ]],
  ["--list-hosts with a value", {}, [...I, "--json", "--list-hosts=1"], [
    "--list-hosts takes no value; see --help",
  ]],
  ["both reports in one file", {}, [...I, "--junit", "x", "--report", "x"], [
    "--junit and --report name the same file x; give each its own",
  ]],
  ["a report below a file", { f: "x" }, [...I, "--report", "inv/f/x.html"], [
    "inv/f/x.html: its folder can't be written (EEXIST); choose another file",
  ]],
  ["a report that is a folder", {}, [...I, "--report", "inv"], [
    "inv: is a folder; name a file",
  ]],
  ["no forks", {}, [...I, "-f", "0"], [
    "--forks takes a whole number from 1, not \"0\"",
  ]],
  ["half a fork", {}, [...I, "-f", "1.5"], [
    "--forks takes a whole number from 1, not \"1.5\"",
  ]],
  ["forks in words", {}, [...I, "-f", "many"], [
    "--forks takes a whole number from 1, not \"many\"",
  ]],
  ["an empty limit", {}, [...I, "-l", ""], [
    "--limit \"\": names no host; write hosts or groups, joined by commas",
  ]],
  ["a limit that names nobody", {}, [...I, "-l", "n4"], [
    "--limit \"n4\": no host or group \"n4\"; did you mean \"n1\"?",
  ]],
  ["a limit that leaves nobody", {}, [...I, "-l", "n1:!n1"], [
    "--limit \"n1:!n1\": leaves no host; the hosts are n1, n2, n3",
  ]],
  ["-e without a value", {}, [...I, "-e", "foo"], [
    "-e foo: is not of the form key=value; write for example -e nats_version=2.15.1",
  ]],
  ["-e of an unknown key", {}, [...I, "-e", "prt=1"], [
    "-e prt=1: unknown key \"prt\"; did you mean \"port\"?",
  ]],
  ["-e of a wrong value", {}, [...I, "-e", "port=abc"], [
    "-e port=abc: port: \"abc\" is not a port; write a whole number from 1 to 65535",
  ]],
  ["-e of a value that is no YAML", {}, [...I, "-e", "server_tags=[a"], [
    "-e server_tags=[a: something is missing here: a quote, bracket or comma, or the space after a colon; add it",
  ]],
  ["-e of nothing", {}, [...I, "-e", "port="], [
    "-e port=: port has no value; write one, or remove the line",
  ]],
  ["-e of a prototype", {}, [...I, "-e", "__proto__.x=1"], [
    "-e __proto__.x=1: this key can't be set; rename it",
  ]],
  ["-e with two dots", {}, [...I, "-e", "a..b=1"], [
    "-e a..b=1: is not of the form key=value; write for example -e nats_version=2.15.1",
  ]],
  ["-e with control characters", {}, [...I, "-e", "server_tags=\u001b[31m"], [
    "-e server_tags=\\u001b[31m: server_tags: \"\\u001b[31m\" is not a list; write each item on its own line after \"- \"",
  ]],
  ["-e of a number beyond all ports", {}, [...I, "-e", "port=99999999999999999999999"], [
    "-e port=99999999999999999999999: port: \"99999999999999999999999\" is not a port; write a whole number from 1 to 65535",
  ]],
  ["-e of an unset variable", {}, [...I, "-e", "domain=${NOT_SET_ANYWHERE}"], [
    "-e domain=${NOT_SET_ANYWHERE}: ${NOT_SET_ANYWHERE} is not set; add NOT_SET_ANYWHERE=… to inv/.env",
  ]],
  ["an unknown role", {}, [...I, "-t", "nats"], [
    "there is no role \"nats\"; roles here: kernel-tuning, nats-install, cluster-config, jetstream-setup, verify",
  ]],
  ["a role with a slip", {}, [...I, "-t", "verfy"], [
    "there is no role \"verfy\" (did you mean verify?); roles here: kernel-tuning, nats-install, cluster-config, jetstream-setup, verify",
  ]],
  ["an empty role", {}, [...I, "--role", ""], [
    "there is no role \"\"; roles here: kernel-tuning, nats-install, cluster-config, jetstream-setup, verify",
  ]],
  ["an unknown task", {}, [...I, "--start-at-task", "no such"], [
    "--start-at-task \"no such\" names no task; --list-tasks shows them",
  ]],
  ["a password without a terminal", {}, [...I, "-K"], [
    "--ask-become-pass needs a terminal; in scripts put the password into .env and set become_password: ${NAME}",
  ]],
  ["an argument that is no flag", {}, [...I, "hk"], [
    "unexpected argument \"hk\"; flags start with a dash, see --help",
  ]],
  ["a seed that isn't one", { ".env": `NATS_SYS_NKEY_SEED=SU${"A".repeat(56)}\n` }, I, [
    "inv/hosts.yml: users[0].nkey_seed: isn't the seed of a user's nkey (SU… and 56 more characters); remove it from .env to have one made",
  ]],
  ["the seed of an account", { ".env": `NATS_SYS_NKEY_SEED=SA${"A".repeat(56)}\n` }, I, [
    "inv/hosts.yml: users[0].nkey_seed: the value is not an nkey seed of a user; write ${NAME} and put the seed (SU…) into .env, or leave it out of .env and one is made",
  ]],
  ["an .env that others may read", { ".env": { text: "A=1\n", mode: 0o644 } }, I, [
    "inv/.env: holds secrets and others may read it (mode 0644); run: chmod 600 inv/.env",
  ]],
  ["an .env that is a folder", { ".env/x": "x" }, I, [
    "inv/.env: is a folder where a file belongs; rename it",
  ]],
  ["a CA that is no certificate", { "pki/ca.crt": "hello\n", "pki/ca.key": "hello\n" }, I, [
    "inv/pki/ca.crt: isn't a certificate in PEM; put the right one back",
  ]],
  ["a CA's key that others may read", { "pki/ca.key": { text: "x\n", mode: 0o644 } }, I, [
    "inv/pki/ca.key: holds a secret and others may read it; run: chmod 600 inv/pki/ca.key",
  ]],
  ["a host's key that is none", { "pki/n1.key": "x\n" }, I, [
    "inv/pki/n1.key: isn't an unencrypted P-256 private key in PEM; put the right one back, or remove it to have a new one made",
  ]],
  ["a pki that is a file", { pki: "x\n" }, I, [
    "inv/pki/ca.crt: can't be read (ENOTDIR); make it a file that you can read",
  ]],
  ["a host called ca", { "hosts.yml": "nats:\n  hosts:\n    ca: { address: 127.0.0.1 }\n" }, I, [
    "inv: a host can't be called \"ca\", its certificate is kept under that name; choose another",
  ]],
  ["own certificates that are none", { "a.pem": "x\n", [A]: "tls: { ca: a.pem, cert: a.pem, key: a.pem }\n" }, I, [
    "inv/a.pem: holds no certificate in PEM (-----BEGIN CERTIFICATE-----); give one",
  ]],
  ["own certificates that aren't there", { [A]: "tls: { ca: nope.pem, cert: nope.pem, key: nope.pem }\n" }, I, [
    "inv/group_vars/all.yml:1:12: tls.ca: inv/nope.pem does not exist; create it, or correct the path",
    "inv/group_vars/all.yml:1:28: tls.cert: inv/nope.pem does not exist; create it, or correct the path",
    "inv/group_vars/all.yml:1:43: tls.key: inv/nope.pem does not exist; create it, or correct the path",
  ]],
  ["hosts.yml is a folder", { "hosts.yml": null, "hosts.yml/x": "x", "group_vars/nats.yml": null }, I, [
    "inv/hosts.yml: is a folder where a file belongs; rename it",
  ]],
  ["no hosts.yml", { "hosts.yml": null }, I, [
    "-i inv: has no hosts.yml; write one (inventory/hk/hosts.yml is an example)",
  ]],
  ["hosts.yml and hosts.yaml", { "hosts.yaml": "" }, I, [
    "-i inv: has both hosts.yml and hosts.yaml; remove one",
  ]],
  ["a hosts.yml without hosts", { "hosts.yml": "nats:\n  hosts:\n" }, I, [
    "inv/hosts.yml:1:1: names no hosts; add them under a group's hosts:, each followed by a colon",
  ]],
  ["a hosts.yml in Ansible's old form", { "hosts.yml": "[nats]\nn1\n" }, I, [
    "inv/group_vars/nats.yml: hosts.yml has no group \"nats\"; rename it, or add the group",
    "inv/hosts.yml:2:1: not valid YAML: Unexpected scalar at node end; mend the line",
  ]],
  ["two groups in a circle", { "hosts.yml": "nats:\n  children:\n    b:\n  hosts:\n    n1:\nb:\n  children:\n    nats:\n" }, I, [
    "inv/hosts.yml:3:5: group \"b\" has its own ancestor \"nats\" as a child; remove it from children:",
  ]],
  ["group_vars is a file", { "group_vars/nats.yml": null, group_vars: "x" }, I, [
    "inv/group_vars: is a file where a folder belongs; rename it",
  ]],
  ["group_vars of no group", { "group_vars/nast.yml": "port: 1\n" }, I, [
    "inv/group_vars/nast.yml: hosts.yml has no group \"nast\"; did you mean \"nats\"?",
  ]],
  ["host_vars of no host", { "host_vars/n4.yml": "port: 1\n" }, I, [
    "inv/host_vars/n4.yml: hosts.yml has no host \"n4\"; did you mean \"n1\"?",
  ]],
  ["Latin-1", { [A]: new Uint8Array([0x70, 0x3a, 0x20, 0xe9]) }, I, [
    "inv/group_vars/all.yml: is not UTF-8 text; save it as UTF-8",
  ]],
  ["a file of 4 MB", { [A]: "#".repeat(4194305) }, I, [
    "inv/group_vars/all.yml: is larger than 4 MB; this is no inventory file",
  ]],
  ["a tab", { [A]: "jetstream:\n\tstore_dir: /data\n" }, I, [
    "inv/group_vars/all.yml:2:1: a tab as indentation; YAML wants spaces",
  ]],
  ["a key twice", { [A]: "port: 1\nport: 2\n" }, I, [
    "inv/group_vars/all.yml:2:1: the same key twice in one mapping; keep one of them",
  ]],
  ["an alias", { [A]: "server_tags: &t [a]\nstreams: *t\n" }, I, [
    "inv/group_vars/all.yml:2:10: aliases (*name) are not supported; write the value out, or move it to a group's variables",
  ]],
  ["brackets without end", { [A]: `a: ${"[".repeat(5000)}\n` }, I, [
    "inv/group_vars/all.yml:1:1: more than 60 levels of nesting; close the brackets",
  ]],
  ["an unset variable", { [A]: "server_tags: [\"${AZ_TAG_X}\"]\n" }, I, [
    "inv/group_vars/all.yml:1:15: ${AZ_TAG_X} is not set; add AZ_TAG_X=… to inv/.env",
  ]],
  ["a variable with a bad name", { [A]: "server_tags: [\"${AZ-TAG}\"]\n" }, I, [
    "inv/group_vars/all.yml:1:15: server_tags[0]: \"${AZ-TAG}\" names no variable; write ${NAME}, or $${ for the characters themselves",
  ]],
  ["an Ansible expression", { [A]: "port: \"{{ nats_port }}\"\n" }, I, [
    "inv/group_vars/all.yml:1:7: port: \"{{ nats_port }}\" is not a port; write a whole number from 1 to 65535",
  ]],
  ["a vault", { [A]: "server_name: !vault abc\n" }, I, [
    "inv/group_vars/all.yml:1:14: tags (!name) are not supported; write the value itself, and secrets as ${NAME} with the value in .env",
  ]],
  ["several mistakes at once", { [A]: "prt: 1\nhttp_port: abc\nlame_duck_duration: 1s\n", "host_vars/n2.yml": "server_name: n 1\n" }, I, [
    "inv/group_vars/all.yml:1:1: unknown key \"prt\"; did you mean \"port\"?",
    "inv/group_vars/all.yml:2:12: http_port: \"abc\" is not a port; write a whole number from 1 to 65535",
    "inv/group_vars/all.yml:3:21: lame_duck_duration 1s is below the 30s that nats-server wants; write 30s or more",
    "inv/host_vars/n2.yml:1:14: server_name: \"n 1\" is not a server name; write it without spaces and quotes",
  ]],
  ["a sysctl without a dot", { [A]: "sysctl: { swappiness: 1 }\n" }, I, [
    "inv/group_vars/all.yml:1:23: \"swappiness\" is no name of a sysctl; write for example net.core.somaxconn",
  ]],
  ["a sysctl that is a list", { [A]: "sysctl: { vm.swappiness: [1] }\n" }, I, [
    "inv/group_vars/all.yml:1:11: sysctl.vm.swappiness: a list is not a value of a sysctl; write a number or a text; null leaves the setting alone",
  ]],
  ["a kernel argument with a blank", { [A]: "kernel_args: { \"a b\": 1 }\n" }, I, [
    "inv/group_vars/all.yml:1:23: \"a b\" is no name of a kernel argument; write for example nohz_full",
  ]],
  ["a range the wrong way round", { [A]: "sysctl: { net.ipv4.ip_local_port_range: \"9 1\" }\n" }, I, [
    "inv/group_vars/all.yml:1:41: sysctl net.ipv4.ip_local_port_range: \"9 1\" is no range; write for example \"10240 65535\"",
  ]],
  ["CPUs the wrong way round", { [A]: "cpus: \"7-2\"\n" }, I, [
    "inv/group_vars/all.yml:1:7: cpus: \"7-2\" is not a list of CPUs; write for example \"2-7\"",
  ]],
  ["an address with a blank", { "host_vars/n1.yml": "address: \"a b\"\n" }, I, [
    "inv/host_vars/n1.yml:1:10: address: \"a b\" is not an address; write a host name or an IP address (IPv6 without brackets)",
  ]],
  ["an address that ssh would take for an option", { "host_vars/n1.yml": "address: \"-oProxyCommand=x\"\n" }, I, [
    "inv/host_vars/n1.yml:1:10: address: \"-oProxyCommand=x\" is not an address; write a host name or an IP address (IPv6 without brackets)",
  ]],
  ["port 0", { "group_vars/nats.yml": "ssh: { port: 0 }\n" }, I, [
    "inv/group_vars/nats.yml:1:14: ssh.port: 0 is not a port; write a whole number from 1 to 65535",
  ]],
  ["an ssh option of two lines", { [A]: "ssh: { options: { ProxyCommand: \"a\\nb\" } }\n" }, I, [
    "inv/group_vars/all.yml:1:33: ssh.options.ProxyCommand: \"a\\nb\" is not a text or number; write one value",
  ]],
  ["a jump host with a blank", { [A]: "ssh: { proxy_jump: \"a b\" }\n" }, I, [
    "inv/group_vars/all.yml:1:20: ssh.proxy_jump: \"a b\" is not a word; write it without spaces",
  ]],
  ["a key file that isn't there", { [A]: "ssh: { identity_file: nope }\n" }, I, [
    "inv/group_vars/all.yml:1:23: ssh.identity_file: inv/nope does not exist; create it, or correct the path",
  ]],
  ["a relative store", { [A]: "jetstream: { store_dir: data }\n" }, I, [
    "inv/group_vars/all.yml:1:25: jetstream.store_dir: \"data\" is not an absolute path; write a path that starts with / and has no spaces, quotes or ..",
  ]],
  ["a store with a quote", { [A]: "jetstream: { store_dir: '/da\"ta' }\n" }, I, [
    "inv/group_vars/all.yml:1:25: jetstream.store_dir: \"/da\\\"ta\" is not an absolute path; write a path that starts with / and has no spaces, quotes or ..",
  ]],
  ["a store under /tmp", { [A]: "jetstream: { store_dir: /tmp/nats }\n" }, I, [
    "inv/group_vars/all.yml:1:25: jetstream.store_dir /tmp/nats is under /tmp, which is emptied; choose a folder such as /var/lib/nats/jetstream",
  ]],
  ["a tag with a quote", { [A]: "server_tags: ['a\"b']\n" }, I, [
    "inv/group_vars/all.yml:1:15: server_tags[0]: \"a\\\"b\" is not a tag; write it without spaces and quotes",
  ]],
  ["a terminal's escape in a value", { [A]: "server_tags: [\"\\e[31m\"]\n" }, I, [
    "inv/group_vars/all.yml:1:15: server_tags[0]: \"\\u001b[31m\" is not a tag; write it without spaces and quotes",
  ]],
  ["500 digits", { [A]: `port: ${"9".repeat(500)}\n` }, I, [
    "inv/group_vars/all.yml:1:7: port: \"999999999999999999999999999999999999999999999999999999999…\" is not a port; write a whole number from 1 to 65535",
  ]],
  ["no connections", { [A]: "max_connections: 0\n" }, I, [
    "inv/group_vars/all.yml:1:18: max_connections: 0 is not a whole number from 1; write the number alone",
  ]],
  ["half a ping", { [A]: "ping_max: 1.5\n" }, I, [
    "inv/group_vars/all.yml:1:11: ping_max: 1.5 is not a whole number from 1 to 100; write the number alone",
  ]],
  ["more than all the memory", { [A]: "gomemlimit: 120%\n" }, I, [
    "inv/group_vars/all.yml:1:13: gomemlimit: \"120%\" is not a share of the memory or a size; write for example 80% or 12GB, or off",
  ]],
  ["a source by FTP", { [A]: "nats_source: { url: \"ftp://x\", sha256: abc }\n" }, I, [
    "inv/group_vars/all.yml:1:21: nats_source.url: \"ftp://x\" is not a URL; write https://…",
    "inv/group_vars/all.yml:1:40: nats_source.sha256: \"abc\" is not a SHA-256 checksum; write its 64 hexadecimal digits, in quotes",
  ]],
  ["a source without a checksum", { [A]: "nats_source: { url: \"https://x/y\" }\n" }, I, [
    "inv/group_vars/all.yml:1:1: nats_source: url has no sha256; add the checksum of the file it names",
  ]],
  ["a source that isn't there", { [A]: "nats_source: { file: nats-server }\n" }, I, [
    "inv/group_vars/all.yml:1:22: nats_source.file: inv/nats-server does not exist; create it, or correct the path",
  ]],
  ["a version too old", { [A]: "nats_version: 2.9.25\n" }, I, [
    "inv/group_vars/all.yml:1:15: nats_version 2.9.25 has known security holes (CVE-2025-30215); take 2.10.27 or newer, or set allow_vulnerable_version: true",
  ]],
  ["a version in two parts", { [A]: "nats_version: 2.10\n" }, I, [
    "inv/group_vars/all.yml:1:15: nats_version: \"2.10\" is not a version; write all three numbers, for example 2.15.1",
  ]],
  ["an account that would end its block", { [A]: "users:\n  - { name: a, account: \"A}B\", password: \"${PW_A}\" }\n  - { name: s, account: SYS, password: \"${PW_S}\" }\n", ".env": "PW_A=x\nPW_S=y\n" }, I, [
    "inv/group_vars/all.yml:2:25: users[0].account: \"A}B\" is not an account's name; write it without spaces and quotes",
  ]],
  ["a password of 80 bytes, which isn't shown", { [A]: "users:\n  - { name: a, account: APP, password: \"${PW_A}\" }\n  - { name: s, account: SYS, password: \"${PW_S}\" }\n", ".env": `PW_A=${"x".repeat(80)}\nPW_S=y\n` }, I, [
    "inv/group_vars/all.yml:2:40: users[0].password: the value is not a password of 1 to 72 bytes; write ${NAME} and put its value into .env",
  ]],
  ["a subject with a blank", { [A]: "streams: [{ name: A, subjects: [\"a b\"] }]\n" }, I, [
    "inv/group_vars/all.yml:1:33: streams[0].subjects[0]: \"a b\" is not a subject; write for example logs.>",
  ]],
  ["a stream with more replicas than hosts", { [A]: "streams: [{ name: A, subjects: [a], num_replicas: 5 }]\n" }, I, [
    "inv/group_vars/all.yml:1:51: stream A wants 5 replicas and only 3 hosts have JetStream; lower num_replicas or add hosts",
  ]],
  ["a deliver group on a pull consumer", { [A]: "streams: [{ name: A, subjects: [a], consumers: [{ durable_name: w, deliver_group: g }] }]\n" }, I, [
    "inv/group_vars/all.yml:1:83: consumer w is a pull consumer and has no deliver_group; remove it, workers share the work by pulling from the same durable_name (or add deliver_subject to make it push)",
  ]],
  ["two servers of one name", { "host_vars/n2.yml": "server_name: n1\n" }, I, [
    "inv/host_vars/n2.yml:1:14: server_name \"n1\" is also that of n1; give each host its own",
  ]],
  ["two ports of one number", { [A]: "port: 8222\n" }, I, [
    "inv/group_vars/all.yml:1:7: port 8222 is also http_port; choose another",
  ]],
  ["a rate in words", { [A]: "verify: { rate: fast }\n" }, I, [
    "inv/group_vars/all.yml:1:17: verify.rate: \"fast\" is not a whole number from 1; write the number alone",
  ]],
];
