import { compile, handlerStep } from "../lib/engine/compile.mts";
import { handler } from "../lib/engine/resource.mts";
import { observe } from "../lib/nats/observe.mts";
import type { ClusterState } from "../lib/nats/state.mts";
import { pool } from "../lib/pool.mts";
import { natsUnitLibrary } from "../lib/resources/nats-unit.mts";
import { sh } from "../lib/sh.mts";
import type { Cluster } from "./cluster.mts";
import type { SiteRun } from "./site.mts";

/** How long servers of a new cluster may take to find together, ms, before one that stands aside is started again. */
const FORMING_MS = 12_000;
const POLL_MS = 500;

/**
 * Servers that start at the same moment now and then leave one of them out of the meta group for good (seen with 2.10.27:
 * its routes are complete, and it never hears of the leader). It holds nothing yet, so it may simply start again.
 */
const startAgain = handler("start a server again that the meta group left out", {
  timeout: 300,
  uses: natsUnitLibrary,
  check: sh`[ -e /run/nats-server/started-again ] || differs 'meta group' 'not a member' member`,
  apply: sh`nats_follow restart && : >/run/nats-server/started-again`,
});

/** Waits until the servers that this run has started form their meta group; helps once where they don't. */
export async function formed(run: SiteRun, clusters: readonly Cluster[]): Promise<void> {
  if (run.mode === "check" || !Object.values(run.recap).some((c) => c.changed)) return;
  await pool(clusters, run.config.options.forks, async (cluster) => {
    const until = Date.now() + FORMING_MS;
    let aside = await leftOut(cluster);
    while (aside.length && Date.now() < until && !run.stopped) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      aside = await leftOut(cluster);
    }
    if (run.stopped) return;
    for (const lane of aside) await restart(run, lane);
  });
}

/** Nodes that run and have all their routes, while a meta group with a leader exists without them. */
export function outsiders(state: ClusterState): string[] {
  const leader = state.servers.find((s) => s.inMesh && s.jetstream?.meta?.leader === s.name);
  const meta = leader?.jetstream?.meta;
  if (!leader || !meta) return [];
  const members = new Set([leader.name, ...meta.replicas.map((r) => r.name)]);
  return state.nodes
    .filter(({ node, server }) => node.jetstream && server?.inMesh && !members.has(server.name) && !holdsAnything(state, server.name))
    .map(({ node }) => node.lane);
}

const holdsAnything = (state: ClusterState, server: string): boolean => state.streams.some((s) => s.copies.some((c) => c.server === server));

async function leftOut(cluster: Cluster): Promise<string[]> {
  if (cluster.target.nodes.length < 2) return [];
  return outsiders(await observe(cluster.target, cluster.connect));
}

async function restart(run: SiteRun, lane: string): Promise<void> {
  const host = run.config.hosts.find((h) => h.name === lane && !run.out.has(lane));
  const session = host && (await run.connections.to(host));
  if (!session) return;
  await session.run(compile([handlerStep(startAgain, "cluster-config")], { mode: "apply", diff: false }), "meta group", run.emit);
}
