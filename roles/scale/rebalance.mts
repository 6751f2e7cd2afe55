import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { evenOut } from "../../lib/nats/jetstream/even-out.mts";
import { holders, inMove, startMove, untilLeft } from "../../lib/nats/jetstream/move.mts";
import { foreseenMoves, loads, nextLeader, nextMove } from "../../lib/nats/jetstream/spread.mts";
import { observe } from "../../lib/nats/observe.mts";
import type { Cluster } from "../cluster.mts";
import type { SiteRun } from "../site.mts";
import type { Step } from "./stage.mts";

/** The same number of stream replicas on every node, and then of streams led. One stream at a time, each whole before the next. */
export const rebalance = (cluster: Cluster): Step[] => [replicas(cluster), leaders(cluster)];

const replicas = ({ target, connect }: Cluster): Step => ({
  task: "stream replicas spread over all nodes",
  changes: async () => foreseenMoves(await observe(target, connect)).map((m) => ({ attribute: `stream ${m.stream}`, current: m.from, desired: m.to })),
  work: async (say, signal) => {
    const [sys, app] = [await connectSys(target, connect), await connectApp(target, connect)];
    const stay = new Set<string>();
    try {
      for (;;) {
        signal.throwIfAborted();
        const state = await observe(target, { ...connect, connection: sys });
        const moving = state.streams.find(inMove);
        if (moving) {
          say(`${moving.name}: an earlier move comes to its end`);
          await new Promise((resolve) => setTimeout(resolve, 500));
          continue;
        }
        const move = nextMove(state, stay);
        if (!move) return;
        const stream = { account: move.account, name: move.stream };
        const before = holders(state.streams.find((s) => s.account === move.account && s.name === move.stream)!);
        say(`${move.stream} off ${move.from}`);
        await startMove(sys, stream, move.from);
        const now = await untilLeft(target, sys, app, stream, move.from, {
          connect,
          progress: (text) => say(`${move.stream} off ${move.from}: ${text}`),
          signal,
        });
        // The meta leader has chosen another place than expected: once is enough.
        if (!holders(now).some((h) => h === move.to && !before.includes(h))) stay.add(`${move.account} ${move.stream}`);
      }
    } finally {
      await Promise.all([sys.close(), app.close()]);
    }
  },
});

const leaders = ({ target, connect }: Cluster): Step => ({
  task: "stream leaders spread over all nodes",
  changes: async () => {
    const next = nextLeader(await observe(target, connect));
    return next
      ? [
          {
            attribute: "streams led",
            current: loads(await observe(target, connect))
              .map((l) => `${l.server} ${l.leads}`)
              .join(", "),
            desired: "evenly",
          },
        ]
      : [];
  },
  work: (say, signal) => evenOut(target, { connect, next: nextLeader, say, signal }),
});

/** The nodes' loads as a table. */
export async function showLoads({ emit }: SiteRun, { name, target, connect }: Cluster): Promise<void> {
  const all = loads(await observe(target, connect));
  emit({
    type: "table",
    title: `${name}: streams by node`,
    columns: ["server", "replicas", "leads"],
    rows: all.map((l) => [l.server, String(l.replicas), String(l.leads)]),
  });
}
