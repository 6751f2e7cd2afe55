#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { resolve } from "node:path";
import { UsageError } from "../lib/inventory/types.mts";
import { readManifest } from "../lib/nats/backup/manifest.mts";
import { type Flags, ownFlags } from "../lib/playbook/cli.mts";
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { clustersOf } from "../roles/cluster.mts";
import { restoreRole } from "../roles/restore/tasks.mts";
import { sitePlaybook } from "../roles/site.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";
import { verified } from "../roles/verify/verified.mts";

const flags = {
  from: { type: "string", value: "FOLDER", text: "the backup" },
  stream: { type: "string", multiple: true, value: "NAME", text: "only this stream (repeatable; * stands for anything)" },
  replace: { type: "boolean", text: "put it in the place of a stream that is there, which is saved first" },
  "other-cluster": { type: "boolean", text: "the backup may be of another cluster" },
  replicas: { type: "string", value: "N", text: "replicas of each stream (default: as the inventory declares it, else as it was)" },
} as const satisfies Flags;

await sitePlaybook(
  {
    about: "puts streams of a backup back under their names with their consumers, proves that they are what was saved, and verifies the cluster",
    examples: [
      ["--from backups/hk/2026-11-22T174500Z", "all of it, into a cluster that has none of these streams"],
      ["--from backups/hk/2026-11-22T174500Z --check", "what would be put back"],
      ["--from backups/hk/2026-11-22T174500Z --stream ORDERS --replace", "one stream, in the place of the present one"],
    ],
    roles: [verifyHosts, verify],
    writes: true,
    page: "backup",
    flags,
    without: ["limit", "tags", "role", "diff", "list-tasks", "start-at-task", "all-at-once"],
    adapt: (options) => {
      const { from, replicas } = ownFlags(flags, options);
      if (from === undefined) throw new UsageError("--from is missing: name the backup's folder");
      if (replicas !== undefined && !/^[1-5]$/.test(replicas)) throw new UsageError(`--replicas takes 1 to 5, not "${replicas}"`);
      readManifest(from);
      return options;
    },
  },
  async (run) => {
    const { from, stream = [], replace = false, replicas, "other-cluster": other = false } = ownFlags(flags, run.config.options);
    await run.reach();
    const options = { from: resolve(from!), streams: stream, replace, ownOnly: !other, ...(replicas !== undefined && { replicas: Number(replicas) }) };
    await clusterPhase(run, "restore", restoreRole(options), await clustersOf(run));
    if (run.mode === "apply" && run.exit === 0) await verified(run);
  },
);
