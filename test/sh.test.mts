import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import t from "tap";
import { Secret } from "../lib/secret.mts";
import { quote, Sh, sh } from "../lib/sh.mts";
import { env, shells } from "./engine/shells.mts";

t.setTimeout(600_000);

// What breaks quoting: the shells' own characters, blanks, leading dashes and tildes, text of several bytes, control characters.
const awkward = fc.constantFrom(
  "'",
  '"',
  "\\",
  "$",
  "`",
  "\n",
  "\r",
  "\t",
  " ",
  "~",
  "-",
  "!",
  "*",
  "?",
  "[",
  "]",
  "{a,b}",
  "$(id)",
  "${x}",
  "#",
  ";",
  "&",
  "|",
  "<",
  ">",
  "(",
  ")",
  "=",
  "%s",
  "\\n",
  "\\'",
  "$'",
  "\u0001",
  "\u007f",
  "é",
  "香港",
  "🚤",
  "-n",
  "-e",
  "--",
  "~root",
  "''",
);
const words = fc
  .array(fc.oneof(awkward, fc.string({ unit: "binary", maxLength: 4 }), fc.string({ maxLength: 6 })), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.join("").replaceAll("\0", "")).toString());

for (const [name, [command, ...args], skip] of shells) {
  t.test(`quote round trip through ${name}`, { skip }, async () => {
    fc.assert(
      fc.property(fc.array(words, { minLength: 1, maxLength: 200 }), (values) => {
        const script = `f() { for a do printf '%s\\0' "$a"; done; }\nf ${values.map(quote).join(" ")}\n`;
        const { stdout, stderr } = spawnSync(command!, [...args, "-s"], { input: script, env });
        assert.equal(stderr.toString(), "");
        assert.deepEqual(stdout.toString().split("\0").slice(0, -1), values);
      }),
      { numRuns: 100 },
    );
  });

  t.test(`a quoted value is one word and only text in ${name}`, { skip }, async () => {
    const values = ["$(touch /tmp/x)", "`id`", "a b", "*", "~", "-n", "", "a\nb", "a'b", "\\", "a\\'b", "if", "{", "}", "!", "2"];
    const script = values.map((value) => sh`set -- ${value}; printf '%s:%s\\0' $# "$1"\n`.text).join("");
    const { stdout } = spawnSync(command!, [...args, "-s"], { input: script, env });
    t.strictSame(
      stdout.toString().split("\0").slice(0, -1),
      values.map((value) => `1:${value}`),
    );
  });
}

t.test("plain words stay bare, so that programs can be read", async (t) => {
  for (const word of ["/etc/nats/nats-server.conf", "0640", "net.core.somaxconn", "a-b_c:d@e+f,g%h"]) t.equal(quote(word), word);
  t.equal(quote(""), "''");
});

t.test("NUL is refused: no shell argument can carry it", async (t) => {
  t.throws(() => quote("a\0b"), /NUL/);
});

t.test("sh: an Sh goes in as it is, a list becomes words, a number stays bare", async (t) => {
  t.equal(sh`a ${sh`b ${"c d"}`} ${["x", "y z"]} ${7} ${[]}end`.text, "a b 'c d' x 'y z' 7 end");
});

t.test("sh: a secret is in the text, and *** in what people see", async (t) => {
  const made = sh`put ${new Secret("hunter 2")} ${["a", new Secret("s3")]}`;
  t.equal(made.text, "put 'hunter 2' a s3");
  t.equal(made.shown, "put *** a ***");
  t.equal(`${made}`, "put *** a ***");
  t.equal(sh`${made}`.shown, "put *** a ***", "also when nested");
  t.notMatch(JSON.stringify({ s: new Secret("hunter 2") }), /hunter/);
});

t.test("sh: long values and further lines are cut for people only", async (t) => {
  const value = `first\n${"x".repeat(500)}`;
  t.equal(sh`put ${value}`.text, `put '${value}'`);
  t.equal(sh`put ${value}`.shown, "put 'first…'");
  t.ok(sh`put ${"y".repeat(500)}`.shown.length < 100);
  t.type(new Sh("x"), Sh);
});
