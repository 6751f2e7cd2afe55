import t from "tap";
import { judge } from "../../../lib/nats/load/judge.mts";
import { pushTest } from "../../../lib/nats/load/push.mts";
import { type Bed, bed, LIGHT } from "./cluster.mts";

t.setTimeout(600_000);
let b: Bed;
t.before(async () => {
  b = await bed();
});
t.teardown(async () => b?.stop());

const jobs = (id: string): string => `_sampan.verify.${id}.jobs.process`;
const failed = (r: Parameters<typeof judge>[0]): string[] =>
  judge(r)
    .lines.filter((l) => l.status === "failed")
    .map((l) => l.check);

t.test("a healthy cluster delivers every message once, to all workers", async (t) => {
  const r = await pushTest(await b.open(6), LIGHT);
  t.match(r, { planned: 1000, sent: 1000, unsent: 0, delivered: 1000, duplicates: 0, lost: 0, foreign: 0, unreachable: [], errors: [] });
  t.equal(r.latency.delivery.count, 1000);
  t.equal(
    r.workers.reduce((sum, w) => sum + w.delivered, 0),
    1000,
  );
  t.same(
    r.workers.map((w) => w.node),
    ["n1", "n2", "n3", "n1", "n2", "n3"],
  );
  t.same(failed(r), []);
});

t.test("messages that never reach a worker are lost, to the message", async (t) => {
  let stolen = 0;
  const thief = b.stranger.subscribe(jobs("theft"), {
    queue: "workers",
    callback: () => {
      stolen++;
    },
  });
  const r = await pushTest(await b.open(3), { ...LIGHT, id: "theft", patience: 3000 });
  thief.unsubscribe();
  t.ok(stolen > 0);
  t.equal(r.lost, stolen);
  t.equal(r.delivered, 1000 - stolen);
  t.equal(r.lostAt.length, 5);
  t.same(failed(r), ["push: lost"]);
});

t.test("a message delivered twice is a duplicate", async (t) => {
  let again = 0;
  const echo = b.stranger.subscribe(jobs("echo"), {
    callback: (_, m) => {
      if (again < 7) {
        again++;
        b.stranger.publish(jobs("echo"), m.data);
      }
    },
  });
  const r = await pushTest(await b.open(3), { ...LIGHT, id: "echo" });
  echo.unsubscribe();
  t.match(r, { delivered: 1000, duplicates: 7, lost: 0 });
  t.same(failed(r), ["push: duplicates"]);
});

t.test("somebody else's message on the subject is told apart", async (t) => {
  const load = await b.open(3);
  const once = b.stranger.subscribe(jobs("foreign"), {
    max: 1,
    callback: () => {
      b.stranger.publish(jobs("foreign"), "hello, this is not a load test");
    },
  });
  const r = await pushTest(load, { ...LIGHT, id: "foreign" });
  once.unsubscribe();
  t.match(r, { delivered: 1000, duplicates: 0, foreign: 1 });
  t.same(failed(r), ["push: foreign"]);
});

t.test("a worker that goes away is named", async (t) => {
  const load = await b.open(6);
  setTimeout(() => void load.workers[1]!.nc.close(), 250);
  const r = await pushTest(load, { ...LIGHT, patience: 1500 });
  t.ok(failed(r).includes("push: connections"));
  t.same(r.errors, ["worker 2 on n2 lost its connection"]);
});

t.test("a publisher that goes away holds nobody up", async (t) => {
  const load = await b.open(3);
  setTimeout(() => void load.publishers[2]!.nc.close(), 250);
  const r = await pushTest(load, { ...LIGHT, patience: 1500 });
  t.equal(r.sent, 1000);
  t.same(r.errors, ["publisher 3 on n3 lost its connection"]);
});

t.test("more than the window allows stays unsent, and says so", async (t) => {
  const hold = b.stranger.subscribe(jobs("window"), { queue: "workers", callback: () => {} });
  const r = await pushTest(await b.open(3), { ...LIGHT, id: "window", window: 50, patience: 1000 });
  hold.unsubscribe();
  t.equal(r.sent - r.delivered, 50);
  t.equal(r.unsent, 1000 - r.sent);
  t.match(judge(r).lines.find((l) => l.check === "push: behind")?.text, /planned messages weren't sent/);
});

t.test("an abort ends it with the signal's reason", async (t) => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("Ctrl-C")), 200);
  await t.rejects(pushTest(await b.open(3), { rate: 1000, seconds: 60, signal: stop.signal }), { message: "Ctrl-C" });
});

t.test("a payload without room for the number is refused", async (t) => {
  await t.rejects(pushTest(await b.open(1), { payload: 8 }), { message: /payload of 8 bytes; use 16 or more/ });
});
