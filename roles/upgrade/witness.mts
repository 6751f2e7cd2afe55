import type { SteadyLoad } from "../../lib/nats/load/steady.mts";
import { accountTable, findings, type SteadyAccount } from "../../lib/nats/load/steady-account.mts";
import { clusterPhase } from "../../lib/playbook/cluster-phase.mts";
import type { ClusterTask, TaskResult } from "../../lib/playbook/role.mts";
import type { Gate } from "../../lib/playbook/roll.mts";
import type { Cluster } from "../cluster.mts";
import type { Vars } from "../schema.mts";
import type { SiteRun } from "../site.mts";

const at = { file: "", line: 0 };

/** So many acknowledged messages show that a load runs, and what is usual. */
const USUAL = 100;

interface WitnessOptions {
  run: SiteRun;
  clusters: readonly Cluster[];
  /** msg/s; with 0 there is no load */
  rate: number;
  /** hosts whose server was down at the beginning. They go first, and nothing can be told of their going; a stream has no place before they are back. */
  down: ReadonlySet<string>;
}

/** A load beside a roll, which tells what clients saw of it. */
export class Witness {
  readonly #o: WitnessOptions;
  readonly #loads = new Map<string, SteadyLoad>();

  constructor(options: WitnessOptions) {
    this.#o = options;
  }

  /** The same gate; from when a node may go, what the load sees is counted as that node's. */
  watching(gate: Gate<Vars>): Gate<Vars> {
    return {
      ...gate,
      before: async (host, progress) => {
        await gate.before(host, progress);
        if (this.#o.rate === 0 || this.#o.down.has(host.name)) return;
        const cluster = this.#o.clusters.find((c) => c.hosts.some((h) => h.name === host.name))!;
        const load = this.#loads.get(cluster.name) ?? (await this.#begin(cluster, progress));
        load.mark(host.name);
      },
    };
  }

  async #begin({ name, target, connect }: Cluster, progress: (detail: string) => void): Promise<SteadyLoad> {
    const {
      rate,
      run: {
        abort: { signal },
      },
    } = this.#o;
    const { steadyLoad } = await import("../../lib/nats/load/steady.mts");
    const load = await steadyLoad(target, { rate, connect, signal });
    this.#loads.set(name, load);
    progress(`a load of ${rate} msg/s runs beside it`);
    while (load.now().acked < Math.min(USUAL, 2 * rate) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
    return load;
  }

  /** Ends the load and tells its account: as a table, and as a task that fails when a message was lost. To be called whatever happens. */
  async end(): Promise<void> {
    const { run, clusters } = this.#o;
    const accounts = new Map<string, SteadyAccount>();
    await Promise.all([...this.#loads].map(async ([name, load]) => accounts.set(name, await load.stop())));
    for (const [name, account] of accounts) {
      run.emit({ type: "table", title: `${name}: what clients saw, at ${account.rate} msg/s`, ...accountTable(account) });
      // A run that was stopped does no more tasks, and still has to say this.
      if (run.stopped) for (const text of findings(account)) run.emit({ type: "warning", text: `${name}: ${text}` });
    }
    const tasks = ({ name }: Cluster): ClusterTask[] => [{ task: "every message is accounted for", at, run: async () => judged(accounts.get(name)!) }];
    if (accounts.size)
      await clusterPhase(
        run,
        "account",
        { kind: "cluster", name: "upgrade", list: () => [], tasks },
        clusters.filter((c) => accounts.has(c.name)),
      );
  }
}

function judged(a: SteadyAccount): TaskResult {
  const wrong = findings(a);
  return wrong.length === 0
    ? { status: "ok", reason: told(a) }
    : {
        status: "failed",
        failure: {
          what: wrong.join("; "),
          output: a.errors.map(({ text, count }) => `${count}× ${text}`).join("\n"),
          next: "read the servers' logs of this time (journalctl -u nats-server)",
        },
      };
}

function told(a: SteadyAccount): string {
  const { ms, at: when } = a.longestPublishGap;
  const short = a.late > 50 ? `; this machine itself came up to ${Math.round(a.late)} ms late` : "";
  return `${a.acked.toLocaleString("en-US")} messages acknowledged, none lost, none stored twice; longest publish gap ${Math.round(ms)} ms at ${new Date(when).toISOString().slice(11, 19)} UTC${short}`;
}
