import { basename } from "node:path";
import { Draft, refuseTaken } from "../../lib/inventory/draft.mts";
import { shown } from "../../lib/inventory/problems.mts";
import { type Host, UsageError } from "../../lib/inventory/types.mts";
import { ensurePki } from "../../lib/pki/ca.mts";
import { generateMissingSecrets } from "../../lib/pki/secrets.mts";
import { withPassword } from "../../lib/playbook/password.mts";
import { ask, canAsk, confirm } from "../../lib/playbook/questions.mts";
import { pool } from "../../lib/pool.mts";
import { explain } from "../../lib/ssh/errors.mts";
import { askHostKey, type HostKey, withOwnFile } from "../../lib/ssh/host-keys.mts";
import { validateAgainstFacts } from "../facts-checks.mts";
import { loadInventory } from "../inventory.mts";
import { envFile, filesOf } from "./files.mts";
import { type Given, type NewRegion, newRegion, type RegionOptions, wrong } from "./options.mts";
import { lineOf, probe } from "./probe.mts";
import { cells, propose, seen } from "./proposal.mts";
import { say, show } from "./screen.mts";

const SEEDS = [
  { name: "NATS_SYS_NKEY_SEED", kind: "nkey" },
  { name: "NATS_APP_NKEY_SEED", kind: "nkey" },
] as const;
const DEFAULT_STORE = "/var/lib/nats/jetstream";

/** Makes a region's inventory from what its hosts are; all of it, or nothing. @returns the exit status. @throws UsageError, Left */
export async function makeRegion({ dir, given, acceptNewHostKeys, check, askBecomePass }: RegionOptions): Promise<number> {
  const region = basename(dir);
  refuseTaken(dir);
  const wanted = newRegion(given.host.length || !canAsk() ? given : await asked(given, region), region);
  const draft = new Draft(dir, check);
  let asksPassword = askBecomePass;
  try {
    let hosts = hostsOf(wanted, `${draft.dir}/known_hosts`);
    await hostKeysInto(draft, hosts, acceptNewHostKeys);
    if (asksPassword) hosts = (await withPassword())(hosts);
    let probed = await probe(hosts, () => DEFAULT_STORE);
    if (!asksPassword && canAsk() && [...probed.values()].some(({ failure }) => failure?.next?.includes("--ask-become-pass"))) {
      asksPassword = true;
      say("sudo asks for a password there");
      hosts = (await withPassword())(hosts);
      probed = await probe(hosts, () => DEFAULT_STORE);
    }
    const found = hosts.flatMap(({ name }) => {
      const one = probed.get(name)!;
      return one.failure ? [] : [{ name, facts: one.facts, seen: seen(one.facts, one.disks), proposal: propose(one.facts, one.disks) }];
    });
    const failed = hosts.flatMap(({ name }) => probed.get(name)!.failure ?? []).length;
    if (failed) throw new UsageError([...hosts.flatMap(({ name }) => (probed.get(name)!.failure ? [lineOf(name, probed.get(name)!.failure!)] : [])), NOTHING]);
    show(
      "what the hosts are",
      ["host", "address", "system", "", "CPUs", "memory", "disks"],
      found.map((f, i) => [f.name, wanted.hosts[i]!.address, ...cells(f.seen)]),
    );

    const files = filesOf(region, wanted, new Map(found.map((f) => [f.name, f.proposal])));
    for (const [path, text] of files) draft.write(path, text);
    draft.write("probed.json", `${JSON.stringify(Object.fromEntries(found.map((f) => [f.name, f.seen])), null, 2)}\n`);
    draft.write(".env", envFile(wanted, "", true), 0o600);
    generateMissingSecrets(draft.dir, SEEDS);
    const inventory = loadInventory(draft.dir);
    await ensurePki(
      draft.dir,
      inventory.hosts.map((h) => ({ name: h.name, serverName: h.vars.server_name, address: h.connection.address })),
    );
    const unfit = found.flatMap(({ name, facts }) =>
      validateAgainstFacts(inventory, inventory.hosts.find((h) => h.name === name)!, {
        cpus: Math.max(...facts.cpus) + 1,
        memory: facts.memoryBytes,
        stored: facts.storeHoldsStreams ? facts.storedVersion : undefined,
      }),
    );
    if (unfit.length) throw new UsageError([...unfit, NOTHING]);
    for (const { name, facts } of found)
      if (facts.natsVersion) say(`warning: ${name} has a nats-server ${facts.natsVersion} that sampan installed: is it another region's host?`);
    for (const warning of inventory.warnings) say(`warning: ${warning.replaceAll(draft.dir, shown(dir)).replaceAll(shown(draft.dir), shown(dir))}`);
    if (check) {
      for (const [path, text] of files) say(`\n--- ${shown(dir)}/${path}\n${text}`);
      say(`\nand .env with fresh seeds, pki/ with a new CA, known_hosts, probed.json; nothing was written`);
      return 2;
    }
    draft.put();
  } finally {
    draft.drop();
  }
  say(
    `\n${shown(dir)} is written. Look through ${shown(dir)}/group_vars/nats.yml, then roll it out:\n\n  ./playbooks/site.mts -i ${shown(dir)}${asksPassword ? " -K" : ""}`,
  );
  return 0;
}

