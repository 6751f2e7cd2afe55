import { plan } from "../lib/engine/compile.mts";
import { type Facts, TYPICAL } from "../lib/engine/facts.mts";
import type { LoadedInventory } from "../lib/inventory/load.mts";
import { select } from "../lib/inventory/select.mts";
import { type Host, UsageError } from "../lib/inventory/types.mts";
import { generateMissingSecrets, publicKey } from "../lib/pki/secrets.mts";
import type { FlagName, Flags, Options } from "../lib/playbook/cli.mts";
import { playbook } from "../lib/playbook/playbook.mts";
import type { AnyHostRole, ClusterRole, HostRole } from "../lib/playbook/role.mts";
import type { Run } from "../lib/playbook/run.mts";
import { type Cluster, clustersOf } from "./cluster.mts";
import { checkCertificates } from "./cluster-config/certificates.mts";
import { byCluster, narrowed, type Scope } from "./clusters.mts";
import { validateAgainstFacts } from "./facts-checks.mts";
import { loadInventory } from "./inventory.mts";
import type { Vars } from "./schema.mts";

export type SiteRun = Run<Vars, LoadedInventory<Vars>>;
type SiteRole = AnyHostRole<Vars> | ClusterRole<Cluster>;

interface SiteSpec {
  /** one sentence for --help */
  about: string;
  examples: readonly (readonly [args: string, what: string])[];
  /** in the order in which they run */
  roles: readonly SiteRole[];
  /** false when no host is changed */
  writes: boolean;
  /** true where NATS is all that is worked with, and hosts aren't shown */
  natsOnly?: boolean;
  /** default one: in an inventory of several clusters, the user names it by --cluster */
  clusters?: Scope;
  flags?: Flags;
  without?: readonly FlagName[];
  /** the page of docs/ about it, without .md */
  page?: string;
  /** what the playbook's own flags mean for the common ones, before the inventory is read. @throws UsageError */
  adapt?: (options: Options) => Options;
  /** another inventory than the one that was read (hosts that leave aren't in it), and who is worked on. @throws UsageError */
  choose?: (inventory: LoadedInventory<Vars>, options: Options) => Chosen;
}
interface Chosen {
  inventory: LoadedInventory<Vars>;
  hosts: readonly Host<Vars>[];
}

/** A playbook over an inventory of NATS servers: the roles' keys, checks and facts are wired in here. */
export const sitePlaybook = (
  { roles, adapt = (options) => options, choose = byLimit, clusters = "one", without = [], ...spec }: SiteSpec,
  main: (run: SiteRun) => Promise<void>,
): Promise<never> =>
  playbook<Vars, LoadedInventory<Vars>>(
    {
      ...spec,
      without: [...without, ...UNSCOPED[clusters]],
      roles: [...new Set(roles.map((r) => r.name))],
      storeDir: (vars) => vars.jetstream.store_dir,
      load: async (options) => {
        const adapted = adapt(options);
        const made = { secrets: false };
        const chosen = async (how: "dry" | "write"): Promise<Chosen> => choose(narrowed(await load(adapted, how, made), adapted.cluster, clusters), adapted);
        const { inventory, hosts } = await chosen("dry");
        // A template with a slip is told now, and not by a host.
        for (const role of roles) if (role.kind === "host") hostTasks(role as HostRole<Vars>, { inventory, hosts: hosts.slice(0, 1) });
        if (options.check || !made.secrets) return { inventory, hosts };
        return { inventory, hosts, settle: () => chosen("write") };
      },
      checkFacts: (inventory, host, facts) =>
        validateAgainstFacts(inventory, host, {
          cpus: Math.max(...facts.cpus) + 1,
          memory: facts.memoryBytes,
          stored: facts.storeHoldsStreams ? facts.storedVersion : undefined,
        }),
      tasks: async (run) => {
        const listed: { role: string; task: string }[] = [];
        for (const role of roles) listed.push(...(role.kind === "host" ? hostTasks(role as HostRole<Vars>, run.config) : await clusterTasks(role, run)));
        return listed.filter((t, i) => listed.findIndex((o) => o.role === t.role && o.task === t.task) === i);
      },
    },
    main,
  );

/** Common flags that say nothing to a playbook, by how many clusters it works on. */
const UNSCOPED: Record<Scope, readonly FlagName[]> = { one: ["max-fail"], any: [], all: ["cluster"] };

const byLimit = (inventory: LoadedInventory<Vars>, { limit }: Options): Chosen => ({
  inventory,
  hosts: limit === undefined ? inventory.hosts : select(inventory, limit),
});

/** `dry`: users' seeds that .env lacks are made for the look only, and `made` tells of it. */
async function load(options: Options, how: "dry" | "write", made: { secrets: boolean }): Promise<LoadedInventory<Vars>> {
  const inventory = loadInventory(options.inventory, {
    extraVars: options.extraVars,
    generate: (missing) => {
      made.secrets = true;
      return generateMissingSecrets(options.inventory, missing, { dryRun: how === "dry" });
    },
  });
  await checkCertificates(inventory);
  checkSeeds(inventory);
  return inventory;
}

/** A seed with a slip in it looks like one. @throws UsageError with a line for each */
function checkSeeds({ hosts, originOf }: LoadedInventory<Vars>): void {
  const lines = byCluster(hosts).flatMap(([first]) =>
    first!.vars.users.flatMap(({ nkey_seed: seed }, i) => {
      try {
        if (seed) publicKey(seed, `${originOf(first!.name, ["users", i, "nkey_seed"])}: users[${i}].nkey_seed`);
        return [];
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        return error.lines;
      }
    }),
  );
  if (lines.length) throw new UsageError([...new Set(lines)]);
}

/** What a role would do on a plain server; nothing is connected and nothing prepared for that. */
function hostTasks(role: HostRole<Vars>, { inventory, hosts }: Pick<SiteRun["config"], "inventory" | "hosts">): { role: string; task: string }[] {
  const facts: Facts = TYPICAL;
  return hosts.flatMap((host) => plan([{ role: role.name, resources: role.resources({ host, vars: host.vars, facts, inventory, prepared: undefined }) }]));
}

async function clusterTasks(role: ClusterRole<Cluster>, run: SiteRun): Promise<{ role: string; task: string }[]> {
  return (await clustersOf(run)).flatMap((c) => role.list(c).map((task) => ({ role: role.name, task })));
}
