import type { Resource } from "../../lib/engine/resource.mts";
import { metaLeader } from "../../lib/nats/roll.mts";
import type { ClusterState, StreamState } from "../../lib/nats/state.mts";
import { away, cutOff, down, filled, killed, type Make, type Place, paused, startedEmpty } from "../../lib/resources/drill-faults.mts";

/** A kind of failure that a drill rehearses. */
export interface Fault {
  readonly name: string;
  /** what is done, and to whom, for --list and --check */
  readonly does: string;
  readonly who: string;
  /** how things come back */
  readonly back: string;
  /** the servers that may be hit, the best first; `every`: all of them at once */
  readonly victims: (state: ClusterState, stream: string) => string[];
  readonly every?: true;
  readonly make: Make;
  /** what follows when the others hold everything without it */
  readonly then?: (place: Place) => Resource;
  /** it lasts until it is undone; else systemd ends it by starting the server again */
  readonly lasts?: true;
  /** only rehearsed when it is named: it takes everything away for a while */
  readonly asked?: true;
  /** data of the cluster that it would destroy, and not only make unavailable */
  readonly destroys: (stream: StreamState) => boolean;
}

const holders = (state: ClusterState, stream: string): string[] => state.streams.find((s) => s.name === stream)?.copies.map((c) => c.server) ?? [];
const streamLeader = (state: ClusterState, stream: string): string[] => state.streams.filter((s) => s.name === stream && s.leader).map((s) => s.leader);
const leaderOfMeta = (state: ClusterState): string[] => [metaLeader(state) ?? []].flat();
/** Those that lead least first. */
const followers = (state: ClusterState, stream: string): string[] => {
  const leads = (name: string): number => Number(streamLeader(state, stream).includes(name)) + Number(metaLeader(state) === name);
  return holders(state, stream).sort((a, b) => leads(a) - leads(b));
};
const leaderFirst = (state: ClusterState, stream: string): string[] => [...streamLeader(state, stream), ...followers(state, stream)];

const LEADER = "the leader of the load's stream";
const RESTART = "systemd starts it again";
const inMemory = (s: StreamState): boolean => s.config.storage === "memory";
/** A server whose disk was full may take such a stream for an orphan at its next start, and delete it (nats-server #5382). */
const single = (s: StreamState): boolean => s.config.num_replicas === 1;
const singleInMemory = (s: StreamState): boolean => single(s) && inMemory(s);
/** Without one of its replicas it has no majority that could fill an empty store. */
const few = (s: StreamState): boolean => s.config.num_replicas < 3 || s.consumers.some((c) => c.replicaCount < 3 && c.config.durable_name !== undefined);

export const FAULTS: readonly Fault[] = [
  {
    name: "kill-node",
    does: "nats-server ends by SIGKILL",
    who: "a node that leads neither",
    back: RESTART,
    victims: followers,
    make: killed,
    destroys: singleInMemory,
  },
  {
    name: "kill-meta-leader",
    does: "nats-server ends by SIGKILL",
    who: "the meta leader",
    back: RESTART,
    victims: leaderOfMeta,
    make: killed,
    destroys: singleInMemory,
  },
  {
    name: "kill-stream-leader",
    does: "nats-server ends by SIGKILL",
    who: LEADER,
    back: RESTART,
    victims: streamLeader,
    make: killed,
    destroys: singleInMemory,
  },
  {
    name: "partition",
    does: "cut off from clients and nodes; SSH stays",
    who: LEADER,
    back: "its ports are opened again",
    victims: streamLeader,
    make: cutOff,
    lasts: true,
    destroys: () => false,
  },
  {
    name: "pause",
    does: "nats-server stands still (SIGSTOP)",
    who: LEADER,
    back: "it goes on (SIGCONT)",
    victims: streamLeader,
    make: paused,
    lasts: true,
    destroys: () => false,
  },
  {
    name: "fill-disk",
    does: "the store's file system is filled to the brim",
    who: "a node whose store has its own file system",
    back: "the file is removed, the server started anew",
    victims: leaderFirst,
    make: filled,
    lasts: true,
    destroys: single,
  },
  {
    name: "lose-store",
    does: "nats-server ends by SIGKILL, and starts with an empty store",
    who: "a node that leads neither",
    back: "the others fill its store; then the old one, moved aside, is removed",
    victims: followers,
    make: down,
    then: startedEmpty,
    destroys: few,
  },
  {
    name: "restart-all",
    does: "nats-server ends by SIGKILL at the same moment",
    who: "every node",
    back: RESTART,
    victims: (state) => state.nodes.map((n) => n.node.name),
    every: true,
    make: killed,
    destroys: inMemory,
  },
  {
    name: "lose-region",
    does: "nats-server ends by SIGKILL, and stays away",
    who: "every node, only when named",
    back: "all are started; what other regions copy from here goes on by itself",
    victims: (state) => state.nodes.map((n) => n.node.name),
    every: true,
    make: away,
    lasts: true,
    asked: true,
    destroys: inMemory,
  },
];
