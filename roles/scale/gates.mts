import { milliseconds } from "../../lib/inventory/units.mts";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import type { Cluster } from "../cluster.mts";
import { gateFailure } from "../gate.mts";
import type { Say, Step } from "./stage.mts";

/** A gate: the cluster could lose any one of these nodes, and has been so for the settle time. Gigabytes may have to be copied before. */
export const safe = (target: ClusterTarget, cluster: Cluster, task: string): Step => ({
  task,
  changes: async () => [],
  later: "a gate: it waits until it is so",
  work: waiting(target, cluster, 1_800_000),
});

/** The same, before anything begins: looked at under --check too. */
export const healthy = (target: ClusterTarget, cluster: Cluster, mode: "apply" | "check"): Step => {
  const wait = waiting(target, cluster, mode === "check" ? 5000 : 60_000);
  return {
    task: "the cluster is healthy",
    changes: async () => {
      if (mode === "check") await wait(() => {}, new AbortController().signal);
      return [];
    },
    work: wait,
  };
};

const waiting =
  (target: ClusterTarget, { connect, hosts }: Cluster, timeoutMs: number) =>
  async (say: Say, signal: AbortSignal): Promise<void> => {
    const settleMs = milliseconds(hosts[0]!.vars.verify.settle);
    await waitUntilSafe(
      target,
      {},
      {
        connect,
        signal,
        settleMs,
        timeoutMs,
        emit: (p) => {
          if (p.status === "waiting") say(p.detail);
        },
      },
    ).catch((error: unknown) => {
      throw signal.aborted ? error : Object.assign(new Error("not safe"), { failure: gateFailure(error) });
    });
  };
