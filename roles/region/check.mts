import { basename } from "node:path";
import { textOf } from "../../lib/inventory/edit.mts";
import { shown } from "../../lib/inventory/problems.mts";
import { UsageError } from "../../lib/inventory/types.mts";
import { generateMissingSecrets } from "../../lib/pki/secrets.mts";
import { withPassword } from "../../lib/playbook/password.mts";
import { pool } from "../../lib/pool.mts";
import { explain } from "../../lib/ssh/errors.mts";
import { askHostKey, hostKeys, ownKey, withOwnFile } from "../../lib/ssh/host-keys.mts";
import { validateAgainstFacts } from "../facts-checks.mts";
import { loadInventory } from "../inventory.mts";
import type { Vars } from "../schema.mts";
import type { RegionOptions } from "./options.mts";
import { lineOf, probe } from "./probe.mts";
import { type Seen, seen, text } from "./proposal.mts";
import { say, show } from "./screen.mts";

/** One thing that isn't as the inventory, or the last probe, has it. */
interface Difference {
  host: string;
  what: string;
  inventory: string;
  now: string;
}

/** Probes a region's hosts again. Changes nothing. @returns the exit status. @throws UsageError */
export async function checkRegion({ dir, askBecomePass }: RegionOptions): Promise<number> {
  const inventory = loadInventory(dir, { generate: (missing) => generateMissingSecrets(dir, missing, { dryRun: true }) });
  const before = probedOf(dir);
  const differences: Difference[] = [];
  const unreachable: string[] = [];
  const plain = askBecomePass ? (await withPassword())(inventory.hosts) : inventory.hosts;

  const keys = await withOwnFile((file) =>
    pool(plain, 20, async ({ name, connection }) => ({ name, connection, ...(await askHostKey({ ...connection, known_hosts: file(name) })) })),
  );
  const trusted = keys.flatMap(({ name, connection, own, stderr, exit }) => {
    if (!own) {
      unreachable.push(lineOf(name, explain(connection, stderr, exit)));
      return [];
    }
    const known = hostKeys(connection.known_hosts).filter((k) => ownKey([k], connection));
    if (known.some((k) => k.fingerprint === own.fingerprint)) return [name];
    differences.push({ host: name, what: "host key", inventory: known.map((k) => k.fingerprint).join(" ") || "not in known_hosts", now: own.fingerprint });
    return [];
  });

  const hosts = plain.filter((h) => trusted.includes(h.name));
  const probed = await probe(hosts, (host) => (host.vars as Vars).jetstream.store_dir);
  for (const host of hosts) {
    const one = probed.get(host.name)!;
    if (one.failure) {
      unreachable.push(lineOf(host.name, one.failure));
      continue;
    }
    const { facts } = one;
    if (before[host.name]) differences.push(...compared(host.name, before[host.name]!, seen(facts, one.disks)));
    else say(`${host.name}: no earlier probe is written down (${shown(dir)}/probed.json), so it is only held against the inventory`);
    for (const line of validateAgainstFacts(inventory, host, {
      cpus: Math.max(...facts.cpus) + 1,
      memory: facts.memoryBytes,
      stored: facts.storeHoldsStreams ? facts.storedVersion : undefined,
    }))
      differences.push({ host: host.name, what: "inventory", inventory: line, now: "" });
  }
  for (const line of unreachable) process.stderr.write(`${line}\n`);
  if (differences.length)
    show(
      "what differs",
      ["host", "what", "inventory", "now"],
      differences.map((d) => [d.host, d.what, d.inventory, d.now]),
    );
  else if (!unreachable.length) say(`${basename(dir)}: ${hosts.length === 1 ? "its host is" : `all ${hosts.length} hosts are`} as the inventory has them`);
  return unreachable.length ? 4 : differences.length ? 2 : 0;
}

function probedOf(dir: string): Record<string, Seen> {
  const found = textOf(`${dir}/probed.json`);
  try {
    return found === "" ? {} : (JSON.parse(found) as Record<string, Seen>);
  } catch {
    throw new UsageError(`${shown(dir)}/probed.json: isn't JSON; put it back as region.mts wrote it, or remove it`);
  }
}

function compared(host: string, before: Seen, now: Seen): Difference[] {
  const found: Difference[] = [];
  const say = (what: string, inventory: string, is: string): unknown => inventory !== is && found.push({ host, what, inventory, now: is });
  say("system", before.os, now.os);
  say("architecture", before.arch, now.arch);
  say("CPUs", String(before.cpus), String(now.cpus));
  // What the kernel keeps for itself differs a little from boot to boot.
  if (Math.abs(before.memory_bytes - now.memory_bytes) > before.memory_bytes * 0.02) say("memory", text(before.memory_bytes), text(now.memory_bytes));
  for (const disk of new Set([...Object.keys(before.disks), ...Object.keys(now.disks)])) {
    const [was, is] = [before.disks[disk], now.disks[disk]];
    if (was !== is) say(`disk ${disk}`, was === undefined ? "not there" : text(was), is === undefined ? "not there" : text(is));
  }
  return found;
}
