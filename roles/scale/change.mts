import { observe } from "../../lib/nats/observe.mts";
import { roll } from "../../lib/playbook/roll.mts";
import { RETIRED_STORE } from "../../lib/resources/nats-retired.mts";
import { formed } from "../bootstrap.mts";
import { type Cluster, clustersOf } from "../cluster.mts";
import { reloadOrRestart } from "../cluster-config/handlers.mts";
import { clusterConfig } from "../cluster-config/tasks.mts";
import { clusterGate } from "../gate.mts";
import { otherPartitions } from "../jetstream-setup/partitions-ahead.mts";
import { jetstreamSetup } from "../jetstream-setup/tasks.mts";
import { reboot } from "../kernel-tuning/handlers.mts";
import { kernelTuning } from "../kernel-tuning/tasks.mts";
import { natsInstall } from "../nats-install/tasks.mts";
import type { SiteRun } from "../site.mts";
import { verify, verifyHosts } from "../verify/tasks.mts";
import type { Change } from "./choose.mts";
import { healthy } from "./gates.mts";
import { joined, newcomer } from "./join.mts";
import { leave } from "./leave.mts";
import { cautions, obstacles } from "./obstacles.mts";
import { refusal, stage, troubled } from "./stage.mts";
import { type Before, lookAt, only, type Standing } from "./standing.mts";

const roles = [kernelTuning, natsInstall, clusterConfig];
/** All that a change of members runs, in its order. */
export const memberRoles = [...roles, jetstreamSetup, verifyHosts, verify];

/**
 * Changes who is in the cluster: new hosts first, so that those who leave can hand over to them; then the routes of all who stay, one by
 * one. What is done already is found done, so a run that was cut short is just run again.
 * @returns the cluster as it is then; undefined when the run must not go on
 */
export async function changeMembers(run: SiteRun, change: Change): Promise<Cluster | undefined> {
  const [cluster] = await clustersOf(run);
  const [wide] = await clustersOf({
    config: { inventory: change.full, hosts: change.full.hosts },
    emit: run.emit,
    outputs: run.outputs,
    connections: run.connections,
  });
  if (!cluster || !wide) return undefined;
  // A dead host isn't dialled.
  const through = change.leaving.some((l) => l.dead) ? cluster : wide;
  const before = await lookAt(change, through);
  if (!(await preflight(run, change, before, cluster))) return undefined;
  const { joins, stays, leaving } = before;
  const staying = (name: string): boolean => stays.some((s) => s.host!.name === name);

  if (joins.length) {
    const others = (h: { name: string }): boolean => !joins.some((j) => j.host!.name === h.name);
    await run.hosts("look at the new hosts", [newcomer], others);
    if (troubled(run)) return undefined;
    await run.hosts("install the new hosts", roles, others);
    if (troubled(run)) return undefined;
    if (run.mode === "apply") await formed(run, [cluster]);
    if (
      !(await stage(run, "new members", cluster, [
        joined(
          joins,
          cluster,
          [...stays, ...joins, ...leaving.filter((l) => l.runs)].map((s) => s.server),
        ),
      ]))
    )
      return undefined;
  }
  const gone = new Set<string>();
  for (const leaver of leaving) {
    const there = [...stays, ...joins, ...leaving.filter((l) => l.runs && !gone.has(l.server))];
    gone.add(leaver.server);
    const way = {
      cluster: through,
      with: only(through.target, there),
      without: only(
        through.target,
        there.filter((s) => s !== leaver),
      ),
      acceptLoss: change.acceptLoss ?? false,
    };
    if (!(await leave(run, leaver, way))) return undefined;
  }
  showStores(run, leaving);
  await run.hosts("configure the others", roles, (h) => !staying(h.name));
  if (troubled(run)) return undefined;
  const gate = clusterGate([cluster], run.abort.signal);
  await roll(run, reboot, gate);
  await roll(run, reloadOrRestart, gate);
  return troubled(run) ? undefined : cluster;
}

/** Says what is going to happen, and refuses what must not. */
async function preflight(run: SiteRun, change: Change, before: Before, cluster: Cluster): Promise<boolean> {
  showPlan(run, before, cluster);
  for (const text of cautions(before)) run.emit({ type: "warning", text });
  const wrong = [...obstacles(change, before), ...otherPartitions(await observe(cluster.target, cluster.connect), cluster.hosts[0]!.vars, before.unheld)];
  const whole = before.leaving.every((l) => l.runs || !l.member);
  return stage(run, "pre-flight", cluster, [
    {
      task: "the change can be made",
      changes: async () => {
        if (wrong.length)
          throw Object.assign(
            refusal(wrong[0]!.what, wrong[0]!.next),
            wrong.length > 1 && { failure: { what: wrong[0]!.what, next: wrong[0]!.next, output: wrong.map((o) => `${o.what}. ${o.next}`).join("\n") } },
          );
        return [];
      },
    },
    // With a member that is down it can't be; what must hold then is asked above.
    ...(whole ? [healthy(only(cluster.target, [...before.stays, ...before.leaving.filter((l) => l.runs)]), cluster, run.mode)] : []),
  ]);
}

function showPlan({ emit }: SiteRun, { stays, joins, leaving, group }: Before, { name }: Cluster): void {
  const now = (s: Standing): string =>
    [s.runs ? "runs" : "doesn't answer", s.member ? (s.server === group?.leader ? "meta leader" : "member") : "no member"].join(", ");
  const holds = (s: Standing): string => s.holds.map((h) => `${h.name}${h.config.num_replicas === 1 ? " (R1)" : ""}`).join(" ");
  const row =
    (then: string) =>
    (s: Standing): string[] => [s.server, now(s), then, holds(s)];
  emit({
    type: "table",
    title: `${name}: who is in it`,
    columns: ["server", "now", "then", "streams"],
    rows: [
      ...stays.map(row(joins.length || leaving.length ? "stays; routes reloaded" : "stays")),
      ...joins.map(row("joins")),
      ...leaving.map((l) =>
        row(l.member ? (l.runs ? "leaves: streams moved, lame duck, removed" : "is removed; its streams are copied anew") : "has left; stays stopped")(l),
      ),
    ],
  });
}

/** Where the streams' files of those who left lie: nothing is deleted. */
function showStores(run: SiteRun, leaving: readonly Standing[]): void {
  const rows = leaving.flatMap(({ server, host }) => {
    const store = host && run.outputs.get(host.name)?.get(RETIRED_STORE);
    return store ? [[server, `${host.connection.address}:${store}`]] : [];
  });
  if (rows.length)
    run.emit({ type: "table", title: "stores that were moved aside: delete them when nobody misses anything", columns: ["server", "store"], rows });
}
