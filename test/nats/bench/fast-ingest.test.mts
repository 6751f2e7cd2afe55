import t from "tap";
import { adds, BenchBed } from "./bed.mts";

t.setTimeout(600_000);
const FAST = { ingest: "fast", publishers: 3, workers: 3, partitions: 2 } as const;

t.test("fast ingest", async (t) => {
  const bed = await BenchBed.start(t, 3);
  t.test("open loop: each message is acknowledged, stored and delivered once, also the last ones", async (t) => {
    const { rounds, verdict } = await bed.run({ pull: { ...FAST, rate: 3000, replicas: 3 }, seconds: 2, rounds: 2 });
    t.notOk(
      verdict.some((v) => v.status === "failed"),
      JSON.stringify(verdict),
    );
    for (const { flows } of rounds) {
      adds(t, flows[0]!);
      t.match(flows[0], {
        planned: 6000,
        sent: 6000,
        acked: 6000,
        delivered: 6000,
        lost: 0,
        lostInWarmUp: 0,
        duplicates: 0,
        rejected: 0,
        unacked: 0,
        foreign: 0,
      });
      t.equal(flows[0]!.latency.publish!.count, 6000);
    }
  });

  t.test("closed loop: so many more than one by one, all accounted for", async (t) => {
    const { rounds, verdict } = await bed.run({ pull: { ...FAST, rate: "max", replicas: 3, batch: 500 }, seconds: 3 });
    const [flow] = rounds[0]!.flows;
    adds(t, flow!);
    t.match(flow, { lost: 0, lostInWarmUp: 0, duplicates: 0, rejected: 0, unacked: 0, foreign: 0 });
    t.equal(flow!.acked, flow!.sent);
    t.equal(flow!.delivered, flow!.sent);
    t.comment(`${flow!.rate.acked} acked/s, ${flow!.rate.delivered} delivered/s; ${verdict.map((v) => v.text).join("; ")}`);
  });

  t.test("what is purged is lost here too", async (t) => {
    const { rounds } = await bed.run({ pull: { ...FAST, rate: 40_000, replicas: 3, partitions: 1, maxAckPending: 1 } }, async (stream) =>
      bed.jsm.streams.purge(stream),
    );
    adds(t, rounds[0]!.flows[0]!);
    t.ok(rounds[0]!.flows[0]!.lost > 0);
  });
});

t.test("a server before 2.14 doesn't know it, and that is told", async (t) => {
  const bed = await BenchBed.start(t, 1, "2.10.27");
  await t.rejects(
    bed.run({ pull: { ...FAST, rate: 1000, replicas: 1, workers: 2 }, seconds: 1 }),
    /n1 runs nats-server 2\.10\.27, and fast ingest came with 2\.14/,
  );
  t.same(await bed.streams(), []);
});
