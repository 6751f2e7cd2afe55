import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { root, skip, testLab } from "../lab/fixture.mts";

t.setTimeout(900_000);

const bench = (...args: string[]) => spawnSync(join(root, "test/bench/bench.mts"), args, { encoding: "utf8", cwd: tmpdir() });

t.test("what can't be measured is refused before a host is made", async (t) => {
  for (const [args, why] of [
    [["throughput", "--only", "pushh"], /--only takes push, pull-r3, .*, not "pushh"/],
    [["throughput", "--cpu", "1"], /--cpu 1: at least 5 percent/],
    [["--only", "push"], /--only, --output and --kept go with rollout or throughput/],
  ] as const) {
    const { status, stderr } = bench(...args);
    t.match(stderr, why);
    t.equal(stderr.trim().split("\n").length, 1);
    t.equal(status, 1);
  }
  t.equal(bench("througput").status, 3);
});

t.test("one node and three, as the page tells it", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
  const lab = testLab(t, "tput");
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const page = join(folder, "page.md");
  const kept = join(folder, "kept.json");
  const args = ["--rounds", "1", "--seconds", "2", "--sync", "2m", "--cpu", "30", "--only", "push,pull-r3-p", "--no-free", "--output", page, "--kept", kept];
  const { status, stderr } = bench("throughput", ...args, "--region", lab.region);
  t.equal(status, 0, stderr);
  const text = readFileSync(page, "utf8");
  const row = (label: string): string[] =>
    text
      .split("\n")
      .find((line) => line.startsWith(`| ${label} |`))
      ?.split("|")
      .map((c) => c.trim()) ?? [];
  const { cells } = JSON.parse(readFileSync(kept, "utf8"));
  for (const [id, label, kind] of [
    ["push", "push, queue group", "push"],
    ["pull-r3-p", "pull, R1 → R3 in 3 partitions", "pull"],
  ] as const) {
    const sides = cells["2m"][id];
    for (const side of ["single", "cluster"]) {
      const [flow] = sides[side].summary;
      t.match(flow, { kind, lost: 0 });
      t.ok(flow.delivered > 0 && flow.rate.delivered.median > 0, `${id} ${side}: ${flow.rate.delivered.median}/s`);
      t.ok(sides[side].used[0] > 0 && sides[side].used[0] < 1.2, `uses ${sides[side].used[0]} of its share`);
      t.ok(sides[side].profile.ms > 0, "profiled itself");
    }
    const [one, three] = ["single", "cluster"].map((side) => sides[side].summary[0].rate.delivered.median);
    t.match(row(label)[4], `**${(three / one).toFixed(2)} ×**`, "the ratio is that of the figures");
  }
  t.notMatch(text, /NaN|undefined|Infinity/);
  t.same((await lab.status()).hosts, [], "its hosts are gone");
  t.notOk(existsSync("/run/netns") && execFileSync("ls", ["/run/netns"], { encoding: "utf8" }).includes(lab.region));
});
