#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { basename, join, resolve } from "node:path";
import { UsageError } from "../lib/inventory/types.mts";
import { type Flags, ownFlags } from "../lib/playbook/cli.mts";
import { clustersOf } from "../roles/cluster.mts";
import { clusterConfig } from "../roles/cluster-config/tasks.mts";
import { ownFolder } from "../roles/clusters.mts";
import { jetstreamSetup } from "../roles/jetstream-setup/tasks.mts";
import { address, sourceOf } from "../roles/migrate/options.mts";
import { goBack, migrate } from "../roles/migrate/phases.mts";
import { natsInstall } from "../roles/nats-install/tasks.mts";
import { sitePlaybook } from "../roles/site.mts";
import { verify, verifyHosts } from "../roles/verify/tasks.mts";
import { verified } from "../roles/verify/verified.mts";

const flags = {
  source: { type: "string", value: "URL", text: "the single server: nats://HOST:PORT; its credentials go into .env (NATS_SOURCE_…)" },
  "source-ca": { type: "string", value: "FILE", text: "CA that signed the old server's certificate" },
  "in-place": { type: "string", value: "HOST", text: "it runs on this host of the inventory, which becomes a node of the cluster" },
  store: { type: "string", value: "FOLDER", text: "with --in-place: the old server's store_dir (default: jetstream.store_dir)" },
  unit: { type: "string", value: "NAME", text: "with --in-place: the old server's systemd unit (default nats-server)" },
  to: { type: "string", value: "FOLDER", text: "where the backup and the state of the migration lie (default backups/<region>/migration)" },
  "accept-memory-loss": { type: "boolean", text: "streams in memory come over empty" },
  back: { type: "boolean", text: "give the migration up: open the old server to publishers again" },
  "accept-loss": { type: "boolean", text: "with --back: what the cluster has taken since may be lost" },
} as const satisfies Flags;

await sitePlaybook(
  {
    about: "moves streams, consumers and all messages of a single server to the inventory's cluster; no acknowledged message is lost",
    examples: [
      ["--source nats://10.0.0.5:4222 --check", "what is there, and what stands in the way"],
      ["--source nats://10.0.0.5:4222", "to the cluster, which site.mts has rolled out on other hosts"],
      ["--source nats://10.0.0.5:4222 --in-place nats-node-1", "the server's own host becomes the cluster's first node"],
      ["--source nats://10.0.0.5:4222 --back", "back to the old server, before clients write to the cluster"],
    ],
    roles: [natsInstall, clusterConfig, jetstreamSetup, verifyHosts, verify],
    writes: true,
    page: "migrate",
    flags,
    without: ["limit", "tags", "role", "list-tasks", "start-at-task", "all-at-once"],
    adapt: (options) => {
      const { source, "in-place": inPlace, store, unit, back, "accept-loss": acceptLoss } = ownFlags(flags, options);
      if (source === undefined) throw new UsageError("--source is missing: write for example --source nats://10.0.0.5:4222");
      address(source);
      if (inPlace === undefined && (store ?? unit) !== undefined) throw new UsageError("--store and --unit go with --in-place");
      if (acceptLoss && !back) throw new UsageError("--accept-loss goes with --back");
      if (store !== undefined && !store.startsWith("/")) throw new UsageError(`--store takes an absolute path, not "${store}"`);
      // The new servers begin with empty stores: what the old version wrote, they never read.
      return inPlace === undefined
        ? options
        : { ...options, extraVars: [...options.extraVars, "allow_skipped_minors=true", "allow_unsupported_downgrade=true"] };
    },
  },
  async (run) => {
    const {
      source: url,
      "source-ca": ca,
      "in-place": host,
      store,
      unit = "nats-server",
      to,
      back,
      "accept-loss": acceptLoss = false,
      "accept-memory-loss": acceptMemoryLoss = false,
    } = ownFlags(flags, run.config.options);
    const { inventory } = run.config;
    if (host !== undefined && !inventory.hosts.some((h) => h.name === host))
      throw new UsageError(`--in-place ${host}: the inventory has no such host; it has ${inventory.hosts.map((h) => h.name).join(", ")}`);
    const source = sourceOf(url!, ca, inventory.dir),
      dir = resolve(to ?? join("backups", basename(inventory.dir), ...ownFolder(run.config.options), "migration"));
    await run.reach();
    const clusters = await clustersOf(run);
    if (back) return goBack(run, clusters, { source, dir, acceptLoss });
    if (run.exit !== 0) return;
    if (
      await migrate(run, clusters, {
        source,
        dir,
        acceptMemoryLoss,
        ...(host !== undefined && { inPlace: { host, unit, ...(store !== undefined && { store }) } }),
      })
    )
      await verified(run);
  },
);
