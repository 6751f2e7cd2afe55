import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { headers } from "nats";
import t from "tap";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { type SteadyLoad, steadyLoad } from "../../../lib/nats/load/steady.mts";
import { accountTable, findings } from "../../../lib/nats/load/steady-account.mts";
import { manager, sweep } from "../../../lib/nats/load/temporary-stream.mts";
import { type Bed, bed, eventually, jetstreamReady } from "./cluster.mts";

t.setTimeout(600_000);
let b: Bed;
let jsm: JetStreamManager;
t.before(async () => {
  b = await bed();
  await jetstreamReady(b.stranger);
  jsm = await manager(b.stranger);
});
t.teardown(async () => b?.stop());

/** So many more messages acknowledged than now. */
async function more(load: SteadyLoad, messages: number): Promise<void> {
  const wanted = load.now().acked + messages;
  await eventually(async () => load.now().acked >= wanted || undefined);
}
const leaderOf = async (stream: string): Promise<string> => (await jsm.streams.info(stream)).cluster!.leader!;
const safe = () => waitUntilSafe(b.cluster.target, {}, { settleMs: 300 });

/** One server goes as if its power were cut, and comes back. */
async function crash(name: string, load: SteadyLoad): Promise<void> {
  await b.cluster.server(name).stop("SIGKILL");
  await more(load, 300);
  b.cluster.server(name).start();
  await b.cluster.greets(b.cluster.server(name));
  await safe();
}

t.test("nothing happens: every message is acknowledged, stored and delivered once, and the stream is gone afterwards", async (t) => {
  const seconds: number[] = [];
  const load = await steadyLoad(b.cluster.target, { onSecond: (now) => seconds.push(now.acked) });
  await more(load, 400);
  const a = await load.stop();
  t.match(a, { ackedLost: 0, duplicatesStored: 0, redelivered: 0, unacked: 0, reconnects: 0, errors: [], replicas: 3, rate: 200 });
  t.match(a.push, { lost: 0, duplicates: 0 });
  t.equal(a.acked, a.sent);
  t.equal(a.delivered, a.sent);
  t.equal(a.push.delivered, a.push.sent);
  t.same(findings(a), []);
  t.equal(a.notReadBack, undefined);
  t.ok(a.acked >= 400 && seconds.length > 0 && seconds.at(-1)! <= a.acked);
  t.equal(await load.stop(), a, "told once more");
  await t.rejects(jsm.streams.info(load.stream), { message: /stream not found/ });
});

t.test("each node, the stream's leader among them, is killed and started again: no acknowledged message is lost, none is stored twice", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  await more(load, 100);
  for (const name of ["n1", "n2", "n3"]) {
    // A kill while nobody writes proves little.
    const leader = await leaderOf(load.stream);
    load.mark(name === leader ? `${name}, the leader` : name);
    await crash(name, load);
  }
  load.mark("the leader");
  await crash(await leaderOf(load.stream), load);
  const a = await load.stop();
  t.same(findings(a), []);
  t.match(a, { ackedLost: 0, duplicatesStored: 0, unacked: 0 });
  t.equal(a.delivered, a.sent, "every message reached a worker");
  t.ok(a.reconnects >= 4, `${a.reconnects} reconnects`);
  t.ok(a.longestPublishGap.ms > 200, `without a leader nothing is acknowledged: ${a.longestPublishGap.ms} ms`);
  t.equal(a.spans.length, 5);
  t.equal(
    a.spans.reduce((sum, s) => sum + s.acked, 0),
    a.acked,
    "each message belongs to one span",
  );
  t.equal(a.longestPublishGap.ms, Math.max(...a.spans.map((s) => s.longestPublishGap.ms)));
  t.ok(a.spans[4]!.longestPublishGap.ms > a.spans[0]!.longestPublishGap.ms, "the gap is where the fault was");
  const { at, ms } = a.longestPublishGap;
  t.ok(at >= a.from - 1 && at + ms <= a.to + 1, "and at its time");
  t.equal(accountTable(a).rows.length, 6);
});

t.test("a server that hangs without closing its connections: the others take over", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  await more(load, 100);
  const leader = await leaderOf(load.stream);
  b.cluster.server(leader).signal("SIGSTOP");
  await more(load, 300);
  b.cluster.server(leader).signal("SIGCONT");
  await safe();
  const a = await load.stop();
  t.same(findings(a), []);
  t.ok(a.longestPublishGap.ms > 200);
});

