import { jetstream } from "@nats-io/jetstream";
import t from "tap";
import { judge } from "../../../lib/nats/load/judge.mts";
import { pullTest } from "../../../lib/nats/load/pull.mts";
import { manager, streamName } from "../../../lib/nats/load/temporary-stream.mts";
import { type Bed, bed, eventually, jetstreamReady, LIGHT } from "./cluster.mts";

t.setTimeout(600_000);
let b: Bed;
t.before(async () => {
  b = await bed();
  await jetstreamReady(b.stranger);
});
t.teardown(async () => b?.stop());

const failed = (r: Parameters<typeof judge>[0]): string[] =>
  judge(r)
    .lines.filter((l) => l.status === "failed")
    .map((l) => l.check);
/** Slow enough for a stranger to get in between. */
const LONG = { rate: 500, seconds: 2, replicas: 3, batch: 16, ackWait: 2000 };

/** A stranger takes messages from the run's own durable. @returns how many it took */
async function take(id: string, wanted: number, ack: boolean): Promise<number> {
  return eventually(async () => {
    const consumer = await jetstream(b.stranger).consumers.get(streamName(id), "workers");
    let taken = 0;
    for await (const message of await consumer.fetch({ max_messages: wanted, expires: 1500 })) {
      taken++;
      if (ack) message.ack();
    }
    return taken || undefined;
  });
}

t.test("a healthy cluster stores, delivers and acknowledges every message once", async (t) => {
  const r = await pullTest(await b.open(3), { ...LIGHT, replicas: 3 });
  t.match(r, { planned: 1000, sent: 1000, unsent: 0, acked: 1000, rejected: 0, unacked: 0, delivered: 1000, stored: 1000 });
  t.match(r, { duplicates: 0, lost: 0, redelivered: 0, foreign: 0, errors: [], consumer: { pending: 0, ackPending: 0, redelivered: 0 } });
  t.equal(r.latency.publish.count, 1000);
  t.equal(r.latency.delivery.count, 1000);
  t.match(r.leader, /^n[123]$/);
  t.same(failed(r), []);
});

t.test("the temporary stream is gone afterwards", async (t) => {
  await pullTest(await b.open(2), { ...LIGHT, replicas: 3, id: "gone" });
  await t.rejects((await manager(b.stranger)).streams.info(streamName("gone")), { message: /stream not found/ });
});

t.test("messages that a worker takes and doesn't acknowledge are redelivered, and counted", async (t) => {
  const run = pullTest(await b.open(3), { ...LONG, id: "noack" });
  const taken = await take("noack", 10, false);
  const r = await run;
  t.ok(taken > 0);
  t.ok(r.redelivered >= taken, `${r.redelivered} of ${taken}`);
  t.match(r, { acked: 1000, delivered: 1000, lost: 0, consumer: { pending: 0, ackPending: 0 } });
  t.ok(failed(r).includes("pull: redelivered"));
});

t.test("messages acknowledged by the stream and never seen by a worker are lost", async (t) => {
  const run = pullTest(await b.open(3), { ...LONG, id: "theft", patience: 3000 });
  const taken = await take("theft", 10, true);
  const r = await run;
  t.ok(taken > 0);
  t.match(r, { acked: 1000, lost: taken, delivered: 1000 - taken });
  t.same(failed(r), ["pull: lost"]);
});

t.test("a message stored twice is a duplicate", async (t) => {
  let again = 0;
  const subject = "_sampan.verify.twice.logs.ingest";
  const echo = b.stranger.subscribe(subject, {
    callback: (_, m) => {
      if (m.data.length > 0 && again < 5) {
        again++;
        b.stranger.publish(subject, m.data);
      }
    },
  });
  const r = await pullTest(await b.open(3), { ...LIGHT, replicas: 3, id: "twice" });
  echo.unsubscribe();
  t.match(r, { acked: 1000, stored: 1005, duplicates: 5, redelivered: 0 });
  t.same(failed(r), ["pull: stored", "pull: duplicates"]);
});

t.test("publishes that the stream refuses are counted, with its reason", async (t) => {
  const run = pullTest(await b.open(3), { ...LONG, id: "full" });
  await eventually(() => jetstream(b.stranger).consumers.get(streamName("full"), "workers"));
  await eventually(async () => (await manager(b.stranger)).streams.update(streamName("full"), { max_msgs: 100 }));
  const r = await run;
  t.ok(r.rejected > 0);
  t.equal(r.acked + r.rejected, 1000);
  t.match(r.rejection, /maximum messages exceeded/);
  t.equal(r.lost, 0);
});

t.test("a worker that dies with messages in hand loses none: the others get them again", async (t) => {
  const load = await b.open(3);
  setTimeout(() => void load.workers[1]!.nc.close(), 1000);
  const r = await pullTest(load, LONG);
  t.match(r, { acked: 1000, delivered: 1000, lost: 0, errors: ["worker 2 on n2 lost its connection"] });
  t.ok(failed(r).includes("pull: connections"));
});

t.test("the stream is removed also when the first publisher's connection is gone", async (t) => {
  const load = await b.open(3);
  setTimeout(() => void load.publishers[0]!.nc.close(), 500);
  const r = await pullTest(load, { ...LONG, id: "orphan", patience: 1500 });
  t.same(r.errors, ["publisher 1 on n1 lost its connection"]);
  await t.rejects((await manager(b.stranger)).streams.info(streamName("orphan")), { message: /stream not found/ });
});

t.test("subjects that another stream takes are told, with what to do", async (t) => {
  const jsm = await manager(b.stranger);
  await jsm.streams.add({ name: "ALL", subjects: ["taken.>"] });
  await t.rejects(pullTest(await b.open(1), { ...LIGHT, replicas: 3, base: "taken" }), { message: /can't be made: .*overlap.*another base/ });
  await jsm.streams.delete("ALL");
});
