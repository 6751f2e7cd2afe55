import { connectApp } from "../../lib/nats/connect.mts";
import { landing } from "../../lib/nats/jetstream/landing.mts";
import { partitionName } from "../../lib/nats/jetstream/partitions.mts";
import type { ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { indexes, isPartitioned, type PartitionedSpec, samples } from "../jetstream-setup/partitions.mts";

const taskOf = ({ name }: PartitionedSpec): string => `publish to the partitions of ${name}`;
const of = ({ hosts: [first] }: Cluster): PartitionedSpec[] => first!.vars.streams.filter(isPartitioned);

export const partitionTasks = (cluster: Cluster): string[] => of(cluster).map(taskOf);

/** Whether every node sends what is published to a stream with partitions where it belongs; asked of the servers, nothing is stored. */
export const partitionChecks = (cluster: Cluster): ClusterTask[] =>
  of(cluster).map((stream) => ({
    task: taskOf(stream),
    at: cluster.originOf(["streams", cluster.hosts[0]!.vars.streams.findIndex((s) => s.name === stream.name)]),
    async run(_, signal): Promise<TaskResult> {
      if (stream.no_ack) return { status: "skipped", reason: "it acknowledges nothing (no_ack), so nobody can tell" };
      if (restricted(cluster)) return { status: "skipped", reason: "sampan's own user may not publish everywhere (users[].permissions)" };
      const wrong = (await Promise.all(cluster.target.nodes.map((node) => astray(cluster, node.name, stream, signal)))).flat();
      if (!wrong.length)
        return { status: "ok", reason: `${stream.partitions} partitions, the same from ${cluster.target.nodes.map((n) => n.name).join(", ")}` };
      return {
        status: "failed",
        failure: {
          what: wrong[0]!,
          output: wrong.length > 1 ? wrong.join("\n") : undefined,
          next: `run --role cluster-config and --role jetstream-setup: the servers' subject mappings and the streams must both be those of the inventory`,
        },
      };
    },
  }));

/** What goes elsewhere when it is published through this node. */
async function astray({ target, connect }: Cluster, node: string, stream: PartitionedSpec, signal: AbortSignal): Promise<string[]> {
  const nc = await connectApp({ ...target, nodes: target.nodes.filter((n) => n.name === node) }, connect);
  try {
    const all = indexes(stream.partitions).map((i) => partitionName(stream.name, i));
    const found: string[] = [];
    for (const { subject, partition } of samples(stream)) {
      const wanted = partition === "any" ? all : [partitionName(stream.name, partition)];
      const where = await landing(nc, subject, signal);
      if (where === undefined || !wanted.includes(where))
        found.push(
          `${subject} published through ${node} ${where === undefined ? "is taken by no stream" : `goes to ${where}`} instead of ${wanted.join(" or ")}`,
        );
    }
    return found;
  } finally {
    await nc.close();
  }
}

const restricted = ({ hosts: [first] }: Cluster): boolean => first!.vars.users.find((u) => u.account !== "SYS")?.permissions?.publish !== undefined;
