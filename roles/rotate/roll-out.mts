import { type Gate, roll } from "../../lib/playbook/roll.mts";
import { clustersOf } from "../cluster.mts";
import { reloadOrRestart } from "../cluster-config/handlers.mts";
import { type Ahead, clusterConfigWith } from "../cluster-config/tasks.mts";
import { clusterGate } from "../gate.mts";
import { partitionsMade } from "../jetstream-setup/partitions-ahead.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";

/**
 * cluster-config on all hosts, then reloads node by node behind the gates. `ahead` is for --check: what the controller's files will be.
 * @returns whether every server runs with it now (with --check: whether every host could be looked at)
 */
export async function rollOut(run: SiteRun, phase: string, ahead: Ahead): Promise<boolean> {
  await run.hosts(phase, [clusterConfigWith(run.mode === "check" ? ahead : {})]);
  const gate = clusterGate(await clustersOf(run), run.abort.signal);
  if (run.mode === "check") await showRoll(run, gate);
  await roll(run, reloadOrRestart, gate);
  run.due.clear(); // a further step of the same run begins anew
  return !run.stopped && run.config.hosts.every((h) => !run.out.has(h.name));
}

/** Under --check: who goes when, and what is waited for in between. */
async function showRoll(run: SiteRun, gate: Gate<Vars>): Promise<void> {
  const hosts = run.config.hosts.filter((h) => run.wouldChange(h));
  if (!hosts.length) return;
  const order = await gate.order(hosts).catch(() => hosts);
  run.emit({
    type: "table",
    title: "one node at a time",
    columns: ["node", "before its reload", "before the next one"],
    rows: order.map((h) => [
      h.name,
      "the others can do without it",
      `it has loaded it; routes, meta leader and all replicas are well for ${h.vars.verify.settle}`,
    ]),
  });
}

/**
 * Takes all hosts' locks before a file of the controller changes: two rotations at once would mix their states. And sees that the servers'
 * new configuration, which has the inventory's subject mappings too, sends no message to partitions that aren't there.
 */
export async function held(run: SiteRun): Promise<boolean> {
  await run.reach();
  return !run.stopped && run.config.hosts.every((h) => !run.out.has(h.name)) && partitionsMade(run);
}

/** Where a rotation stands, and how it goes on. */
export function showSteps(run: SiteRun, title: string, steps: readonly (readonly [step: string, state: string, next: string])[]): void {
  run.emit({ type: "table", title, columns: ["step", "state", "command, or what to do"], rows: steps.map((s) => [...s]) });
}

/** The command as the user would type it for the next step. */
export const command = (run: SiteRun, flags: string): string => `./playbooks/rotate.mts -i ${run.config.options.inventory} ${flags}`;
