import type { Location } from "../../lib/engine/resource.mts";
import { connectApp } from "../../lib/nats/connect.mts";
import type { Item } from "../../lib/nats/jetstream/reconcile.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { gateFailure } from "../gate.mts";
import { leadersOf, leadersTask } from "./partition-leaders.mts";
import { isPartitioned, oneByOne } from "./partitions.mts";
import { fromRegions } from "./regions.mts";
import type { StreamSpec } from "./stream.mts";

const declared = (cluster: Cluster): readonly StreamSpec[] => cluster.hosts[0]!.vars.streams;

const READY = "cluster ready for streams";

/** Right after the first start the meta group is still forming: servers without a full one refuse replicas. */
const FORMING = { timeoutMs: 45_000, settleMs: 0 };

/** Streams and consumers of the inventory, through the JetStream API. What exists without being declared is listed, never touched. */
export const jetstreamSetup: ClusterRole<Cluster> = {
  kind: "cluster",
  name: "jetstream-setup",
  list: (cluster) => [
    READY,
    ...oneByOne(declared(cluster)).flatMap((s) => [`stream ${s.name}`, ...s.consumers.map((c) => `consumer ${s.name} > ${c.durable_name}`)]),
    ...declared(cluster).filter(isPartitioned).map(leadersOf),
  ],

  async *tasks(cluster) {
    yield ready(cluster);
    const { items, undeclared } = await import("../../lib/nats/jetstream/reconcile.mts");
    const nc = await connectApp(cluster.target, cluster.connect);
    const streams = oneByOne(declared(cluster)).map((s) => fromRegions(s, cluster.region));
    try {
      for (const item of items(nc, streams)) yield reconciled(item, cluster, location(cluster, item.asset));
      for (const stream of declared(cluster).filter(isPartitioned)) yield leadersTask(cluster, stream, location(cluster, stream.name));
      const others = await undeclared(nc, streams);
      if (others.length) cluster.emit({ type: "warning", text: `${cluster.name} also has, undeclared and left alone: ${others.join(", ")}` });
    } finally {
      await nc.close();
    }
  },
};

/** Check, apply, check: as with resources on hosts. */
export function reconciled(item: Item, cluster: Cluster, at: Location): ClusterTask {
  const task = `${item.kind} ${item.asset}`;
  return {
    task,
    at,
    async run(mode): Promise<TaskResult> {
      const changes = await item.check();
      if (!changes.length) return { status: "ok" };
      if (mode === "check") return { status: "drift", changes };
      await item.apply((text) => cluster.emit({ type: "task_progress", lane: cluster.name, role: "jetstream-setup", task, text }));
      const left = await item.check();
      return left.length
        ? {
            status: "failed",
            changes,
            failure: {
              what: `it was applied, but still differs: ${left.map((c) => `${c.attribute} is ${c.current} instead of ${c.desired}`).join("; ")}`,
              next: "look whether something else manages it, then run again",
            },
          }
        : { status: "changed", changes };
    },
  };
}

function ready({ target, connect }: Cluster): ClusterTask {
  return {
    task: READY,
    at: { file: "", line: 0 },
    async run(mode, signal): Promise<TaskResult> {
      if (mode === "check") return { status: "skipped", reason: "it waits for what would have started, so not under --check" };
      const { waitUntilSafe } = await import("../../lib/nats/gate.mts");
      try {
        await waitUntilSafe(target, {}, { ...FORMING, connect, signal });
        return { status: "ok" };
      } catch (error) {
        return { status: "failed", failure: gateFailure(error) };
      }
    },
  };
}

/** The inventory's line that declares a stream, also for its partitions and consumers. */
export function location(cluster: Cluster, asset: string): Location {
  const name = asset.split(" > ")[0]!;
  const index = declared(cluster).findIndex((s) => s.name === name || oneByOne([s]).some((one) => one.name === name));
  return cluster.originOf(["streams", index]);
}
