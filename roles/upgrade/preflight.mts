import { milliseconds } from "../../lib/inventory/units.mts";
import { waitUntilSafe } from "../../lib/nats/gate.mts";
import { observe } from "../../lib/nats/observe.mts";
import { metaLeader, rollOrder } from "../../lib/nats/roll.mts";
import type { ClusterState } from "../../lib/nats/state.mts";
import type { ClusterRole, ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Cluster } from "../cluster.mts";
import { gateFailure } from "../gate.mts";
import { skippedMinors } from "../nats-install/version.mts";
import type { Has } from "./destination.mts";
import { soleCopies } from "./sole-copies.mts";

export interface Preflight {
  version: string;
  has: readonly Has[];
  acceptR1Downtime: boolean;
  skipMinors: boolean;
  /** takes what each server ran before, or DOWN, by its host's name */
  before: Map<string, string>;
}

export const DOWN = "down";

const at = { file: "", line: 0 };
/** How long a replica may take to catch up before it counts as a reason to wait for, ms. */
const PATIENCE_MS = 15_000;

/** Everything that speaks against an upgrade, told at once and before anything changes. */
export const preflight = (o: Preflight): ClusterRole<Cluster> => ({
  kind: "cluster",
  name: "upgrade",
  list: () => ["way from version to version", "the others can do without each node", "streams and consumers with a single copy"],
  async *tasks(cluster, signal) {
    const state = await observe(cluster.target, cluster.connect);
    for (const { node, server } of state.nodes) o.before.set(node.lane, server?.version ?? DOWN);
    yield task("way from version to version", () => way(cluster, o));
    yield task("the others can do without each node", () => spare(cluster, state, signal));
    yield task("streams and consumers with a single copy", () => single(cluster, state, o));
    plan(cluster, state, o);
  },
});

const task = (name: string, run: () => TaskResult | Promise<TaskResult>): ClusterTask => ({ task: name, at, run: async () => run() });

function way({ hosts }: Cluster, { version, has, skipMinors }: Preflight): TaskResult {
  const own = has.filter((h) => hosts.some((host) => host.name === h.name));
  const from = [...new Set(own.flatMap((h) => h.linked ?? []))];
  const skipped = [...new Set(own.flatMap((h) => (h.linked ? skippedMinors(h.linked, version) : [])))];
  const text = `${from.join(", ") || "nothing"} → ${version}`;
  if (!skipped.length) return { status: "ok", reason: text };
  const what = `${text} goes over ${skipped.join(" and ")}; nats-server's upgrade path goes through them one after another`;
  return skipMinors
    ? { status: "ok", reason: `${what}: skipped as told` }
    : {
        status: "failed",
        failure: { what, next: `go to ${skipped[0]}.x first (--to), or, after rehearsing it in the lab, all the way at once: --skip-minors` },
      };
}

/** Nodes that are out go first, and nothing can be asked of them; the others must then be a majority. */
async function spare({ target, connect, hosts }: Cluster, state: ClusterState, signal: AbortSignal): Promise<TaskResult> {
  const out = state.nodes.filter(({ server }) => !server?.inMesh).map(({ node }) => node);
  const voters = target.nodes.filter((n) => n.jetstream);
  if (target.nodes.length === 1) return { status: "ok", reason: "the only node: nobody serves while it restarts" };
  if (out.length) {
    const left = voters.filter((n) => !out.includes(n)).length;
    const names = out.map((n) => n.lane).join(", ");
    if (2 * left > voters.length) return { status: "ok", reason: `${names} is out already and goes first; the others are a majority` };
    return {
      status: "failed",
      failure: {
        what: `${names} ${out.length > 1 ? "are" : "is"} out: ${left} of ${voters.length} servers are no majority, so the cluster has no quorum`,
        next: "bring them back first (systemctl start nats-server, or ./playbooks/site.mts at their present version)",
      },
    };
  }
  try {
    await waitUntilSafe(target, {}, { connect, signal, settleMs: milliseconds(hosts[0]!.vars.verify.settle), timeoutMs: PATIENCE_MS });
    return { status: "ok", reason: `${voters.length} servers, one meta leader, all replicas current` };
  } catch (error) {
    return { status: "failed", failure: { ...gateFailure(error), what: "the cluster can't do without any of its nodes as it is" } };
  }
}

function single({ target }: Cluster, state: ClusterState, { acceptR1Downtime }: Preflight): TaskResult {
  const found = soleCopies(state);
  if (!found.length) return { status: "ok", reason: target.nodes.length === 1 ? "none" : "none: every one has another replica" };
  const what = `unavailable while their node restarts: ${found.map((f) => `${f.asset} (only on ${f.node})`).join(", ")}`;
  return acceptR1Downtime
    ? { status: "ok", reason: what }
    : {
        status: "failed",
        failure: { what, next: "give them num_replicas: 3 in the inventory (site.mts --role jetstream-setup), or say --accept-r1-downtime" },
      };
}

/** Who goes when, and what is waited for in between. */
function plan({ name, target, emit, hosts }: Cluster, state: ClusterState, { version, before }: Preflight): void {
  const leader = metaLeader(state);
  const order = rollOrder(state, target.nodes);
  emit({
    type: "table",
    title: `${name}: the roll, one node at a time; before the next: all replicas current and equal, healthz ok, one meta leader, for ${hosts[0]!.vars.verify.settle}`,
    columns: ["", "node", "now", "then", ""],
    rows: order.map((node, i) => [String(i + 1), node.lane, before.get(node.lane) ?? "", version, node.name === leader ? "meta leader" : ""]),
  });
}
