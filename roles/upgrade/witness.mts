import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterRole } from "../../lib/playbook/role.mts";
import type { Gate } from "../../lib/playbook/roll.mts";
import type { SteadyLoad } from "../../lib/nats/load/steady.mts";
import { accountTable, findings, type SteadyAccount } from "../../lib/nats/load/steady-account.mts";
import type { Cluster } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";

const at = { file: "", line: 0 };

/** A load beside a roll, which tells what clients saw of it. */
export class Witness {
  readonly #run: SiteRun;
  readonly #clusters: readonly Cluster[];
  readonly #loads = new Map<string, SteadyLoad>();

  constructor(run: SiteRun, clusters: readonly Cluster[]) {
    this.#run = run;
    this.#clusters = clusters;
  }

  /** @param rate msg/s; with 0 there is none */
  async start(rate: number): Promise<void> {
    if (rate === 0) return;
    const { signal } = this.#run.abort;
    await this.#phase("load", (cluster) => [{ task: "start a load", at, run: async () => {
      const { steadyLoad } = await import("../../lib/nats/load/steady.mts");
      this.#loads.set(cluster.name, await steadyLoad(cluster.target, { rate, connect: cluster.connect, signal }));
      return { status: "ok", reason: `${rate} msg/s to a queue group, ${rate} msg/s into a stream and out of it` };
    } }]);
  }

  /** The same gate; from when a node may go, what the load sees is counted as that node's. */
  watching(gate: Gate<Vars>): Gate<Vars> {
    return { ...gate, before: async (host, progress) => {
      await gate.before(host, progress);
      const cluster = this.#clusters.find((c) => c.hosts.some((h) => h.name === host.name));
      this.#loads.get(cluster?.name ?? "")?.mark(host.name);
    } };
  }

  /** Ends the load and tells its account: as a table, and as a task that fails when a message was lost. To be called whatever happens. */
  async end(): Promise<void> {
    const accounts = new Map<string, SteadyAccount>();
    await Promise.all([...this.#loads].map(async ([name, load]) => accounts.set(name, await load.stop())));
    for (const [name, account] of accounts) {
      this.#run.emit({ type: "table", title: `${name}: what clients saw, at ${account.rate} msg/s`, ...accountTable(account) });
      // A run that was stopped does no more tasks, and still has to say this.
      if (this.#run.stopped) for (const text of findings(account)) this.#run.emit({ type: "warning", text: `${name}: ${text}` });
    }
    await this.#phase("account", (cluster) => {
      const account = accounts.get(cluster.name);
      return account ? [{ task: "every message is accounted for", at, run: async () => judged(account) }] : [];
    });
  }

  async #phase(phase: string, tasks: (cluster: Cluster) => ReturnType<ClusterRole<Cluster>["tasks"]>): Promise<void> {
    await clusterPhase(this.#run, phase, { kind: "cluster", name: "upgrade", list: () => [], tasks }, this.#clusters);
  }
}

function judged(a: SteadyAccount): ReturnType<typeof told> {
  const wrong = findings(a);
  return wrong.length === 0 ? told(a) : { status: "failed" as const, failure: {
    what: wrong.join("; "), output: a.errors.map(({ text, count }) => `${count}× ${text}`).join("\n"), next: "read the servers' logs of this time (journalctl -u nats-server)",
  } };
}

function told(a: SteadyAccount): { status: "ok" | "failed"; reason?: string; failure?: { what: string; output: string; next: string } } {
  const { ms, at: when } = a.longestPublishGap;
  const short = a.late > 50 ? `; this machine itself came up to ${Math.round(a.late)} ms late` : "";
  return { status: "ok", reason: `${a.acked.toLocaleString("en-US")} messages acknowledged, none lost, none stored twice; longest publish gap ${Math.round(ms)} ms at ${new Date(when).toISOString().slice(11, 19)} UTC${short}` };
}
