#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../lib/boot.sh" "$0" "$@"'
import { clusterPhase } from "../lib/playbook/cluster-phase.mts";
import { onHost } from "../roles/bench/from.mts";
import { flags, given, specOf } from "../roles/bench/options.mts";
import { bench } from "../roles/bench/tasks.mts";
import { tune, tuneFlags, wantsTuning } from "../roles/bench/tune.mts";
import { type Cluster, clustersOf } from "../roles/cluster.mts";
import { sitePlaybook } from "../roles/site.mts";

await sitePlaybook(
  {
    about: "measures what a running cluster takes: push, pull, or both at once, every message accounted for",
    examples: [
      ["-i inventory/hk", "the inventory's load: 20,000 msg/s each way at once"],
      ["-i inventory/hk --rate max --mode push", "as many as get through a queue group"],
      ["-i inventory/hk --mode pull --partitions 3 --rounds 5", "pull, the stream in three partitions"],
      ["-i inventory/hk --tune", "the settings with which the pull way delivers most, as YAML for the inventory"],
      ["-i inventory/hk --from nats-node-1", "from near the cluster, and not over the WAN"],
      ["-i inventory/hk --check", "what would be offered to which nodes"],
    ],
    roles: [bench({ specOf: (cluster) => specOf(cluster.hosts[0]!.vars.bench, { flow: {}, pull: {}, run: {} }, jetstreamNodes(cluster)) })],
    writes: false,
    natsOnly: true,
    flags: { ...flags, ...tuneFlags },
    without: ["limit", "tags", "role", "diff", "start-at-task", "all-at-once", "forks"],
    page: "bench",
    adapt: (options) => {
      wantsTuning(options, given(options));
      return options;
    },
  },
  async (run) => {
    const wanted = given(run.config.options);
    const start = wanted.from === undefined ? undefined : onHost(run, wanted.from);
    const clusters = await clustersOf(run);
    // One after another: the generator's machine would be shared by what it measures.
    if (wantsTuning(run.config.options, wanted)) {
      for (const cluster of clusters) await clusterPhase(run, "tune", tune({ flags: wanted, nodes: jetstreamNodes, from: wanted.from, start }), [cluster]);
      return;
    }
    const specs = new Map(clusters.map((c) => [c.name, specOf(c.hosts[0]!.vars.bench, wanted, jetstreamNodes(c))]));
    for (const cluster of clusters) await clusterPhase(run, "bench", bench({ specOf: ({ name }) => specs.get(name)!, from: wanted.from, start }), [cluster]);
  },
);

function jetstreamNodes({ target }: Cluster): number {
  return target.nodes.filter((n) => n.jetstream).length;
}
