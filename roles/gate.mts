import type { Failure } from "../lib/engine/events.mts";
import type { Host } from "../lib/inventory/types.mts";
import { milliseconds } from "../lib/inventory/units.mts";
import { GateError, waitUntilSafe } from "../lib/nats/gate.mts";
import type { Expectation } from "../lib/nats/health.mts";
import { observe } from "../lib/nats/observe.mts";
import { rollOrder } from "../lib/nats/roll.mts";
import { toFailure } from "../lib/playbook/cluster-phase.mts";
import type { Gate } from "../lib/playbook/roll.mts";
import type { Cluster } from "./cluster.mts";
import type { Vars } from "./schema.mts";

/** What a gate that didn't open in time was still missing. */
export function gateFailure(error: unknown): Failure {
  if (!(error instanceof GateError)) return toFailure(error);
  const missing = error.missing.map((c) => `${c.title}${c.asset ? `, ${c.asset}` : ""}: ${c.detail}`);
  const next = error.missing[0]?.next?.replace(/\.$/, "") ?? "mend that";
  return { what: error.message.split("\n")[0]!, output: missing.join("\n"), next: `${next}; then run the same command again, it goes on where it stopped` };
}

const named = (is: string, wanted: string, servers: number): Error =>
  Object.assign(
    new Error(
      `it is one of ${servers} servers of cluster ${is}, and the inventory says ${wanted}: servers of different names don't talk, so a roll would part it from the others`,
    ),
    {
      next: `write cluster.name: ${is} again; or run site.mts --all-at-once, which names the cluster anew with downtime`,
    },
  );

/** Rolls a cluster's hosts one by one, so that its streams never lose their quorum. */
export function clusterGate(clusters: readonly Cluster[], signal: AbortSignal): Gate<Vars> {
  const loaded = new Map<string, number>();
  const clusterOf = (host: Host<Vars>): Cluster => clusters.find((c) => c.hosts.some((h) => h.name === host.name))!;

  async function safe(host: Host<Vars>, expected: Expectation, progress: (detail: string) => void): Promise<void> {
    const { target, connect } = clusterOf(host);
    try {
      await waitUntilSafe(target, expected, {
        connect,
        signal,
        settleMs: milliseconds(host.vars.verify.settle),
        emit: (p) => {
          if (p.status === "waiting") progress(p.detail);
        },
      });
    } catch (error) {
      throw error instanceof GateError ? Object.assign(error, { failure: gateFailure(error) }) : error;
    }
  }

  return {
    apart: (hosts) => clusters.map((c) => hosts.filter((h) => c.hosts.some((member) => member.name === h.name))).filter((own) => own.length),

    async order(hosts) {
      const [first] = hosts;
      const cluster = clusterOf(first!);
      const state = await observe(cluster.target, cluster.connect);
      const mine = hosts.filter((h) => clusterOf(h) === cluster);
      const order = rollOrder(
        state,
        mine.map((h) => ({ name: h.vars.server_name, host: h })),
      );
      return [...order.map(({ host }) => host), ...hosts.filter((h) => !mine.includes(h))];
    },

    async before(host, progress) {
      const { target, connect } = clusterOf(host);
      const state = await observe(target, connect);
      const own = state.nodes.find((n) => n.node.lane === host.name)?.server;
      if (own) loaded.set(host.name, own.configLoaded);
      // A node that the others do without already can only win; and a single server has nobody to wait for.
      if (!own?.inMesh || target.nodes.length === 1) return;
      if (own.cluster !== target.name) {
        const old = state.servers.filter((s) => s.inMesh && s.cluster === own.cluster);
        if (own.cluster && old.length > 1) throw named(own.cluster, target.name, old.length);
        return;
      }
      await safe(host, {}, progress);
    },

    async after(host, progress) {
      const since = loaded.get(host.name);
      await safe(host, since === undefined ? {} : { loadedAfter: { [host.vars.server_name]: since } }, progress);
    },
  };
}
