import { createInbox } from "nats";
import t from "tap";
import { connectApp, connectSys } from "../../../lib/nats/connect.mts";
import { ask, askServer } from "../../../lib/nats/system.mts";
import { eventually } from "../load/cluster.mts";
import { adds, BenchBed } from "./bed.mts";

t.setTimeout(600_000);
const PUSH = { rate: 2000, publishers: 2, workers: 3 };
const PULL = { rate: 2000, publishers: 2, workers: 2, replicas: 1, partitions: 2 };

t.test("one server", async (t) => {
  const bed = await BenchBed.start(t, 1);
  t.test("both ways at once, twice: every message is sent, stored and delivered once, and counted once", async (t) => {
    const result = await bed.run({ push: PUSH, pull: PULL, rounds: 2, seconds: 2 });
    t.notOk(
      result.verdict.some((v) => v.status === "failed"),
      JSON.stringify(result.verdict),
    );
    t.equal(result.rounds.length, 2);
    for (const { flows, nodes, generator } of result.rounds) {
      t.same(
        flows.map((f) => f.kind),
        ["push", "pull"],
      );
      for (const f of flows) {
        adds(t, f);
        t.match(f, {
          planned: 4000,
          sent: 4000,
          delivered: 4000,
          lost: 0,
          lostInWarmUp: 0,
          duplicates: 0,
          redelivered: 0,
          foreign: 0,
          rejected: 0,
          unacked: 0,
        });
        t.equal(f.latency.delivery.count, 4000);
        // The seconds hold all messages, the warm-up's too.
        const all = f.samples.reduce((sum, s) => sum + s.delivered, 0);
        t.equal(all, 6000);
      }
      t.match(flows[1], { acked: 4000, consumer: { pending: 0, ackPending: 0 }, partitions: [{}, {}] });
      t.equal(flows[1]!.latency.publish!.count, 4000);
      t.same(
        nodes.map((n) => n.node),
        ["n1"],
      );
      t.ok(nodes[0]!.samples.length > 0 && generator.cpu > 0 && generator.threads.length === 2);
    }
    t.same(result.servers, [{ name: "n1", version: "2.15.1" }]);
    t.same(JSON.parse(JSON.stringify(result)), result, "plain JSON");
  });

  t.test("messages that somebody purges are lost, and told so", async (t) => {
    // One message at a time: the workers lag far behind, so that there is something to purge.
    const result = await bed.run({ pull: { ...PULL, rate: 40_000, partitions: 1, maxAckPending: 1 } }, async (stream) => bed.jsm.streams.purge(stream));
    const [flow] = result.rounds[0]!.flows;
    adds(t, flow!);
    t.ok(flow!.lost > 0, `${flow!.lost} lost`);
    t.ok(flow!.lostAt.length > 0);
    t.match(result.verdict[0], { status: "failed", text: /messages lost: acknowledged by the stream, and no worker got them/ });
  });

  t.test("a pull side that doesn't keep up is told by its backlog, and what waits isn't called lost", async (t) => {
    // One message at a time is a round trip each: far fewer than can be stored, however fast the machine.
    const result = await bed.run({ pull: { ...PULL, rate: 40_000, partitions: 1, maxAckPending: 1 }, seconds: 4 });
    const [flow] = result.rounds[0]!.flows;
    adds(t, flow!);
    t.equal(flow!.lost, 0);
    t.ok(flow!.backlogGrowth > 0);
    t.match(result.verdict[0], { status: "failed", text: /doesn't keep up/ });
  });

  t.test("a consumer that is deleted: nobody gets what was stored after", async (t) => {
    const result = await bed.run({ pull: { ...PULL, partitions: 1 } }, async (stream) => bed.jsm.consumers.delete(stream, "workers"));
    const [flow] = result.rounds[0]!.flows;
    adds(t, flow!);
    t.ok(flow!.lost > 0 && flow!.acked > flow!.delivered, `${flow!.lost} lost`);
  });

  t.test("a worker whose connection is killed: told, and what it didn't get is lost or was delivered", async (t) => {
    const sys = await connectSys(bed.cluster.target);
    t.teardown(() => sys.close());
    const result = await bed.run({ push: PUSH }, async () => {
      const [answer] = await ask(sys, "CONNZ", ["n1"], { body: { limit: 1024 } });
      const victim = answer!.data.connections.find((c) => c.name === "sampan bench push worker 1")!;
      // The server's answer is of no interest, and the type of questions has no name for it.
      await askServer(sys, answer!.server.id, "KICK" as "CONNZ", { body: { cid: victim.cid } }).catch(() => {});
    });
    adds(t, result.rounds[0]!.flows[0]!);
    t.match(result.rounds[0]!.errors, [/^push worker 1 on n1 lost its connection/]);
    t.equal(result.rounds[0]!.flows[0]!.unsent, 0);
  });

  t.test("what the consumer had given to somebody who is gone comes again after ack_wait, and isn't called lost", async (t) => {
    const nc = await connectApp(bed.cluster.target);
    t.teardown(() => nc.close());
    let taken = 0;
    const result = await bed.run({ pull: { ...PULL, partitions: 1 } }, async (stream) => {
      const inbox = nc.subscribe(createInbox(), {
        callback: (_, msg) => {
          if (msg.subject !== inbox.getSubject()) taken++;
        },
      });
      nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.workers`, JSON.stringify({ batch: 50, expires: 1_000_000_000 }), { reply: inbox.getSubject() });
      await eventually(async () => taken >= 50 || undefined);
    });
    const [flow] = result.rounds[0]!.flows;
    adds(t, flow!);
    t.ok(taken >= 50, `${taken} taken away`);
    t.match(flow, { sent: 6000, delivered: 6000, lost: 0 });
  });

  t.test("coordinated omission: a server that stands still for a second is in the percentiles", async (t) => {
    const result = await bed.run({ push: PUSH, seconds: 4 }, async () => {
      bed.cluster.servers[0]!.signal("SIGSTOP");
      await new Promise((resolve) => setTimeout(resolve, 1000));
      bed.cluster.servers[0]!.signal("SIGCONT");
    });
    const [flow] = result.rounds[0]!.flows;
    adds(t, flow!);
    t.match(flow, { sent: 8000, delivered: 8000 });
    // A quarter of the messages was due while it stood still; on average they waited half a second.
    t.ok(flow!.latency.delivery.max > 900, `max ${flow!.latency.delivery.max}`);
    t.ok(flow!.latency.delivery.p90 > 400, `p90 ${flow!.latency.delivery.p90}`);
  });

  t.test("closed loop: as many as get through, in bounded memory", async (t) => {
    const result = await bed.run({ push: { ...PUSH, rate: "max" }, pull: { ...PULL, rate: "max" } });
    const [push, pull] = result.rounds[0]!.flows;
    for (const f of [push!, pull!]) {
      adds(t, f);
      t.equal(f.lost, 0);
      t.equal(f.unsent, 0);
      t.equal(f.rate.offered, null);
      t.ok(f.rate.delivered > 0);
    }
    t.ok(push!.sent > 3 * 2000, `${push!.sent} sent: more than the open loop's`);
    // A byte for each message, beside what the program itself takes.
    const { memory } = result.rounds[0]!.generator;
    t.ok(memory < 500e6, `${Math.round(memory / 1e6)} MB for ${push!.sent + pull!.sent} messages`);
  });

  t.test("each message to its own of many subjects, one thread, acks for all before", async (t) => {
    const result = await bed.run({
      push: { ...PUSH, subjects: 50 },
      pull: { ...PULL, subjects: 7, ack: "all", storage: "memory", payload: 5000 },
      threads: 1,
      seconds: 2,
    });
    for (const f of result.rounds[0]!.flows) {
      adds(t, f);
      t.match(f, { sent: 4000, delivered: 4000, duplicates: 0 });
    }
    t.match(result.rounds[0]!.flows[1]!.consumer, { pending: 0, ackPending: 0 });
  });

  t.test("a consumer without acks", async (t) => {
    const result = await bed.run({ pull: { ...PULL, ack: "none" }, seconds: 1 });
    t.match(result.rounds[0]!.flows[0], { sent: 2000, delivered: 2000, lost: 0 });
  });
});

t.test("a server of the 2.10 line", async (t) => {
  const bed = await BenchBed.start(t, 1, "2.10.27");
  const result = await bed.run({ push: PUSH, pull: PULL, seconds: 1 });
  for (const f of result.rounds[0]!.flows) t.match(f, { sent: 2000, delivered: 2000, lost: 0 });
});
