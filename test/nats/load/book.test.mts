import t from "tap";
import { Book } from "../../../lib/nats/load/book.mts";
import { Gaps } from "../../../lib/nats/load/gaps.mts";
import { sequenceIn } from "../../../lib/nats/load/puller.mts";

t.test("acknowledged, delivered and found again: accounted for", async (t) => {
  const book = new Book();
  for (let i = 0; i < 3; i++) {
    book.next();
    book.ack(i, i + 1);
    book.deliver(i, i + 1);
    book.find(i, i + 1);
  }
  t.same(book.counts({ from: 0, to: 3 }, { firstSequence: 1 }), { sent: 3, acked: 3, delivered: 3, lost: 0, duplicates: 0 });
});

t.test("what aged out of the stream is judged by its delivery", async (t) => {
  const book = new Book();
  for (let i = 0; i < 4; i++) {
    book.next();
    book.ack(i, i + 1);
  }
  book.deliver(0, 1);
  book.deliver(2, 3);
  book.find(2, 3);
  t.same(book.lostAt({ firstSequence: 3 }), [1, 3], "the second was never delivered, nor was the fourth");
  book.deliver(3, 4);
  t.same(book.lostAt({ firstSequence: 3 }), [1, 3], "delivered, but the stream should still have it");
  t.same(book.lostAt({}), [1], "a stream that couldn't be read says nothing");
  t.same(book.lostAt({ firstSequence: 1, hurried: true }), [0, 1, 3], "in a hurry only the stream itself is asked");
  t.same(book.lostAt({ hurried: true }), []);
});

t.test("never acknowledged is never lost", async (t) => {
  const book = new Book();
  book.next();
  t.equal(book.counts({ from: 0, to: 1 }, { firstSequence: 1 }).lost, 0);
});

t.test("another place in the stream is a second copy, the same place is not", async (t) => {
  const book = new Book();
  book.next();
  t.equal(book.ack(0, 7), true);
  t.equal(book.ack(0, 7), false);
  t.equal(book.deliver(0, 7), true);
  t.equal(book.deliver(0, 7), false);
  t.equal(book.counts({ from: 0, to: 1 }).duplicates, 0);
  book.deliver(0, 9);
  t.equal(book.counts({ from: 0, to: 1 }).duplicates, 1);
});

t.test("millions of messages: nothing is forgotten, and it takes little memory", async (t) => {
  const book = new Book();
  const many = 3_000_000;
  const memory = (): number => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
  const before = memory();
  for (let i = 0; i < many; i++) {
    book.next();
    book.ack(i, i + 1);
    if (i !== 1_234_567) book.deliver(i, i + 1);
  }
  t.same(book.lostAt({}), [1_234_567]);
  t.match(book.counts({ from: 0, to: many }), { acked: many, delivered: many - 1, lost: 1 });
  t.ok(memory() - before < 64_000_000, "with what growing left to the garbage collector");
});

t.test("gaps: the longest between two events, and the one still open", async (t) => {
  const gaps = new Gaps(1000);
  t.equal(gaps.cut(1005).ms, 5, "nothing has come at all");
  gaps.beat(2010);
  t.equal(gaps.cut(2010).ms, 0, "the first has none before it to be far from");
  gaps.beat(2015);
  gaps.cut(2015);
  gaps.beat(2500);
  gaps.beat(2510);
  t.equal(gaps.cut(2600).ms, 485);
  t.equal(gaps.cut(2700).ms, 190, "open since the last event, also across the cut");
  gaps.beat(2705);
  t.equal(gaps.cut(gaps.last).ms, 195);
});

t.test("a message's place in the stream, from both kinds of reply subjects", async (t) => {
  t.equal(sequenceIn("$JS.ACK.S.C.1.17.18.1700000000.3"), 17);
  t.equal(sequenceIn("$JS.ACK._.ACCHASH.S.C.1.17.18.1700000000.3"), 17);
  t.equal(sequenceIn("$JS.ACK.hub.ACCHASH.S.C.1.17.18.1700000000.3.token"), 17);
});
