import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { modeline } from "../inventory/modeline.mts";
import { binaryPattern, defaultVersion } from "./binaries.mts";
import { hostKey } from "./disk.mts";
import { writeAtomically } from "./files.mts";
import { address, vmName } from "./region.mts";
import type { RegionState } from "./state.mts";
import { dataMount } from "./vm/disk.mts";

/** Writes the region's inventory. What sampan keeps beside it (`.env`, `pki/`) is left alone. */
export async function writeInventory({ region, octet, hosts, disks, inventory }: RegionState): Promise<void> {
  await mkdir(join(inventory, "group_vars"), { recursive: true });
  const known = await Promise.all(hosts.map(async (host) => `${address(octet, host)} ${await hostKey(disks, host)}\n`));
  await writeAtomically(join(inventory, "id_ed25519"), await readFile(join(disks, "id_ed25519"), "utf8"), 0o600);
  await writeAtomically(join(inventory, "known_hosts"), known.join(""));
  await writeAtomically(join(inventory, "hosts.yml"), hostsYaml(octet, hosts));
  await writeAtomically(join(inventory, "group_vars/all.yml"), varsYaml(region, hosts.length));
}

const generated = "# Made by ./playbooks/lab.mts: changes here are lost at the next `up`.\n";

const hostsYaml = (octet: number, hosts: readonly string[]): string => `${modeline("hosts")}${generated}nats:
  hosts:
${hosts.map((host) => `    ${host}: { address: ${address(octet, host)}${host === vmName ? vmVars : ""} }\n`).join("")}`;

// its store has a disk of its own
const vmVars = `, jetstream: { store_dir: ${dataMount}/nats/jetstream }`;

const varsYaml = (region: string, nodes: number): string => `${modeline("vars")}${generated}ssh:
  user: root
  identity_file: id_ed25519        # relative to this inventory
nats_version: ${defaultVersion}
nats_source:
  file: ${JSON.stringify(binaryPattern())}
cluster: { name: nats-cluster-lab${region === "default" ? "" : `-${region}`} }
jetstream: { max_mem: 256MB, max_file: 1GB }
streams:
  - name: LOGS
    subjects: [logs.>]
    storage: file
    num_replicas: ${nodes >= 3 ? 3 : 1}
    consumers:
      - { durable_name: pull-worker, ack_policy: explicit, max_ack_pending: 50000 }
# All servers and the load generator share this machine's CPUs: what is lost or delivered twice counts here, the speed doesn't.
verify:
  thresholds:
    push: { rate: 1, p50: 60s, p99: 60s, p999: 60s }
    pull: { rate: 1, p50: 60s, p99: 60s, p999: 60s }
    route_rtt: 10s
`;
