import type { EventInput } from "../../../lib/engine/events.mts";
import type { ClusterRole, TaskResult } from "../../../lib/playbook/role.mts";
import { Secret } from "../../../lib/secret.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { PASSWORD, type TestCluster } from "../../nats/servers.mts";

/** Servers on loopback as the roles see a cluster of the inventory. */
export function asCluster(servers: TestCluster, said: EventInput[] = []): Cluster {
  const users = [{ name: "app", account: "APP", password: new Secret(PASSWORD) }];
  const vars = { users, streams: [], nats_version: "2.15.1", jetstream: { max_file: "1GB" } };
  return {
    name: "test",
    region: "test",
    hosts: [{ name: "n1", vars }] as unknown as Cluster["hosts"],
    target: servers.target,
    connect: {},
    emit: (e) => {
      said.push(e);
    },
    outputs: new Map(),
    originOf: () => ({ file: "", line: 0 }),
  };
}

export type Results = Record<string, TaskResult>;

/** A role's tasks one after another, as clusterPhase runs them. */
export async function play(role: ClusterRole<Cluster>, cluster: Cluster, mode: "apply" | "check" = "apply"): Promise<Results> {
  const results: Results = {};
  for await (const task of role.tasks(cluster, new AbortController().signal)) {
    results[task.task] = await task
      .run(mode, new AbortController().signal)
      .catch((error: Error): TaskResult => ({ status: "failed", failure: { what: error.message } }));
  }
  return results;
}
