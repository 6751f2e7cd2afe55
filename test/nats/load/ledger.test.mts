import fc from "fast-check";
import t from "tap";
import { Ledger } from "../../../lib/nats/load/ledger.mts";
import { HEADER, PayloadRing, sequenceOf } from "../../../lib/nats/load/payload.mts";

t.test("a payload carries its number and its time to the microsecond", async (t) => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(49_999_999), fc.nat(3_600_000_000), fc.integer({ min: HEADER, max: 64 }), (tag, sequence, us, bytes) => {
      const data = new PayloadRing(tag, bytes).take(sequence, us / 1000);
      const ledger = new Ledger(sequence + 1, tag);
      ledger.sent = sequence + 1;
      return data.length === bytes && sequenceOf(data, tag) === sequence && Math.abs(ledger.deliver(data) - us / 1000) < 0.0011;
    }),
    { numRuns: 200 },
  );
  t.pass();
});

t.test("whatever arrives in whatever order, sent = delivered + lost", async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(99), { maxLength: 300 }), (arrivals) => {
      const ring = new PayloadRing(7, 16);
      const ledger = new Ledger(100, 7);
      ledger.sent = 100;
      for (const sequence of arrivals) ledger.deliver(ring.take(sequence, 0));
      const distinct = new Set(arrivals).size;
      return ledger.delivered === distinct && ledger.duplicates === arrivals.length - distinct && ledger.lost("sent").count === 100 - distinct;
    }),
  );
  t.pass();
});

t.test("a message of another run is foreign", async (t) => {
  const ledger = new Ledger(10, 1);
  ledger.sent = 10;
  t.equal(ledger.deliver(new PayloadRing(2, 16).take(3, 0)), -1);
  t.match(ledger, { foreign: 1, delivered: 0 });
});

t.test("only what the stream acknowledged can be lost by it", async (t) => {
  const ledger = new Ledger(4, 1);
  ledger.sent = 4;
  ledger.ack(0);
  ledger.ack(2);
  ledger.deliver(new PayloadRing(1, 16).take(0, 0));
  t.same(ledger.lost("acked"), { count: 1, at: [2] });
});
