import fc from "fast-check";
import t from "tap";
import { patch, template, u32 } from "../../../lib/nats/bench/frames.mts";
import { type Frame, Wire } from "../../../lib/nats/bench/wire.mts";

const taken = (): { wire: Wire; said: unknown[] } => {
  const said: unknown[] = [];
  const text = (f: Frame, from: number, to: number): string => f.data.toString("latin1", from, to);
  const wire = new Wire({
    message: (f) =>
      said.push([
        f.sid,
        text(f, f.subjectFrom, f.subjectTo),
        text(f, f.replyFrom, f.replyTo),
        text(f, f.headerFrom, f.bodyFrom),
        text(f, f.bodyFrom, f.bodyTo),
      ]),
    info: (json) => said.push(["info", json]),
    ping: () => said.push("ping"),
    pong: () => said.push("pong"),
    error: (e) => said.push(["error", e]),
  });
  return { wire, said };
};

const STREAM = Buffer.from(
  [
    'INFO {"nonce":"x"}\r\n',
    "PING\r\n",
    "MSG jobs.1 7 5\r\nhe\r\no\r\n",
    "MSG logs.1 12 $JS.ACK.S.C.1.2.3.4.5 0\r\n\r\n",
    "+OK\r\n",
    "HMSG in.1 3 12 12\r\nNATS/1.0\r\n\r\n\r\n",
    "HMSG in.2 3 reply.to 20 23\r\nNATS/1.0 408 Late\r\n\r\n".replace("20 23", "21 24"),
    "abc\r\n",
    "-ERR 'Slow Consumer'\r\n",
    "PONG\r\n",
  ].join(""),
);
const SAID = [
  ["info", '{"nonce":"x"}'],
  "ping",
  [7, "jobs.1", "", "", "he\r\no"],
  [12, "logs.1", "$JS.ACK.S.C.1.2.3.4.5", "", ""],
  [3, "in.1", "", "NATS/1.0\r\n\r\n", ""],
  [3, "in.2", "reply.to", "NATS/1.0 408 Late\r\n\r\n", "abc"],
  ["error", "Slow Consumer"],
  "pong",
];

t.test("it reads the same in whatever pieces it comes", async () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: STREAM.length - 1 })), (cuts) => {
      const { wire, said } = taken();
      const at = [0, ...new Set(cuts)].sort((a, b) => a - b);
      for (const [i, from] of at.entries()) wire.feed(Buffer.from(STREAM.subarray(from, at[i + 1])));
      return JSON.stringify(said) === JSON.stringify(SAID);
    }),
    { numRuns: 200 },
  );
});

t.test("what is no NATS is refused", async (t) => {
  t.throws(() => taken().wire.feed(Buffer.from("HTTP/1.1 400 Bad Request\r\n".replace("HTTP", "XTTP"))), /not the NATS protocol: XTTP/);
});

t.test("a frame is a publish with its number, time and tag, whatever was there before", async (t) => {
  const { wire, said } = taken();
  const made = template("logs.p0.3", "_INBOX.a", 0xdeadbeef, 40);
  const buffer = Buffer.concat([Buffer.alloc(7), made.bytes]);
  patch(buffer, 7, made, 4_294_967, 1234.567);
  patch(buffer, 7, made, 305, 99.5);
  const [line] = buffer.toString("latin1", 7).split("\r\n");
  t.equal(line, "PUB logs.p0.3 _INBOX.a.0000000305 40");
  const body = buffer.subarray(7 + made.bodyAt);
  t.same([u32(body, 0), u32(body, 4), u32(body, 8)], [0xdeadbeef, 305, 99_500]);
  t.equal(buffer.length, 7 + line!.length + 2 + 40 + 2);
  wire.feed(Buffer.from("PING\r\n"));
  t.same(said, ["ping"]);
});
