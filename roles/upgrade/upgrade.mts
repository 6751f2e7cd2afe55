import { UsageError } from "../../lib/inventory/types.mts";
import { observe } from "../../lib/nats/observe.mts";
import { type Options, ownFlags } from "../../lib/playbook/cli.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import { roll } from "../../lib/playbook/roll.mts";
import { type Cluster, clustersOf } from "../cluster.mts";
import { clusterGate } from "../gate.mts";
import { leadersSpread } from "../jetstream-setup/partition-leaders.mts";
import { unsupported } from "../nats-install/checks.mts";
import type { SiteRun } from "../site.mts";
import { verified } from "../verify/verified.mts";
import { formerVersion, setVersion, wantedVersion, whatTheyHave } from "./destination.mts";
import { switchTo } from "./handlers.mts";
import { pin } from "./pin.mts";
import { DOWN, preflight } from "./preflight.mts";
import { upgradeBeside, upgradeLook } from "./tasks.mts";
import { Witness } from "./witness.mts";

const DEFAULT_RATE = 200;

/** The flags of upgrade.mts by name. */
export type UpgradeFlags = Record<"to" | "load", { type: "string"; text: string }> &
  Record<"rollback" | "accept-r1-downtime" | "skip-minors", { type: "boolean"; text: string }>;

/** What the flags mean for the inventory. @throws UsageError */
export function adapt(flags: UpgradeFlags, options: Options): Options {
  const { to, rollback, load = String(DEFAULT_RATE) } = ownFlags(flags, options);
  if (to !== undefined && rollback) throw new UsageError("--to and --rollback: one of them; --rollback finds the version by itself");
  if (options.extraVars.some((text) => /^nats_version=/.test(text)))
    throw new UsageError("-e nats_version: say --to VERSION, which is written into the inventory");
  if (!/^\d+$/.test(load) || Number(load) > 5000) throw new UsageError(`--load takes messages per second, 0 to 5000, not "${load}"`);
  const version = to?.replace(/^v/, "");
  if (version !== undefined) {
    if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) throw new UsageError(`--to ${to} is not a version; write all three numbers, for example --to 2.15.1`);
    const fault = unsupported(version, options.extraVars.includes("allow_vulnerable_version=true"));
    if (fault) throw new UsageError(`--to ${fault}`);
  }
  // Skipped minors are told with all else that speaks against it, by the pre-flight.
  return { ...options, extraVars: [...options.extraVars, ...(version ? [`nats_version=${version}`] : []), "allow_skipped_minors=true"] };
}

/** The whole of it: look, refuse, write the inventory, put the version beside, roll under load, verify. */
export async function upgrade(flags: UpgradeFlags, run: SiteRun): Promise<void> {
  const {
    rollback = false,
    load = String(DEFAULT_RATE),
    "accept-r1-downtime": acceptR1Downtime = false,
    "skip-minors": skipMinors = false,
  } = ownFlags(flags, run.config.options);
  const wanted = wantedVersion(run);
  await run.hosts("look", [upgradeLook(rollback ? "" : wanted)]);
  if (over(run)) return;
  const has = await whatTheyHave(run);
  const version = rollback ? formerVersion(has, wanted, run.config.hosts[0]!.vars.allow_unsupported_downgrade) : wanted;
  setVersion(run, version);
  const clusters = await clustersOf(run);
  const before = new Map<string, string>();
  await clusterPhase(run, "pre-flight", preflight({ version, has, acceptR1Downtime, skipMinors, before }), clusters);
  if (over(run)) return;
  await pin(run, clusters, version);
  if (over(run)) return;
  await run.hosts("put it beside", [upgradeBeside]);
  // A host that can't have it stops all: no node has been touched.
  if (over(run)) return;
  const down = new Set([...before].filter(([, has]) => has === DOWN).map(([name]) => name));
  if (!(await rolled(run, clusters, { version, rate: Number(load), down }))) return;
  await showVersions(run, clusters, before);
  if (run.mode === "apply") await leadersSpread(run, clusters);
  await verified(run);
}

/** @returns false when it came to an end before the last node */
async function rolled(
  run: SiteRun,
  clusters: readonly Cluster[],
  { version, rate, down }: { version: string; rate: number; down: ReadonlySet<string> },
): Promise<boolean> {
  const handler = switchTo(version);
  const due = [...run.due.values()].flat().some((step) => step.handler === handler);
  if (run.mode === "check" || !due) return true;
  const witness = new Witness({ run, clusters, rate, down });
  try {
    await roll(run, handler, witness.watching(clusterGate(clusters, run.abort.signal)));
  } finally {
    await witness.end();
  }
  return !over(run);
}

/** Something failed, a host can't be reached, or the user has stopped it. */
const over = (run: SiteRun): boolean => run.exit !== 0 && run.exit !== 2;

async function showVersions(run: SiteRun, clusters: readonly Cluster[], before: ReadonlyMap<string, string>): Promise<void> {
  if (run.mode === "check") return;
  for (const { name, target, connect, emit } of clusters) {
    const { nodes } = await observe(target, connect);
    emit({
      type: "table",
      title: `${name}: versions`,
      columns: ["node", "before", "now"],
      rows: nodes.map(({ node, server }) => [node.lane, before.get(node.lane) ?? "", server?.version ?? DOWN]),
    });
  }
}
