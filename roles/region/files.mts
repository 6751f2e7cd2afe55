import { modeline } from "../../lib/inventory/modeline.mts";
import { type NewRegion, variableOf } from "./options.mts";
import type { Proposal } from "./proposal.mts";

/** The files of a new region, by path; secrets, CA and host keys come beside them. */
export function filesOf(region: string, wanted: NewRegion, proposals: ReadonlyMap<string, Proposal>): Map<string, string> {
  const [first, ...others] = wanted.hosts;
  const plan = proposals.get(first!.name)!;
  const files = new Map([
    ["hosts.yml", modeline("hosts") + hostsFile(region, wanted)],
    ["group_vars/all.yml", modeline("vars") + connectionFile(wanted)],
    ["group_vars/nats.yml", modeline("vars") + clusterFile(region, wanted, plan)],
    [".env.example", envFile(wanted, "")],
    [".gitignore", "# addresses and secrets; the region's CA and keys\n.env\npki/\n*.tmp\n"],
  ]);
  for (const { name } of others) {
    const own = sizing(proposals.get(name)!);
    if (own !== sizing(plan))
      files.set(`host_vars/${name}.yml`, `${modeline("vars")}# What this host has otherwise than ${first!.name}, as it was found.\n${own}`);
  }
  return files;
}

const hostsFile = (region: string, { hosts }: NewRegion): string => `# The region ${region}, made by region.mts.
#
# Groups and hosts are written as in Ansible's YAML inventories. Variables go into group_vars/<group>.yml and
# host_vars/<host>.yml; docs/inventory.md lists every key with its default and meaning.

nats:
  hosts:
    # A host's name is also its server_name. Its address stands in .env, which isn't committed.
${hosts.map(({ name }) => `    ${name}:\n      address: \${${variableOf(name)}}\n`).join("")}`;

const connectionFile = ({ user, port, key, jump }: NewRegion): string => `# How the hosts are reached. What isn't said here comes from ~/.ssh/config.
ssh:
  user: ${quoted(user)}
${port ? `  port: ${port}\n` : "  # port: 22\n"}${key ? `  identity_file: ${quoted(key)}\n` : "  # identity_file: ~/.ssh/id_ed25519\n"}${jump ? `  proxy_jump: ${quoted(jump)}\n` : "  # proxy_jump: bastion.example.net\n"}${
  user === "root"
    ? "# become: true                # for a user who isn't root but may use sudo\n"
    : "become: true                  # root by sudo; add -K where it wants a password\n"
}`;

const clusterFile = (
  region: string,
  { version, natsFile, cluster, hosts }: NewRegion,
  plan: Proposal,
): string => `# The cluster of the region ${region}. Options have the names that nats-server, sysctl and the kernel give them.

# --- nats-install ---
nats_version: ${quoted(version)}
${natsFile ? `nats_source:\n  file: ${quoted(natsFile)}\n` : "# nats_source: { github: true }      # or a url with its sha256, or a file of this machine\n"}
# --- cluster-config ---
cluster:
  name: ${quoted(cluster)}
  port: 6222
port: 4222
http_port: 8222               # only on 127.0.0.1
gomemlimit: 80%               # of the host's memory: beyond it Go collects garbage rather than grow
lame_duck_duration: 30s       # a node that stops sends its clients away over half a minute

# --- what the hosts' size suggests (as they were found: probed.json) ---
${plan.notes.map((note) => `# ${note}\n`).join("")}${sizing(plan)}
# --- jetstream-setup ---
# streams:
#   - name: LOGS
#     subjects: ["logs.>"]
#     num_replicas: ${hosts.length >= 3 ? 3 : 1}
#     consumers:
#       - durable_name: pull-worker      # workers share the work by pulling from the same durable consumer
#         ack_policy: explicit

# --- verify ---
# verify:
#   rate: 20000               # messages per second that the proof at a rollout's end offers; small hosts want less
#   thresholds:               # what has to arrive, and how soon
#     push: { p50: 10ms, p99: 100ms }
`;

const sizing = ({ storeDir, maxMem, maxFile, cpus, isolates }: Proposal): string => `jetstream:
  store_dir: ${storeDir}
  max_mem: ${maxMem}
  max_file: ${maxFile}
${
  cpus
    ? `# The CPUs before these keep the house: the kernel, sshd, interrupts.
cpus: ${cpus}
${
  isolates
    ? `# More isolation, after a reboot; of all forms \`cpus\` alone measured best: docs/kernel-tuning.md
# kernel_args:
#   isolcpus: managed_irq,${cpus}  # interrupts of disks stay away; load balancing stays on
#   nohz_full: ${cpus}              # no timer tick where only one thread runs, dearer system calls everywhere
#   rcu_nocbs: ${cpus}              # the kernel's RCU callbacks run elsewhere
`
    : ""
}`
    : "# cpus: all of them, as there are too few to set some apart (or the host is a container)\n"
}`;

/** @param addresses one for each host; left out, they are empty */
export const envFile = (
  { hosts }: NewRegion,
  secrets: string,
  addresses = false,
): string => `${addresses ? "# Not committed: see .gitignore" : "# cp .env.example .env && chmod 600 .env       (.env is ignored by git)"}

# Addresses by which this machine and the other servers reach each host
${hosts.map(({ name, address }) => `${variableOf(name)}=${addresses ? address : ""}\n`).join("")}
# Secret seeds of the two users${addresses ? "; keep a copy in a safe place" : "; left empty they are made by the first rollout"}
${secrets || "NATS_SYS_NKEY_SEED=\nNATS_APP_NKEY_SEED=\n"}`;

/** A YAML scalar that stays a text. */
const quoted = (value: string): string =>
  /^[A-Za-z/][\w./@-]*$/.test(value) && !/^(true|false|yes|no|on|off|null)$/i.test(value) ? value : JSON.stringify(value);
