import t from "tap";
import type { Alarm, Level } from "../../../lib/nats/status/alarms.mts";
import type { ConsumerStatus, NodeStatus, Status, StreamStatus } from "../../../lib/nats/status/status.mts";
import { style } from "../../../lib/report/style.mts";
import { width } from "../../../lib/report/text.mts";
import { screen } from "../../../roles/status/screen.mts";
import { age, count, rate, size } from "../../../roles/status/units.mts";

const PLAIN = style({ colour: false, unicode: true });

const node = (i: number, more: Partial<NodeStatus> = {}): NodeStatus => ({
  name: `nats-node-${i}`,
  server: `n${i}`,
  address: `10.0.0.${i}:4222`,
  level: "ok",
  up: true,
  version: "2.15.1",
  since: "2026-11-21T12:00:00.000Z",
  cpuPercent: 12,
  memoryBytes: 3e7,
  connections: 1200,
  slowConsumers: 0,
  rates: { in: 1234, out: 0.4, inBytes: 5e5, outBytes: 10 },
  jetstream: { storageBytes: 9e9, storageLimit: 10 * 2 ** 30, memoryBytes: 0, memoryLimit: 1e9 },
  routes: [1, 2, 3].filter((o) => o !== i).map((o) => ({ to: `n${o}`, rttMs: 0.4 })),
  certificateEnds: null,
  ...more,
});
const stream = (i: number, more: Partial<StreamStatus> = {}): StreamStatus => ({
  name: `ORDERS-${i}`,
  account: "APP",
  level: "ok",
  leader: "n1",
  replicas: 3,
  replicasCurrent: 3,
  lag: 0,
  messages: 1000 - i,
  bytes: 1e6,
  consumers: 1,
  storedPerSecond: 5,
  ...more,
});
const consumer = (i: number, more: Partial<ConsumerStatus> = {}): ConsumerStatus => ({
  name: "worker",
  stream: `ORDERS-${i}`,
  account: "APP",
  level: "ok",
  kind: "pull",
  leader: "n1",
  paused: false,
  pending: 3,
  ackPending: 900,
  maxAckPending: 1000,
  redelivered: 0,
  waitingPulls: 1,
  deliveredPerSecond: 5,
  ...more,
});
const alarm = (level: Alarm["level"], id: string, asset: string | null, detail: string): Alarm => ({
  level,
  id,
  title: "a title",
  asset,
  detail,
  next: "Do this and that",
});
const many = <T,>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

const status = (more: Partial<Status> = {}): Status => ({
  schema: 1,
  at: "2026-11-22T12:00:00.000Z",
  cluster: "nats-cluster-hk",
  level: "ok" as Level,
  metaLeader: "n2",
  ratesOverMs: 1000,
  nodes: [1, 2, 3].map((i) => node(i)),
  streams: [stream(1)],
  consumers: [consumer(1)],
  alarms: [],
  ...more,
});

t.test("a sound cluster: verdict, nodes with role and routes, streams, consumers", async (t) => {
  const text = screen(status(), { columns: 160, rows: 50 }, PLAIN).join("\n");
  t.match(text, /^nats-cluster-hk {2}OK .* \d\d:\d\d:\d\d\n3 of 3 nodes · meta leader n2 · 1 stream · 1 consumer · 5\.0\/s in · 5\.0\/s out\n\n✓ no alarms\n/);
  t.match(text, /✓ {2}nats-node-2 {2}leader {2}2\.15\.1 +1d0h {2}12% .* 1\.2k .* 0\.4 .* 8\.4G\/10\.0G {2}nats-node-1 0\.4 ms, nats-node-3 0\.4 ms/);
  t.match(text, /✓ {2}ORDERS-1 {2}n1 +3\/3 +0 +999 +977K +5\.0 +1\n/);
  t.match(text, /✓ {2}ORDERS-1 > worker {2}pull {2}n1 +3 +900\/1\.0k 90% +0 +1 +5\.0/);
});

