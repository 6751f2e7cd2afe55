import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { unifiedDiff } from "../../lib/engine/diff.mts";
import { diffLines } from "../../lib/report/diff-lines.mts";
import { PLAIN, style } from "../../lib/report/style.mts";
import { golden } from "./golden.mts";

const cases: [name: string, current: string | null, desired: string | null][] = [
  ["one line", "a\nb\nc\n", "a\nB\nc\n"],
  ["an empty line more at the end", "port: 4222\n\n", "port: 4222\n"],
  ["a new file", null, "a\nb\n"],
  ["a file that goes", "a\n", null],
  ["no newline at the end", "a\nb", "a\nb\n"],
  ["CRLF", "a\r\nb\r\n", "a\nb\n"],
  ["spaces at the end", "key: 1  \nother\t\n", "key: 1\nother\n"],
  ["an unchanged line with spaces at its end", "same  \nx\n", "same  \ny\n"],
  ["a line that looks like a header", "-- old\n", "++ new\n"],
  ["terminal escapes", "a\n", "\x1b[2Jb\n"],
  ["binary", "a\0b", "c"],
];

t.test("diffs as they are shown", async (t) => {
  golden(
    t,
    "diffs.txt",
    cases.map(([name, current, desired]) => `# ${name}\n${diffLines(unifiedDiff("/etc/nats/x.conf", current, desired), PLAIN).join("\n")}\n`).join("\n"),
  );
});

t.test("equal texts have no diff", async (t) => void t.equal(unifiedDiff("/x", "a\n", "a\n"), ""));

for (const [name, current, desired] of cases.filter(([, c, d]) => c !== null && d !== null && !c.includes("\0"))) {
  t.test(`patch(1) makes the desired text of it: ${name}`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), "sampan-diff-"));
    t.teardown(() => rmSync(dir, { recursive: true }));
    const file = join(dir, "x");
    writeFileSync(file, current!);
    execFileSync("patch", ["--binary", "-s", file], { input: unifiedDiff("x", current, desired) });
    t.equal(readFileSync(file, "utf8"), desired);
  });
}

t.test("added lines are green, removed ones red", async (t) => {
  const lines = diffLines(unifiedDiff("/x", "a\n", "b\n"), style({ colour: true, unicode: true }));
  t.ok(lines.includes("\x1b[31m-a\x1b[39m"));
  t.ok(lines.includes("\x1b[32m+b\x1b[39m"));
});

t.test("two huge texts without a common line are given up in time", async (t) => {
  const text = (seed: number): string => Array.from({ length: 60_000 }, (_, i) => `${(i * seed) % 99_991}`).join("\n");
  const began = Date.now();
  unifiedDiff("/x", text(7), text(13));
  t.ok(Date.now() - began < 60_000);
});
