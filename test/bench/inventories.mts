import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostName } from "../../lib/lab/region.mts";

/** A host as the competitors reach it: itself, or through a delay line. */
export interface Place {
  name: string;
  /** its own address, which its peers use */
  ip: string;
  address: string;
  port: number;
}

/** Servers form clusters of three, whatever the number of hosts. */
const CLUSTER = 3;

const SETTINGS = {
  nats_cluster_name: "peers",
  nats_sysctl: {
    "net.core.somaxconn": 8192,
    "net.ipv4.tcp_fin_timeout": 20,
    "net.ipv4.tcp_keepalive_time": 300,
    "net.ipv4.tcp_keepalive_intvl": 30,
    "net.ipv4.tcp_keepalive_probes": 5,
    "net.ipv4.tcp_max_syn_backlog": 8192,
    "net.ipv4.tcp_tw_reuse": 1,
    "net.ipv4.tcp_notsent_lowat": 131072,
    "net.ipv4.tcp_mtu_probing": 1,
    "net.ipv4.tcp_syn_retries": 4,
    "net.ipv4.tcp_synack_retries": 3,
    "net.ipv4.ip_local_port_range": "10240 65000",
  },
  nats_users: [
    { user: "sys", password: "sys-secret", account: "$SYS" },
    { user: "app", password: "app-secret", account: "APP" },
  ],
  nats_routes_password: "route-secret",
  nats_max_mem: "256M",
  nats_max_file: "1G",
};

export const SYSCTLS = Object.keys(SETTINGS.nats_sysctl);

const clusterOf = (i: number): number => Math.floor(i / CLUSTER);

/** Writes the same hosts for sampan (hosts.yml) and for Ansible (ansible.json, with its group_vars). @returns the folder */
export function writeInventories(folder: string, places: readonly Place[], lab: string, program: { version: string; path: string }): string {
  mkdirSync(join(folder, "group_vars"), { recursive: true });
  const json = (file: string, value: unknown): void => writeFileSync(join(folder, file), JSON.stringify(value, null, 1));
  // YAML is a superset of JSON, so both read this.
  const key = join(lab, "id_ed25519");
  json("group_vars/nats.yml", SETTINGS);
  json("hosts.yml", {
    nats: {
      vars: { ssh: { user: "root", identity_file: key }, nats_version: program.version, nats_binary: program.path },
      hosts: Object.fromEntries(places.map((p, i) => [p.name, { address: p.address, ssh: { port: p.port }, nats_ip: p.ip, nats_cluster: clusterOf(i) }])),
    },
  });
  const known = new Map(
    readFileSync(join(lab, "known_hosts"), "utf8")
      .trim()
      .split("\n")
      .map((line) => [line.split(" ")[0]!, line.slice(line.indexOf(" "))]),
  );
  writeFileSync(join(folder, "known_hosts"), places.map((p) => `${p.port === 22 ? p.address : `[${p.address}]:${p.port}`}${known.get(p.ip)!}\n`).join(""));

  const ansible = join(folder, "ansible");
  mkdirSync(ansible, { recursive: true });
  json("ansible/hosts.json", {
    nats: {
      vars: {
        ansible_user: "root",
        ansible_ssh_private_key_file: key,
        // not that of whoever runs the benchmark
        ansible_ssh_common_args: `-o UserKnownHostsFile=${join(folder, "known_hosts")}`,
        nats_binary: program.path,
        ...SETTINGS,
      },
      hosts: Object.fromEntries(
        places.map((p, i) => [
          p.name,
          {
            ansible_host: p.address,
            ansible_port: p.port,
            nats_name: p.name,
            nats_cluster: clusterOf(i),
            nats_peers: places.filter((_, j) => clusterOf(j) === clusterOf(i)).map((o) => ({ name: o.name, ip: o.ip })),
          },
        ]),
      ),
    },
  });
  return folder;
}

export const hostNames = (count: number): string[] => Array.from({ length: count }, (_, i) => hostName(i + 1));
