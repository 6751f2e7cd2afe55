import type { ClusterState, ConsumerState, Peer, StreamState } from "../state.mts";
import { holders, size } from "./move.mts";
import { partitionGroups } from "./partitions.mts";

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

/** A stream or consumer that somebody leads. */
export interface Led {
  account: string;
  stream: string;
  /** absent: the stream itself */
  consumer?: string;
  leader: string;
  /** servers that could lead it at once: replicas that run and have caught up */
  others: string[];
}
export type StepDown = Omit<Led, "leader" | "others"> & { from: string; to: string };

/** How `stay` names what shall keep its leader. */
export const assetOf = ({ account, stream, consumer }: Omit<Led, "leader" | "others">): string => [account, stream, consumer].filter(Boolean).join(" ");

const fit = (peers: readonly Peer[]): string[] => peers.filter((p) => p.current && !p.offline).map((p) => p.name);
const ledStream = (s: StreamState): Led => ({ account: s.account, stream: s.name, leader: s.leader, others: fit(s.replicas) });
const ledConsumer = (s: StreamState, c: ConsumerState): Led => ({
  account: s.account,
  stream: s.name,
  consumer: c.name,
  leader: c.leader,
  others: fit(c.replicas),
});

/**
 * The next step-down towards streams led by all servers alike; undefined when no replica of a stream leads to one that leads at least two
 * fewer. Partitions stay: theirs is the rule below.
 */
export const nextLeader = (state: ClusterState, stay: ReadonlySet<string> = new Set()): StepDown | undefined =>
  nextOf(state.streams.map(ledStream), state, new Set([...stay, ...partitionGroups(state).flatMap((g) => g.streams.map((s) => assetOf(ledStream(s))))]));

/** The same for each set of partitions, and for each of the consumers that all of them have: their leaders are the work that is to be shared. */
export function nextPartitionLeader(state: ClusterState, stay: ReadonlySet<string> = new Set()): StepDown | undefined {
  for (const set of partitionSets(state)) {
    const next = nextOf(set.led, state, stay);
    if (next) return next;
  }
  return undefined;
}

/** Sets whose leaders aren't spread evenly although they could be, with what each server leads: `LOGS` or `LOGS > pull-worker`. */
export const unevenPartitions = (state: ClusterState): { name: string; of: string; leads: string }[] =>
  partitionSets(state)
    .filter(({ led }) => nextOf(led, state, new Set()))
    .map(({ name, of, led }) => ({ name, of, leads: [...leading(led, state)].map(([server, n]) => `${server} ${n}`).join(", ") }));

const partitionSets = (state: ClusterState): { name: string; of: string; led: Led[] }[] =>
  partitionGroups(state).flatMap(({ name, streams }) => [
    { name, of: name, led: streams.map(ledStream) },
    ...[...new Set(streams.flatMap((s) => s.consumers.filter((c) => c.config.durable_name).map((c) => c.name)))].map((consumer) => ({
      name: `${name} > ${consumer}`,
      of: name,
      led: streams.flatMap((s) => s.consumers.filter((c) => c.name === consumer).map((c) => ledConsumer(s, c))),
    })),
  ]);

/** By server that runs JetStream: how many of these it leads. */
const leading = (led: readonly Led[], state: ClusterState): Map<string, number> =>
  new Map(state.nodes.filter(({ node }) => node.jetstream).map(({ node: { name } }) => [name, led.filter((l) => l.leader === name).length]));

function nextOf(led: readonly Led[], state: ClusterState, stay: ReadonlySet<string>): StepDown | undefined {
  const leads = leading(led, state);
  for (const [from, most] of [...leads].sort(([, a], [, b]) => b - a)) {
    for (const { others, leader, ...asset } of led.filter((l) => l.leader === from && !stay.has(assetOf(l)))) {
      const [to] = others.filter((name) => leads.has(name)).sort((a, b) => leads.get(a)! - leads.get(b)!);
      if (to !== undefined && most - leads.get(to)! >= 2) return { ...asset, from: leader, to };
    }
  }
  return undefined;
}
