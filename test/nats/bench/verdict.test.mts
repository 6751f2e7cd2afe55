import t from "tap";
import { growth } from "../../../lib/nats/bench/account.mts";
import { settleBench } from "../../../lib/nats/bench/spec.mts";
import { spread, summarize } from "../../../lib/nats/bench/summary.mts";
import type { FlowRound, FlowSample, RoundResult } from "../../../lib/nats/bench/types.mts";
import { verdict } from "../../../lib/nats/bench/verdict.mts";

const latency = { count: 1, mean: 1, p50: 1, p90: 1, p99: 1, p999: 1, max: 1, distribution: [] };
const samples = (...open: number[]): FlowSample[] =>
  open.map((ackPending, at) => ({ at, sent: 20_000, acked: 20_000, delivered: 20_000, ackPending, numPending: 0 }));
const pull = (changed: Partial<FlowRound> = {}): FlowRound => ({
  kind: "pull",
  planned: 100,
  sent: 100,
  unsent: 0,
  acked: 100,
  rejected: 0,
  unacked: 0,
  delivered: 100,
  duplicates: 0,
  redelivered: 0,
  lost: 0,
  lostAt: [],
  waiting: 0,
  lostInWarmUp: 0,
  foreign: 0,
  rate: { offered: 20_000, sent: 20_000, acked: 20_000, delivered: 20_000 },
  latency: { publish: latency, delivery: latency },
  samples: [],
  workers: [],
  consumer: null,
  partitions: [],
  backlogGrowth: 0,
  ...changed,
});
const judged = (flow: FlowRound, round: Partial<RoundResult> = {}, tunnelled: string[] = []): string[] => {
  const rounds: RoundResult[] = [
    { startedAt: 0, flows: [flow], nodes: [], generator: { cpu: 0.2, memory: 1, threads: [], late: 1, bottleneck: false }, errors: [], ...round },
  ];
  const machine = { host: "h", cpus: 2, cpu: "", memory: 1, node: "v20" };
  return verdict({ spec: settleBench({ pull: {} }), startedAt: 0, cluster: "c", servers: [], machine, tunnelled, rounds, ...summarize(rounds) }).map(
    (v) => `${v.status} ${v.text}`,
  );
};

t.test("what comes through is told with its rate and count", async (t) => {
  t.same(judged(pull()), ["ok pull: 20,000 msg/s delivered of 20,000 offered; each of 100 messages accounted for, none lost"]);
});

t.test("each thing that is wrong fails", async (t) => {
  const wrong: [Partial<FlowRound>, RegExp][] = [
    [{ lost: 2, lostAt: [4, 9] }, /^failed pull: 2 of 100 messages lost: acknowledged by the stream, and no worker got them \(numbers 4, 9\)$/],
    [{ lostInWarmUp: 1 }, /^failed pull: 1 messages lost in the warm-up/],
    [{ rejected: 3, rejection: "maximum bytes exceeded (503)" }, /^failed pull: the stream refused 3 messages: maximum bytes exceeded/],
    [{ unsent: 50 }, /^failed pull: 50 of 100 offered messages could not be sent in time/],
    [{ waiting: 5 }, /^failed pull: 5 messages still waited.*doesn't keep up/],
    [{ sent: 0 }, /^failed pull: no message could be sent/],
    [
      { backlogGrowth: 4000, samples: samples(0, 20_000, 40_000) },
      /^failed pull: ack pending went from 0 to 40,000, .* within 10 s \(4,000 more each second\): the pull side doesn't keep up/,
    ],
  ];
  for (const [changed, line] of wrong) {
    const lines = judged(pull(changed));
    t.match(lines[0], line);
    t.notOk(lines.some((l) => l.startsWith("ok")));
  }
});

t.test("what must be known to read the figures is noted, and fails nothing", async (t) => {
  const lines = judged(
    pull({ duplicates: 1, redelivered: 1, unacked: 2 }),
    { generator: { cpu: 1, memory: 1, threads: [], late: 50, bottleneck: true, why: "busy" }, errors: ["a line"] },
    ["n1"],
  );
  t.equal(lines.filter((l) => l.startsWith("note")).length, 6);
  t.match(lines.join("\n"), /the generator was the limit, not the cluster: busy/);
  t.match(lines.join("\n"), /came 50 ms late to its schedule/);
  t.match(lines.join("\n"), /n1 reached through SSH: the figures are the tunnel's/);
});

t.test("a backlog grows when it rises most of the time by more than noise, and to more than is under way", async (t) => {
  t.equal(growth(samples(0, 0, 5000, 10_000, 15_000, 20_000)), 5000);
  t.equal(growth(samples(9000, 300, 20, 500, 0, 700)), 0, "what is under way");
  t.equal(growth(samples(40_000, 30_000, 25_000, 20_000, 10_000, 11_000)), 0, "it shrinks");
  t.equal(growth(samples(0, 100_000)), 0, "two seconds tell nothing");
});

t.test("the middle of an even number of rounds is a figure that was measured", async (t) => {
  t.same(spread([4, 1, 3, 2]), { median: 2, least: 1, most: 4 });
  t.same(spread([5, 1, 3]), { median: 3, least: 1, most: 5 });
});

t.test("a spec that makes no sense is refused with all that is wrong", async (t) => {
  t.throws(() => settleBench({}), /ask for push, pull or both/);
  t.throws(() => settleBench({ pull: { partitions: 4, workers: 3, payload: 8 }, seconds: 0.5 }), {
    message: /seconds 0.5.*payload of 8 bytes.*3 pull workers for 4 partitions/s,
  });
  t.match(settleBench({ pull: { partitions: 4 } }).pull, { workers: 4, rate: 20_000, payload: 128, maxAckPending: 50_000, batch: 128, ack: "explicit" });
});
