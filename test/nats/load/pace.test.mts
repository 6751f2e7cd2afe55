import t from "tap";
import { Pacer } from "../../../lib/nats/load/pace.mts";

t.test("messages are due at even intervals, however late they are sent", async (t) => {
  const due: number[] = [];
  const pacer = new Pacer({ rate: 1000, seconds: 0.1 }, (_, at) => {
    due.push(at);
    return true;
  });
  // The process is away for most of the run: what was due in the meantime keeps its time.
  for (const end = Date.now() + 80; Date.now() < end; ) {
    /* busy */
  }
  await pacer.run();
  t.same(
    due,
    Array.from({ length: 100 }, (_, i) => i),
  );
});

t.test("it offers no more than is due", async (t) => {
  const began = performance.now();
  let early = 0;
  const pacer: Pacer = new Pacer({ rate: 5000, seconds: 0.2 }, (_, at) => {
    if (performance.now() - began < at) early++;
    return true;
  });
  await pacer.run();
  t.equal(early, 0);
  t.equal(pacer.sent, 1000);
});

t.test("what finds no room until the time is over stays unsent", async (t) => {
  const pacer = new Pacer({ rate: 1000, seconds: 0.1 }, (sequence) => sequence < 10);
  await pacer.run();
  t.equal(pacer.sent, 10);
  t.equal(pacer.total, 100);
});

t.test("an abort ends it with the signal's reason", async (t) => {
  const stop = new AbortController();
  const pacer = new Pacer({ rate: 10, seconds: 60, signal: stop.signal }, () => true);
  setTimeout(() => stop.abort(new Error("stop")), 20);
  await t.rejects(pacer.run(), { message: "stop" });
});