const NOTHING = "nothing was written";

/** Asks for what the command line doesn't say. @throws Left */
async function asked(given: Given, region: string): Promise<Given> {
  process.stderr.write(`A new region, ${region}. Enter takes what stands in brackets; Ctrl-C leaves, and nothing is written.\n`);
  const one = (key: Exclude<keyof Given, "host">, question: string, preset: string, check: (text: string) => string | undefined): Promise<string> =>
    given[key] === undefined ? ask(question, preset, check) : Promise.resolve(given[key]);
  return {
    ...given,
    host: [await ask("Addresses of its hosts (1, 3 or 5; with spaces between)", "", wrong.hosts)],
    user: await one("user", "SSH user (any but root becomes root by sudo)", "root", wrong.user),
    port: await one("port", "SSH port (empty: as ssh_config says)", "", wrong.port),
    key: await one("key", "Private key (empty: ssh_config's, or the agent's)", "", () => undefined),
    jump: await one("jump", "Jump host (empty: none)", "", wrong.jump),
    "nats-version": await one("nats-version", "nats-server", "2.15.1", wrong.version),
    "cluster-name": await one("cluster-name", "Name of the cluster", `nats-cluster-${region}`, wrong.cluster),
  };
}

const hostsOf = ({ hosts, user, port, key, jump }: NewRegion, known_hosts: string): Host[] =>
  hosts.map(({ name, address }) => ({
    name,
    groups: ["nats"],
    vars: undefined,
    connection: { address, user, port, identity_file: key, proxy_jump: jump, become: user !== "root", options: { ConnectTimeout: "10" }, known_hosts },
  }));

/** Shows the fingerprints, and writes the keys into the draft once somebody has said yes. @throws UsageError, Left */
async function hostKeysInto(draft: Draft, hosts: readonly Host[], accept: boolean): Promise<void> {
  say(`asking ${hosts.length === 1 ? "the host" : `${hosts.length} hosts`} for ${hosts.length === 1 ? "its key" : "their keys"} …`);
  const asked = await withOwnFile((file) =>
    pool(hosts, 20, async ({ name, connection }) => ({ name, connection, ...(await askHostKey({ ...connection, known_hosts: file(name) })) })),
  );
  const failed = asked.flatMap(({ name, connection, own, stderr, exit }) => (own ? [] : [lineOf(name, explain(connection, stderr, exit))]));
  if (failed.length) throw new UsageError([...failed, NOTHING]);
  const twins = asked.filter(({ own }, i) => asked.some((other, j) => j < i && other.own!.fingerprint === own!.fingerprint)).map(({ name }) => name);
  const jumps = new Map<string, HostKey>();
  for (const { keys, own } of asked) for (const key of keys) if (key !== own && key.line !== own!.line) jumps.set(key.line, key);
  show(
    "host keys",
    ["host", "address", "key", "fingerprint"],
    [
      ...[...jumps.values()].map((k) => ["(jump host)", k.host || "(hashed)", k.type, k.fingerprint]),
      ...asked.map(({ name, connection, own }) => [name, connection.address, own!.type, own!.fingerprint]),
    ],
  );
  if (twins.length) say(`warning: ${twins.join(", ")} has the same key as another: cloned from one image, or the same machine twice?`);
  if (!accept) {
    if (!canAsk())
      throw new UsageError([
        "nobody is there to be asked about these fingerprints; compare them with the hosts' own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there), and add --accept-new-host-keys",
        NOTHING,
      ]);
    process.stderr.write("On a host's own console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n");
    if (!(await confirm("Are these the hosts' keys?"))) throw new UsageError(`the host keys weren't accepted; ${NOTHING}`);
  }
  const lines = new Set(asked.flatMap(({ keys }) => keys.map((k) => k.line)));
  draft.write("known_hosts", `${[...lines].join("\n")}\n`);
}
