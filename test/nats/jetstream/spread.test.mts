import t from "tap";
import { PARTITION_OF, partitionFor } from "../../../lib/nats/jetstream/partitions.mts";
import { foreseenMoves, loads, nextLeader, nextMove, nextPartitionLeader, unevenPartitions } from "../../../lib/nats/jetstream/spread.mts";
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

/** A partition of LOGS. */
const part = (i: number, servers: string[], change: (s: StreamState) => void = () => {}): StreamState => {
  const one = stream(`LOGS-${i}`, servers);
  one.config["metadata"] = { [PARTITION_OF]: "LOGS" };
  change(one);
  return one;
};
const back = (n: number): string[] => OLD.map((_, i) => OLD[(i + n) % 3]!);

t.test("partitions are spread among themselves, whatever else the servers lead", async (t) => {
  const busy = ["A", "B", "C"].map((name) => stream(name, OLD));
  t.equal(nextPartitionLeader(cluster(OLD, ...busy, part(0, OLD), part(1, back(1)), part(2, back(2)))), undefined);
  t.equal(nextPartitionLeader(cluster(OLD, part(0, OLD), part(1, back(1)), part(2, OLD), part(3, back(2)))), undefined, "four on three");
  const state = cluster(OLD, ...busy, part(0, OLD), part(1, OLD), part(2, back(1)));
  t.same(nextPartitionLeader(state), { account: "APP", stream: "LOGS-0", from: "n1", to: "n3" });
  t.same(unevenPartitions(state), [{ name: "LOGS", of: "LOGS", leads: "n1 2, n2 1, n3 0" }]);
  t.match(nextPartitionLeader(state, new Set(["APP LOGS-0"])), { stream: "LOGS-1" });
  t.match(nextLeader(state), { stream: "A" }, "evening out all streams leaves them alone");
});

t.test("nothing is asked of a replica that is down or behind", async (t) => {
  const down = (s: StreamState): void => {
    for (const p of s.replicas) if (p.name === "n3") p.offline = true;
  };
  t.equal(nextPartitionLeader(cluster(OLD, part(0, OLD, down), part(1, OLD, down), part(2, back(1), down))), undefined);
  const behind = (s: StreamState): void => {
    for (const p of s.replicas) p.current = false;
  };
  t.equal(nextPartitionLeader(cluster(OLD, part(0, OLD, behind), part(1, OLD, behind))), undefined);
});

t.test("a key's partition, as nats-server counts it", async (t) => {
  // seen with 2.10.27 and 2.15.1: partition(3,1) of logs.k1 … logs.k4
  t.same(
    ["k1", "k2", "k3", "k4"].map((key) => partitionFor([key], 3)),
    [0, 0, 2, 0],
  );
});