t.test("no size makes it wider or longer than the screen, and nothing is lost without a word", async (t) => {
  const sick = status({
    level: "critical",
    nodes: many(9, (i) => node(i + 1, i === 4 ? { up: false, level: "critical", version: null, rates: null, jetstream: null, routes: [] } : {})),
    streams: many(300, (i) => stream(i)),
    consumers: many(500, (i) => consumer(i)),
    alarms: [
      ...many(40, (i) =>
        alarm(
          "critical",
          `kind-${i}`,
          `asset-${i}`,
          "something long that has to be told in many words, so that it takes more than one line of a narrow screen",
        ),
      ),
      ...many(200, (i) => alarm("critical", "stream.replicas", `ORDERS-${i}`, "n5 is offline")),
    ],
  });
  for (const [columns, rows] of [
    [79, 22],
    [159, 48],
    [60, 24],
    [200, 100],
  ] as const) {
    const lines = screen(sick, { columns, rows }, PLAIN);
    t.ok(lines.length <= rows, `${columns}x${rows}: ${lines.length} lines`);
    t.same(
      lines.filter((l) => width(l) > columns),
      [],
      `${columns}x${rows}: width`,
    );
    const text = lines.join("\n");
    if (rows < 100) t.match(text, /and \d+ more alarms/);
    t.match(text, /and \d+ more streams, all well/);
    t.match(text, /and \d+ more consumers, all well/);
    t.match(text, /→ Do this and that/, "the first alarm says what to do");
  }
});

t.test("--all leaves nothing out", async (t) => {
  const lines = screen(status({ streams: many(300, (i) => stream(i)), consumers: many(500, (i) => consumer(i)) }), { columns: 120, rows: Infinity }, PLAIN);
  t.equal(lines.filter((l) => / ORDERS-\d+ {2}/.test(l)).length, 300);
  t.equal(lines.filter((l) => / > worker /.test(l)).length, 500);
  t.notMatch(lines.join("\n"), "more");
});

t.test("alarms of one kind are told once, with whom they concern", async (t) => {
  const text = screen(
    status({
      level: "critical",
      alarms: [
        alarm("critical", "node.reachable", "nats-node-3", "connection refused"),
        ...many(200, (i) => alarm("critical", "stream.replicas", `ORDERS-${i}`, "n3 is offline")),
      ],
    }),
    { columns: 120, rows: 40 },
    PLAIN,
  ).join("\n");
  t.match(text, "✗ nats-node-3: connection refused\n  → Do this and that\n✗ ORDERS-0, ORDERS-1, ORDERS-2 and 197 more: n3 is offline\n");
});

t.test("colours only where they are wanted; names from the servers can't draw on the screen", async (t) => {
  const evil = status({ streams: [stream(1, { name: "a\x1b[2Jb" })], alarms: [alarm("warning", "x", "y\x1b]0;z\x07", "\x1b[31mred")] });
  t.notMatch(screen(evil, { columns: 100, rows: 30 }, PLAIN).join("\n"), /\x1b|\x07/);
  t.match(screen(evil, { columns: 100, rows: 30 }, style({ colour: true, unicode: true })).join("\n"), /\x1b\[33m!\x1b\[39m/);
});

t.test("figures keep their width", async (t) => {
  t.same([0, 950, 1000, 12_345, 5e6, null].map(count), ["0", "950", "1.0k", "12.3k", "5.0M", "-"]);
  t.same([0, 0.25, 9.96, 1234.5].map(rate), ["0", "0.3", "10.0", "1.2k"]);
  t.same([0, 1023, 1024, 10 * 2 ** 30, 2 ** 40 - 1].map(size), ["0B", "1023B", "1.0K", "10.0G", "1.0T"]);
  t.same([45e3, 720e3, 11_100e3, 12 * 86_400e3 + 4 * 3600e3].map(age), ["45s", "12m", "3h05m", "12d4h"]);
});
