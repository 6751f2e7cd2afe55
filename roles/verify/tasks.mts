import { milliseconds } from "../../lib/inventory/units.mts";
import { examine } from "../../lib/nats/examine.mts";
import type { Check } from "../../lib/nats/health.mts";
import { judge, type Thresholds } from "../../lib/nats/load/judge.mts";
import type { LoadConnections, PullResult, PushResult } from "../../lib/nats/load/types.mts";
import type { ClusterRole, ClusterTask, HostRole, TaskResult } from "../../lib/playbook/role.mts";
import { cpuSample } from "../../lib/resources/cpu-sample.mts";
import { natsConfig } from "../../lib/resources/nats-config.mts";
import type { Cluster } from "../cluster.mts";
import { CONF } from "../cluster-config/tasks.mts";
import type { Vars } from "../schema.mts";
import { expectation } from "./expectation.mts";
import { setsApart } from "./isolation-tasks.mts";
import { partitionChecks, partitionTasks } from "./partitions.mts";
import { regionChecks } from "./regions.mts";
import { showFigures, showTopology } from "./shown.mts";

const HEALTH = "health of the cluster";

// Checks are asked for by no line of their own.
const at = { file: "", line: 0 };

/** The part of it that only the host knows: what its server should have read. */
export const verifyHosts: HostRole<Vars, void> = {
  kind: "host",
  name: "verify",
  prepare: async () => {},
  resources: ({ vars, facts }) => [natsConfig(CONF), ...(setsApart(vars, facts) ? [cpuSample("cpus before")] : [])],
};

/** Looks at a running cluster from outside: its health, then its data path under load. */
export const verify: ClusterRole<Cluster> = {
  kind: "cluster",
  name: "verify",
  list: (cluster) => [HEALTH, ...partitionTasks(cluster), "push through a queue group", "pull from a stream"],

  async *tasks(cluster, signal) {
    const { verify: wanted } = cluster.hosts[0]!.vars;
    const { state, checks } = await examine(cluster.target, expectation(cluster), cluster.connect);
    for (const check of checks) yield known(check, cluster);
    showTopology(cluster, state);
    if (state.failure) return;
    for (const check of await regionChecks(cluster)) yield known(check, cluster);
    yield* partitionChecks(cluster);
    yield dataPath(
      cluster,
      "push through a queue group",
      wanted.thresholds.push,
      async (connections) => {
        const { pushTest } = await import("../../lib/nats/load/push.mts");
        return pushTest(connections, { rate: wanted.rate, seconds: wanted.seconds, payload: wanted.payload, signal });
      },
      wanted.push.workers,
    );
    yield dataPath(
      cluster,
      "pull from a stream",
      wanted.thresholds.pull,
      async (connections) => {
        const { pullTest } = await import("../../lib/nats/load/pull.mts");
        const replicas = Math.min(3, cluster.target.nodes.filter((n) => n.jetstream).length);
        // Over as many streams as the stream with the most partitions has.
        const partitions = Math.max(1, ...cluster.hosts[0]!.vars.streams.map((s) => s.partitions ?? 1));
        const { rate, seconds, payload, pull } = wanted;
        return pullTest(connections, { rate, seconds, payload, batch: pull.batch, replicas, partitions, signal });
      },
      wanted.pull.workers,
    );
  },
};

/** A check that has been made already. */
function known(check: Check, cluster: Cluster): ClusterTask {
  const task = check.asset ? `${check.title}: ${check.asset}` : check.title;
  if (check.status === "warning") cluster.emit({ type: "warning", text: `${task}: ${check.detail}${check.next ? `. ${check.next}` : ""}` });
  return {
    task,
    listed: HEALTH,
    at,
    run: async () =>
      check.status === "failed" ? { status: "failed", failure: { what: check.detail, next: check.next } } : { status: "ok", reason: check.detail },
  };
}

type Loaded = PushResult | PullResult;

function dataPath(
  cluster: Cluster,
  task: string,
  limits: Record<keyof Thresholds, string | number>,
  load: (c: LoadConnections) => Promise<Loaded>,
  workers: number,
): ClusterTask {
  return {
    task,
    at,
    alone: true,
    async run(mode): Promise<TaskResult> {
      if (mode === "check") return { status: "skipped", reason: "sends messages, so not under --check" };
      const { openLoad } = await import("../../lib/nats/load/open.mts");
      const connections = await openLoad(cluster.target, { workers, connect: cluster.connect });
      try {
        const result = await load(connections);
        showFigures(cluster, task, result);
        const thresholds = Object.fromEntries(Object.entries(limits).map(([k, limit]) => [k, typeof limit === "number" ? limit : milliseconds(limit)]));
        const { passed, lines } = judge(result, thresholds);
        if (passed)
          return {
            status: "ok",
            reason: lines
              .filter((l) => / (rate|latency)$/.test(l.check))
              .map((l) => l.text)
              .join(" · "),
          };
        const wrong = lines.filter((l) => l.status === "failed");
        return {
          status: "failed",
          failure: {
            what: wrong.map((l) => l.text).join("; "),
            output: lines.map((l) => `${l.status.padEnd(6)} ${l.check}: ${l.text}`).join("\n"),
            next: wrong.every((l) => / (rate|latency)$/.test(l.check))
              ? "look what bounds it (CPU, disk, route RTT), or set verify.thresholds to what this cluster must do"
              : "look at the servers' logs (journalctl -u nats-server) from the time of this run",
          },
        };
      } finally {
        await connections.close();
      }
    },
  };
}
