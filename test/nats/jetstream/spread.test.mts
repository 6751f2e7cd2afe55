import t from "tap";
import { foreseenMoves, loads, nextLeader, nextMove } from "../../../lib/nats/jetstream/spread.mts";
import type { ClusterState, StreamState } from "../../../lib/nats/state.mts";

/** `A: n1* n2 n3`: the first leads; bytes and tags after it */
function stream(name: string, servers: string[], bytes = 100, tags: string[] = []): StreamState {
  const peer = (server: string) => ({ name: server, current: true, offline: false, activeMs: 0, lag: 0 });
  return {
    account: "APP",
    name,
    leader: servers[0]!,
    replicas: servers.slice(1).map(peer),
    mark: 1,
    moving: false,
    consumers: [],
    config: { name, num_replicas: servers.length, retention: "limits", storage: "file", ...(tags.length && { placement: { tags } }) },
    copies: servers.map((server) => ({ server, firstSeq: 1, lastSeq: 1, messages: 1, bytes })),
  };
}
const cluster = (nodes: string[], ...streams: StreamState[]): ClusterState => ({
  at: 0,
  asked: 0,
  streams,
  servers: [],
  target: { name: "c", nodes: [], sys: {} as never, app: {} as never },
  nodes: nodes.map((name) => ({ node: { name, lane: name, host: "", port: 1, jetstream: true }, probe: {} as never })),
});
const FIVE = ["n1", "n2", "n3", "n4", "n5"];
const OLD = ["n1", "n2", "n3"];

t.test("streams of three replicas go to two new servers until no two servers differ by more than one", async (t) => {
  const state = cluster(FIVE, ...["A", "B", "C", "D", "E"].map((name) => stream(name, OLD)));
  const moves = foreseenMoves(state);
  t.equal(moves.length, 6);
  const held = new Map(loads(state).map((l) => [l.server, l.replicas]));
  for (const { from, to } of moves) {
    held.set(from, held.get(from)! - 1);
    held.set(to, held.get(to)! + 1);
  }
  t.same([...held.values()], [3, 3, 3, 3, 3]);
  t.equal(new Set(moves.map((m) => `${m.stream} ${m.to}`)).size, 6, "no stream goes twice to one server");
});

t.test("what is even already stays", async (t) => {
  t.same(foreseenMoves(cluster(OLD, stream("A", OLD), stream("B", OLD))), []);
  t.same(foreseenMoves(cluster(FIVE, stream("A", OLD))), []);
});

t.test("the smallest first; one with placement tags, and one that a move didn't help, not at all", async (t) => {
  const state = cluster(["n1", "n2"], stream("BIG", ["n1"], 1000), stream("SMALL", ["n1"], 1), stream("TAGGED", ["n1"], 0, ["ssd"]));
  t.equal(nextMove(state)?.stream, "SMALL");
  t.equal(nextMove(state, new Set(["APP SMALL"]))?.stream, "BIG");
  t.equal(nextMove(state, new Set(["APP SMALL", "APP BIG"])), undefined);
});

t.test("leaders go where a replica is and fewer are led", async (t) => {
  t.match(nextLeader(cluster(OLD, stream("A", OLD), stream("B", OLD))), { stream: "A", from: "n1", to: "n2" });
  t.equal(nextLeader(cluster(OLD, stream("A", OLD))), undefined, "one stream is led by one");
  t.equal(nextLeader(cluster(["n1", "n2", "n3"], stream("A", ["n1"]), stream("B", ["n1"]))), undefined, "R1 can't");
});
