import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import t from "tap";
import { preamble } from "../../lib/engine/compile.mts";
import { type Frame, FrameReader } from "../../lib/engine/protocol.mts";
import { quote } from "../../lib/sh.mts";
import { env, shells } from "./shells.mts";

t.setTimeout(600_000);

const NONCE = "sampan-Xy_3-z";
const wire = ({ kind, fields }: Frame): Buffer => Buffer.from(`\n${NONCE} ${[kind, ...fields.map((f) => Buffer.byteLength(f))].join(" ")}\n${fields.join("")}`);

const text = fc
  .oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "\n", "香港 é 🚤", `\n${NONCE}`, "sampan-other e 1\nx"))
  .map((s) => Buffer.from(s).toString());
const frame = fc.record({ kind: fc.constantFrom("s", "e", "d1", "f", "end"), fields: fc.array(text, { maxLength: 5 }) }, { noNullPrototype: true });
// anything that isn't our nonce at the start of a line, with frames of other nonces among it
const noise = fc
  .oneof(fc.constant(""), fc.string(), fc.constantFrom("\nWelcome!\n", "\nsampan-other e 1 2\n1ok", `${NONCE} e 1\nx`, "\n", ` ${NONCE}`))
  .filter((s) => !s.includes(`\n${NONCE} `));
const cut = (data: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < data.length; i++) chunks.push(data.subarray(at, (at += sizes[i % sizes.length]!)));
  return chunks;
};

t.test("frames come out whole and in order, however the stream is cut and whatever stands between them", async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(noise, frame)), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (parts, sizes) => {
      // a newline in front keeps noise from becoming the start of a frame together with what follows
      const stream = Buffer.concat(parts.flatMap(([before, f]) => [Buffer.from(before), wire(f)]));
      const reader = new FrameReader(NONCE);
      assert.deepEqual(
        cut(stream, sizes).flatMap((chunk) => reader.push(chunk)),
        parts.map(([, f]) => f),
      );
    }),
    { numRuns: 500 },
  );
});

t.test("output that looks like a frame inside a field stays text", async (t) => {
  const inner = wire({ kind: "e", fields: ["1", "ok"] }).toString();
  t.strictSame(new FrameReader(NONCE).push(wire({ kind: "e", fields: ["1", "failed", inner] })), [{ kind: "e", fields: ["1", "failed", inner] }]);
});

t.test("a frame with a wrong nonce is noise", async (t) => {
  const reader = new FrameReader(NONCE);
  t.strictSame(reader.push(Buffer.from("\nsampan-wrong e 1 2\n1ok\n")), []);
  reader.push(wire({ kind: "end", fields: [] }));
  t.match(reader.noise, "sampan-wrong", "and can be shown");
});

t.test("half a frame is not reported", async (t) => {
  const whole = wire({ kind: "e", fields: ["1", "changed", "香港"] });
  for (let size = 0; size < whole.length; size++) t.strictSame(new FrameReader(NONCE).push(whole.subarray(0, size)), []);
});

t.test("noise is bounded", async (t) => {
  const reader = new FrameReader(NONCE);
  for (let i = 0; i < 100; i++) reader.push(Buffer.alloc(100_000, "x"));
  t.ok(reader.noise.length < 200_000);
  t.strictSame(reader.push(wire({ kind: "end", fields: [] })), [{ kind: "end", fields: [] }]);
});

const fields = fc.array(
  text.map((s) => s.replaceAll("\0", "")),
  { minLength: 1, maxLength: 6 },
);
for (const [name, [command, ...args], skip] of shells) {
  t.test(`emit counts bytes in ${name}`, { skip }, async () => {
    fc.assert(
      fc.property(fc.array(fields, { minLength: 1, maxLength: 60 }), (frames) => {
        const input = preamble(NONCE, "me") + frames.map((f) => `emit e ${f.map(quote).join(" ")}\n`).join("");
        const { stdout, stderr } = spawnSync(command!, [...args, "-s"], { input, env });
        assert.equal(stderr.toString(), "");
        assert.deepEqual(
          new FrameReader(NONCE).push(stdout),
          frames.map((f) => ({ kind: "e", fields: f })),
        );
      }),
      { numRuns: 25 },
    );
  });
}
