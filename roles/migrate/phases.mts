import { join } from "node:path";
import { UsageError } from "../../lib/inventory/types.mts";
import { isComplete } from "../../lib/nats/backup/folder.mts";
import { readManifest } from "../../lib/nats/backup/manifest.mts";
import { giveUp, type MigrationState, readState, writeState } from "../../lib/nats/backup/migration.mts";
import type { Source } from "../../lib/nats/source.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import { roll } from "../../lib/playbook/roll.mts";
import { asideOf } from "../../lib/resources/store-aside.mts";
import { formed } from "../bootstrap.mts";
import type { Cluster } from "../cluster.mts";
import { reloadOrRestart } from "../cluster-config/handlers.mts";
import { clusterConfig } from "../cluster-config/tasks.mts";
import { clusterGate } from "../gate.mts";
import { jetstreamSetup } from "../jetstream-setup/tasks.mts";
import { natsInstall } from "../nats-install/tasks.mts";
import { restoreRole } from "../restore/tasks.mts";
import type { SiteRun } from "../site.mts";
import { aside } from "./aside.mts";
import { back, notWritten } from "./back.mts";
import { finish } from "./finish.mts";
import { placeOf } from "./options.mts";
import { out } from "./out.mts";
import { unchanged } from "./unchanged.mts";

export interface Migration {
  source: Source;
  /** folder of state and backup */
  dir: string;
  /** the inventory's host on which the old server runs, when it becomes a node; its store's folder and its unit */
  inPlace?: { host: string; store?: string; unit: string };
  acceptMemoryLoss: boolean;
}

const STEPS = [
  "close the streams to publishers, save them, read them back",
  "stop the old server and move its store aside",
  "install and configure the cluster on empty stores",
  "put the streams back with their replicas, prove them, open them to publishers",
  "verify",
];

/** The whole way, or the rest of it: each stage is known by what is on disks and servers. @returns whether it is done */
export async function migrate(run: SiteRun, clusters: readonly Cluster[], migration: Migration): Promise<boolean> {
  const done = await stages(run, clusters, migration);
  if (!done && run.mode === "apply" && readState(migration.dir, placeOf(migration.source))) {
    run.emit({
      type: "warning",
      text: "publishers get no acknowledgement from the old server until this is through: run the same command again, or give it up with --back",
    });
  }
  return done;
}

/** Ends early when something fails. */
async function stages(run: SiteRun, clusters: readonly Cluster[], { source, dir, inPlace, acceptMemoryLoss }: Migration): Promise<boolean> {
  const cluster = clusters[0]!,
    backup = join(dir, "backup");
  const state = (): ReturnType<typeof readState> => readState(dir, placeOf(source));
  const well = (): boolean => run.exit === 0 && !run.stopped;
  if (state()?.stage === "done") {
    run.emit({ type: "warning", text: `the migration from ${placeOf(source)} is done; ${dir} may be moved away` });
    return true;
  }
  if (run.mode === "check")
    run.emit({
      type: "table",
      title: "the way",
      columns: ["", "step"],
      rows: STEPS.filter((_, i) => inPlace || (i !== 1 && i !== 2)).map((step, i) => [String(i + 1), step]),
    });
  if (!state() || state()?.stage === "open" || !isComplete(backup)) {
    await clusterPhase(run, "save the old server", out({ source, dir, backup, state: state(), acceptMemoryLoss, newHosts: !inPlace }), clusters);
    if (run.mode === "check" || !well()) return false;
  } else if (state()!.stage === "stopping" && !inPlace) {
    throw new UsageError(`${dir} is of a migration in place, which was about to stop the old server; give --in-place HOST as before, or --back`);
  }
  const manifest = readManifest(backup),
    look = { source, manifest, gone: inPlace !== undefined && state()!.stage !== "saved" };
  const reached = (stage: MigrationState["stage"]): void => writeState(dir, { ...state()!, stage });
  await clusterPhase(run, "look at the old server", unchanged(look), clusters);
  if (run.mode === "check" || !well()) return false;
  if (inPlace) {
    if (!look.gone) reached("stopping");
    const { host, ...where } = inPlace;
    const old = aside({ ...where, saved: manifest.streams.filter((s) => s.config["storage"] !== "memory").map((s) => s.name) });
    await run.hosts("stop the old server, keep its store", [old], (h) => h.name !== host);
    if (!well()) return false;
    await run.hosts("install and configure", [natsInstall, clusterConfig]);
    await formed(run, clusters);
    await roll(run, reloadOrRestart, clusterGate(clusters, run.abort.signal));
    if (!well()) return false;
  }
  reached("restoring");
  const nodes = cluster.target.nodes.filter((n) => n.jetstream).length;
  await clusterPhase(run, "restore", restoreRole({ from: backup, streams: [], replace: false, replicas: Math.min(3, nodes), mark: true }), clusters);
  if (!well()) return false;
  await clusterPhase(run, "streams and consumers", jetstreamSetup, clusters);
  if (!well()) return false;
  if (!inPlace) await clusterPhase(run, "look at the old server again", unchanged(look), clusters);
  if (!well()) return false;
  await clusterPhase(
    run,
    "compare",
    finish(manifest, () => reached("done")),
    clusters,
  );
  if (well())
    run.emit({ type: "warning", text: kept(source, dir, inPlace && asideOf(inPlace.store ?? cluster.hosts[0]!.vars.jetstream.store_dir), inPlace?.host) });
  return well();
}

const kept = (source: Source, dir: string, store: string | undefined, host: string | undefined): string =>
  store
    ? `the old server's store is kept on ${host} in ${store}, and the backup in ${dir}: remove both when nothing is missed. The way back: docs/migrate.md`
    : `the old server ${placeOf(source)} is as it was, but closed to publishers; let the clients use the cluster, then switch it off. The way back: --back`;

/** Opens the old server again, and puts what was saved of it out of the way. `acceptLoss`: whatever the cluster has taken since. */
export async function goBack(
  run: SiteRun,
  clusters: readonly Cluster[],
  { source, dir, acceptLoss }: Pick<Migration, "source" | "dir"> & { acceptLoss: boolean },
): Promise<void> {
  const state = readState(dir, placeOf(source));
  if ((state?.stage === "restoring" || state?.stage === "done") && !acceptLoss) {
    await clusterPhase(run, "look at the cluster", notWritten(readManifest(join(dir, "backup"))), clusters);
    if (run.exit !== 0 || run.stopped) return;
  }
  await clusterPhase(run, "open the old server", back(source, state?.configs ?? {}), clusters);
  if (state && run.mode === "apply" && run.exit === 0) giveUp(dir);
}
