import type { ClusterState, StreamState } from "../state.mts";
import { holders, size } from "./move.mts";

/** By server name: how many stream replicas it holds, and how many streams it leads. */
export interface Load {
  server: string;
  replicas: number;
  leads: number;
}

/** What each of the servers bears; those of the inventory that run JetStream, in its order. */
export function loads(state: ClusterState): Load[] {
  return state.nodes
    .filter(({ node }) => node.jetstream)
    .map(({ node: { name } }) => ({
      server: name,
      replicas: state.streams.filter((s) => holders(s).includes(name)).length,
      leads: state.streams.filter((s) => s.leader === name).length,
    }));
}

/** A replica that would go from one server to another. The target is what the meta leader is expected to choose: it decides itself. */
export interface Move {
  account: string;
  stream: string;
  from: string;
  to: string;
  bytes: number;
}

/**
 * The next move towards the same number of replicas on all servers, the smallest stream first; undefined when no two servers differ by
 * more than one, or nothing that may go would help. A stream with placement tags stays where its owner has put it.
 * @param stay streams (`account name`) that a move didn't help
 */
export function nextMove(state: ClusterState, stay: ReadonlySet<string> = new Set()): Move | undefined {
  const ranked = loads(state).sort((a, b) => b.replicas - a.replicas);
  for (const { server: from, replicas: most } of ranked) {
    for (const { server: to, replicas: least } of [...ranked].reverse()) {
      if (most - least < 2) break;
      const fit = state.streams.filter((s) => holders(s).includes(from) && !holders(s).includes(to) && movable(s) && !stay.has(`${s.account} ${s.name}`));
      const [best] = fit.sort((a, b) => size(a) - size(b) || a.name.localeCompare(b.name));
      if (best) return { account: best.account, stream: best.name, from, to, bytes: size(best) };
    }
  }
  return undefined;
}

const movable = (s: StreamState): boolean => {
  const { tags = [] } = (s.config["placement"] ?? {}) as { tags?: string[] };
  return tags.length === 0;
};

/** All moves that would come, foreseen: for a plan. */
export function foreseenMoves(state: ClusterState): Move[] {
  const moves: Move[] = [];
  for (let next = nextMove(state); next && moves.length < 1000; next = nextMove(state)) {
    moves.push(next);
    state = after(state, next);
  }
  return moves;
}

function after(state: ClusterState, { account, stream, from, to }: Move): ClusterState {
  const renamed = (name: string): string => (name === from ? to : name);
  return {
    ...state,
    streams: state.streams.map((s) =>
      s.account === account && s.name === stream
        ? {
            ...s,
            leader: renamed(s.leader),
            replicas: s.replicas.map((p) => ({ ...p, name: renamed(p.name) })),
            copies: s.copies.map((c) => ({ ...c, server: renamed(c.server) })),
          }
        : s,
    ),
  };
}

/** The next step-down towards streams led by all servers alike; undefined when no replica of a stream leads to one that leads at least two fewer. */
export function nextLeader(
  state: ClusterState,
  stay: ReadonlySet<string> = new Set(),
): { account: string; stream: string; from: string; to: string } | undefined {
  const leads = new Map(loads(state).map((l) => [l.server, l.leads]));
  for (const [from, most] of [...leads].sort(([, a], [, b]) => b - a)) {
    for (const s of state.streams.filter((s) => s.leader === from && !stay.has(`${s.account} ${s.name}`))) {
      const [to] = s.replicas
        .map((p) => p.name)
        .filter((name) => leads.has(name))
        .sort((a, b) => leads.get(a)! - leads.get(b)!);
      if (to !== undefined && most - leads.get(to)! >= 2) return { account: s.account, stream: s.name, from, to };
    }
  }
  return undefined;
}
