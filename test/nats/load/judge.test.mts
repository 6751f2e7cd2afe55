import t from "tap";
import { judge, type Thresholds } from "../../../lib/nats/load/judge.mts";
import type { PullResult, PushResult } from "../../../lib/nats/load/types.mts";

const latency = { count: 60_000, mean: 2, p50: 1, p90: 2, p99: 40, p999: 80, max: 120, curve: [] };
const both = {
  subject: "s",
  planned: 60_000,
  sent: 60_000,
  unsent: 0,
  delivered: 60_000,
  duplicates: 0,
  lost: 0,
  lostAt: [],
  foreign: 0,
  workers: ["n1", "n2", "n3"].map((node, i) => ({ node, worker: i + 1, delivered: 20_000, share: 1 / 3 })),
  generator: { cpu: 0.4, loop: 0.5, late: 1, bottleneck: false },
  errors: [],
  payload: 128,
  seconds: 3,
  ms: 3100,
};
const push: PushResult = { ...both, kind: "push", rate: { offered: 20_000, sent: 20_000, delivered: 20_000 }, latency: { delivery: latency }, unreachable: [] };
const pull: PullResult = {
  ...both,
  kind: "pull",
  stream: "S",
  partitions: 1,
  replicas: 3,
  leader: "n1",
  acked: 60_000,
  rejected: 0,
  unacked: 0,
  redelivered: 0,
  batch: 128,
  window: 1024,
  consumer: { pending: 0, ackPending: 0, redelivered: 0 },
  stored: 60_000,
  rate: { offered: 20_000, sent: 20_000, acked: 20_000, delivered: 20_000 },
  latency: { publish: latency, delivery: latency },
};
const failures = (r: PushResult | PullResult, limits?: Thresholds): string[] =>
  judge(r, limits)
    .lines.filter((l) => l.status === "failed")
    .map((l) => `${l.check}: ${l.text}`);

const CASES: [string, PushResult | PullResult, Thresholds | undefined, string[]][] = [
  ["a clean push passes", push, undefined, []],
  ["a clean pull passes", pull, undefined, []],
  [
    "loss names the first numbers",
    { ...push, lost: 7, lostAt: [1, 2, 3, 4, 5] },
    undefined,
    ["push: lost: 7 of 60,000 messages never reached a worker (numbers 1, 2, 3, 4, 5, …)"],
  ],
  ["nothing sent is no success", { ...push, sent: 0, delivered: 0 }, undefined, ["push: sent: no message could be sent"]],
  [
    "an idle worker is named",
    {
      ...push,
      workers: [
        { node: "n1", worker: 1, delivered: 60_000, share: 1 },
        { node: "n2", worker: 2, delivered: 0, share: 0 },
      ],
    },
    undefined,
    ["push: spread: worker 2 on n2 took 0 of 60,000"],
  ],
  [
    "redelivery that only the consumer knows counts",
    { ...pull, consumer: { pending: 0, ackPending: 0, redelivered: 3 } },
    undefined,
    ["pull: redelivered: 3 redeliveries"],
  ],
  [
    "what is left pending counts",
    { ...pull, consumer: { pending: 2, ackPending: 1, redelivered: 0 } },
    undefined,
    ["pull: pending: the consumer is left with 2 pending and 1 unacknowledged messages"],
  ],
  ["unanswered publishes count", { ...pull, acked: 59_999, stored: 59_999, unacked: 1 }, undefined, ["pull: unanswered: 1 publishes never acknowledged by S"]],
  [
    "too slow by the inventory's own limit",
    { ...pull, rate: { ...pull.rate, delivered: 9_000 } },
    { rate: 10_000 },
    ["pull: rate: 9,000 of 20,000 msg/s offered; at least 10,000 wanted"],
  ],
  ["a limit above what is offered asks for nine tenths of it", { ...push, rate: { offered: 1_000, sent: 1_000, delivered: 950 } }, { rate: 18_000 }, []],
  [
    "too late by the inventory's own limit",
    push,
    { p50: 10, p99: 30, p999: 500 },
    ["push: latency: p50 1.0 ms · p99 40 ms · p99.9 80 ms · max 120 ms; wanted: p99 of at most 30 ms"],
  ],
];
for (const [name, result, limits, expected] of CASES)
  t.test(name, async (t) => {
    t.same(failures(result, limits), expected);
  });

t.test("an offered rate that couldn't be taken is said, and is no failure by itself", async (t) => {
  const r = judge({ ...push, sent: 40_000, unsent: 20_000, delivered: 40_000 });
  t.ok(r.passed);
  t.ok(r.lines.some((l) => l.status === "note" && l.text.startsWith("20,000 of 60,000 planned messages weren't sent")));
});

t.test("a generator that was the limit says so", async (t) => {
  const r = judge({ ...push, generator: { cpu: 1, loop: 0.97, late: 12, bottleneck: true } });
  t.ok(r.lines.some((l) => l.text.endsWith("it may itself have been the limit")));
});

t.test("a generator that was kept from the CPU says that latencies include it", async (t) => {
  const r = judge({ ...push, generator: { cpu: 0.4, loop: 0.8, late: 60, bottleneck: false } });
  t.ok(r.lines.some((l) => l.text.endsWith("this machine was short of CPU, which the latencies include")));
});
