import { SessionError } from "../../lib/engine/session.mts";
import type { Host } from "../../lib/inventory/types.mts";
import { heldBy, holders, inMove, startMove, untilLeft } from "../../lib/nats/jetstream/move.mts";
import { observe } from "../../lib/nats/observe.mts";
import { metaLeader, stepDownMeta } from "../../lib/nats/roll.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { natsRetired } from "../../lib/resources/nats-retired.mts";
import type { Cluster } from "../cluster.mts";
import { CONF } from "../cluster-config/tasks.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";
import type { Leaver } from "./choose.mts";
import { expel } from "./expel.mts";
import { safe } from "./gates.mts";
import { type Say, type Step, stage, troubled } from "./stage.mts";
import { type Standing, withApp, withSys } from "./standing.mts";

/** The host's part of leaving: its server stops and can't start again. */
const retire: HostRole<Vars, void> = {
  kind: "host",
  name: "scale",
  prepare: async () => {},
  resources: ({ vars }) => [natsRetired({ conf: CONF, storeDir: vars.jetstream.store_dir })],
};

/**
 * A dead server's host may well answer: then it takes part, so that its server is switched off for good.
 * @returns those that don't answer
 */
export async function tryReach(run: SiteRun, leaving: readonly Leaver[]): Promise<Host<Vars>[]> {
  const lost: Host<Vars>[] = [];
  for (const { host, dead } of leaving) {
    if (!host || !dead) continue;
    const there = await run.connections.again(host).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof SessionError)) throw error;
        return false;
      },
    );
    if (there) run.config.hosts = [...run.config.hosts, host];
    else lost.push(host);
  }
  return lost;
}

/** Where a server goes from, and who else is there. */
export interface Way {
  cluster: Cluster;
  /** all that run now, the one that leaves among them */
  with: ClusterTarget;
  /** all that run without it */
  without: ClusterTarget;
  /** streams and durables may go whose only replica is on it */
  acceptLoss: boolean;
}

/**
 * Takes one server out of the cluster: its streams move off it, each whole on its new place before it leaves the old; lame duck; out of
 * the meta group. Of one that is down only the last: its streams' replicas are then made anew elsewhere. Every step may be repeated.
 * @returns whether the run may go on
 */
export async function leave(run: SiteRun, leaver: Standing, way: Way): Promise<boolean> {
  const phase = `${leaver.server} leaves`;
  if (
    leaver.runs &&
    leaver.member &&
    !(await stage(run, `${phase}: streams`, way.cluster, [
      safe(way.with, way.cluster, `safe before ${leaver.server} goes`),
      drain(leaver, way),
      handOver(leaver, way),
    ]))
  )
    return false;
  if (leaver.host && run.config.hosts.includes(leaver.host)) await run.hosts(`${phase}: stop`, [retire], (h) => h !== leaver.host);
  if (troubled(run)) return false;
  if (leaver.host) run.out.add(leaver.host.name);
  return stage(run, `${phase}: member`, way.cluster, [
    ...(leaver.host?.vars.jetstream.enabled === false ? [] : [expel(leaver, way)]),
    safe(way.without, way.cluster, `safe without ${leaver.server}`),
  ]);
}

const drain = ({ server }: Standing, { cluster, with: target }: Way): Step => ({
  task: `streams of ${server}`,
  changes: async () =>
    heldBy(await observe(target, cluster.connect), server).map((s) => ({
      attribute: `stream ${s.name}`,
      current: holders(s).join(" "),
      desired: `off ${server}`,
    })),
  work: (say, signal) =>
    withSys(cluster, (sys) =>
      withApp(cluster, async (app) => {
        for (;;) {
          const state = await observe(target, { ...cluster.connect, connection: sys });
          const [stream, ...others] = heldBy(state, server);
          // Only its own word that it holds nothing counts: an answer that didn't come isn't one.
          if (!stream && state.servers.some((s) => s.name === server && s.jetstream)) return;
          if (!stream) {
            signal.throwIfAborted();
            say(`${server} doesn't tell what it holds`);
            continue;
          }
          const tell: Say = (text) => say(`${stream.name}${others.length ? ` (${others.length} more to go)` : ""}: ${text}`);
          if (inMove(stream)) {
            // by an earlier run, and perhaps off another server
            tell("an earlier move comes to its end");
            await new Promise((resolve) => setTimeout(resolve, 500));
            signal.throwIfAborted();
            continue;
          }
          await startMove(sys, stream, server).catch((error: Error) => {
            throw Object.assign(error, {
              next: `see that another server has room for stream ${stream.name} and fits its placement (tags, unique_tag); then run again`,
            });
          });
          await untilLeft(target, sys, app, stream, server, { connect: cluster.connect, progress: tell, signal });
        }
      }),
    ),
});

/** Stepping down beforehand spares the cluster an election. */
const handOver = ({ server }: Standing, { cluster, with: target, without }: Way): Step => {
  const leads = async (): Promise<boolean> => metaLeader(await observe(target, cluster.connect)) === server;
  return {
    task: `meta leader off ${server}`,
    changes: async () => ((await leads()) ? [{ attribute: "meta leader", current: server, desired: "another" }] : []),
    work: async () => {
      if (!(await leads())) return;
      const state = await observe(target, cluster.connect);
      await withSys(cluster, (sys) => stepDownMeta(sys, state, { preferred: without.nodes.find((n) => n.jetstream)?.name }));
    },
  };
};
