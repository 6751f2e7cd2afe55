import { setTimeout as sleep } from "node:timers/promises";
import { connectApp } from "../connect.mts";
import { streamNames } from "../jetstream/api.mts";
import type { ClusterState } from "../state.mts";
import type { ConnectOptions } from "../target.mts";

/** A screen has to come also while JetStream looks for a leader. */
const PATIENCE_MS = 1500;

/** Asks the meta group for streams that nobody who answers holds, where a node is missing; else the state is whole as it is. Never throws. */
export async function withUnseen(state: ClusterState, options: ConnectOptions): Promise<ClusterState> {
  const dark = state.nodes.filter((n) => n.node.jetstream && !n.server);
  if (dark.length === 0 || dark.length === state.nodes.length) return state;
  const nodes = state.nodes.filter((n) => n.server).map((n) => n.node);
  try {
    const app = await connectApp({ ...state.target, nodes }, options);
    try {
      const names = await Promise.race([streamNames(app), sleep(PATIENCE_MS, undefined, { ref: false })]);
      if (!names) return state;
      return { ...state, unseen: names.filter((name) => !state.streams.some((s) => s.name === name)) };
    } finally {
      await app.close();
    }
  } catch {
    return state; // without a meta leader nobody can tell, and that is an alarm of its own
  }
}
