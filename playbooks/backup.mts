#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { basename, join, resolve } from "node:path";
import { UsageError } from "../lib/inventory/types.mts";
import { folderName, free } from "../lib/nats/backup/folder.mts";
import { readManifest } from "../lib/nats/backup/manifest.mts";
import { type Flags, ownFlags } from "../lib/playbook/cli.mts";
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { backup } from "../roles/backup/tasks.mts";
import { verifyBackup } from "../roles/backup/verify.mts";
import { clustersOf } from "../roles/cluster.mts";
import { ownFolder } from "../roles/clusters.mts";
import { sitePlaybook } from "../roles/site.mts";

const flags = {
  stream: { type: "string", multiple: true, value: "NAME", text: "only this stream (repeatable; * stands for anything)" },
  to: { type: "string", value: "FOLDER", text: "the backup's folder (default backups/<region>/<UTC time>)" },
  keep: { type: "string", value: "N", text: "afterwards keep the newest N of backups/<region>, and remove older ones of the same streams" },
  verify: { type: "string", value: "FOLDER", text: "check a backup from end to end instead; no host is touched" },
} as const satisfies Flags;

await sitePlaybook(
  {
    about: "saves streams with their consumers into a folder, while they are in use, and reads back what it has written",
    examples: [
      ["", "all streams of inventory/hk"],
      ["--stream 'ORDERS*' --to /srv/orders", "some streams, into this folder"],
      ["--keep 14", "for cron: the newest fourteen stay"],
      ["--verify backups/hk/2026-11-22T174500Z", "is this backup good?"],
    ],
    roles: [],
    writes: false,
    page: "backup",
    natsOnly: true,
    flags,
    without: ["limit", "tags", "role", "diff", "list-hosts", "list-tasks", "start-at-task", "all-at-once", "forks"],
    adapt: (options) => {
      const { to, keep, verify, stream } = ownFlags(flags, options);
      if (keep !== undefined && !/^[1-9]\d*$/.test(keep)) throw new UsageError(`--keep takes a whole number from 1, not "${keep}"`);
      if (keep !== undefined && to !== undefined) throw new UsageError("--keep is for backups/<region>, so it doesn't go with --to; leave one out");
      if (keep !== undefined && stream !== undefined)
        throw new UsageError("--keep counts backups of all streams, so it doesn't go with --stream; leave one out, or name a folder with --to");
      if (verify !== undefined && (to ?? keep) !== undefined) throw new UsageError("--verify only reads: leave --to and --keep out");
      if (to !== undefined) free(to);
      if (verify === undefined) return options;
      readManifest(verify);
      return { ...options, check: true };
    },
  },
  async (run) => {
    const { stream = [], to, keep, verify } = ownFlags(flags, run.config.options);
    const clusters = await clustersOf(run);
    if (verify !== undefined) return clusterPhase(run, "verify the backup", verifyBackup(resolve(verify), stream), clusters);
    const parent = join("backups", basename(run.config.inventory.dir), ...ownFolder(run.config.options));
    const options = { to: to ?? join(parent, folderName(new Date())), streams: stream, ...(keep !== undefined && { keep: { parent, count: Number(keep) } }) };
    await clusterPhase(run, "backup", backup(options), clusters);
  },
);