t.test("an outage of all is sat out", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  await more(load, 100);
  await Promise.all(b.cluster.servers.map((s) => s.stop("SIGTERM")));
  const before = load.now();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.ok(load.now().sinceAck > 1000);
  t.equal(load.now().acked, before.acked);
  for (const server of b.cluster.servers) server.start();
  await more(load, 300);
  const a = await load.stop();
  t.same(findings(a), []);
  t.ok(a.longestPublishGap.ms > 1500);
});

t.test("acknowledged messages that are no longer in the stream are lost, though they were delivered", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  await more(load, 100);
  await eventually(async () => load.now().delivered > 50 || undefined);
  for (const seq of [3, 4, 5]) await jsm.streams.deleteMessage(load.stream, seq);
  const a = await load.stop();
  t.equal(a.ackedLost, 3);
  t.equal(a.delivered, a.sent);
  t.equal(a.lostAt.length, 3);
  t.match(findings(a).join(), /3 of .* acknowledged messages are lost \(numbers/);
});

t.test("acknowledged messages that no worker ever got are lost", async (t) => {
  const load = await steadyLoad(b.cluster.target, { patience: 2000 });
  const consumer = await jetstream(b.stranger).consumers.get(load.stream, load.durable);
  const taken = await eventually(async () => {
    let count = 0;
    for await (const message of await consumer.fetch({ max_messages: 10, expires: 1500 })) {
      message.ack();
      count++;
    }
    return count || undefined;
  });
  const a = await load.stop();
  t.match(a, { ackedLost: taken, duplicatesStored: 0 });
  t.equal(a.delivered, a.sent - taken);
});

t.test("what lies in the stream twice and what was merely delivered twice are told apart", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  await more(load, 50);
  const subject = (await jsm.streams.info(load.stream)).config.subjects![0]!;
  for (const seq of [1, 2]) {
    const stored = (await jsm.streams.getMessage(load.stream, { seq }))!;
    const h = headers();
    h.set("Nats-Msg-Id", `again-${seq}`);
    await b.stranger.request(subject, stored.data, { headers: h, timeout: 5000 });
  }
  // Taken by somebody who doesn't acknowledge: five seconds later a worker gets it.
  const consumer = await jetstream(b.stranger).consumers.get(load.stream, load.durable);
  const taken = await eventually(async () => {
    const message = await consumer.next({ expires: 1500 });
    return message ? 1 : undefined;
  });
  const a = await load.stop();
  t.match(a, { duplicatesStored: 2, ackedLost: 0 });
  t.equal(a.delivered, a.sent, `also the ${taken} that was held back`);
  t.match(findings(a).join(), /2 messages are stored twice/);
});

t.test("a message published by somebody else doesn't count", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  const subject = (await jsm.streams.info(load.stream)).config.subjects![0]!;
  await b.stranger.request(subject, "hello", { timeout: 5000 });
  await more(load, 20);
  t.same(findings(await load.stop()), []);
});

t.test("an interrupted load ends soon, tells what it knows, and leaves nothing", async (t) => {
  const stop = new AbortController();
  const load = await steadyLoad(b.cluster.target, { signal: stop.signal });
  await more(load, 50);
  stop.abort(new Error("Ctrl-C"));
  const a = await load.stop();
  t.match(a, { ackedLost: 0, unacked: 0 });
  await t.rejects(jsm.streams.info(load.stream), { message: /stream not found/ });
});

t.test("a load that runs isn't swept, one that was left behind is", async (t) => {
  const load = await steadyLoad(b.cluster.target);
  await more(load, 20);
  t.same(await sweep(jsm, 5000), []);
  await load.stop();
  await jsm.streams.add({
    name: "_sampan_load_killed",
    description: "sampan: temporary, removed by the run that made it or by the next",
    subjects: ["killed"],
  });
  t.same(await sweep(jsm, 0), ["_sampan_load_killed"]);
});

t.test("options that make no sense are told", async (t) => {
  await t.rejects(steadyLoad(b.cluster.target, { rate: 0 }), { message: "load: 0 msg/s; take 1 to 5000" });
  await t.rejects(steadyLoad(b.cluster.target, { rate: 1e6 }), { message: /take 1 to 5000/ });
});
