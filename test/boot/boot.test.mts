import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import t from "tap";

const crash = fileURLToPath(new URL("crash.mts", import.meta.url));
const boot = fileURLToPath(new URL("../../lib/boot.sh", import.meta.url));
const line =
  readFileSync(crash, "utf8")
    .split("\n")
    .findIndex((l) => l.includes("throw")) + 1;

for (const args of [[], ["--later"]]) {
  t.test(`an uncaught error names the source and its line${args.length ? ", also when it comes later" : ""}`, async (t) => {
    const { status, stderr } = spawnSync("sh", [boot, crash, ...args], { encoding: "utf8" });
    t.equal(status, 1);
    t.match(stderr, "TypeError: a mistake of ours");
    t.ok(stderr.includes(`test/boot/crash.mts:${line})`), stderr);
  });
}
