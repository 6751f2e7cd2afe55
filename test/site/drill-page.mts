/**
 * Runs all faults on a lab of its own, and writes what was measured into docs/drill.md, between its marks:
 * node_modules/.bin/tsx test/site/drill-page.mts (about three minutes).
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { Lab } from "../../lib/lab/lab.mts";
import { root } from "../lab/fixture.mts";
import { Site } from "../support/site.mts";

const PAGE = join(root, "docs/drill.md");
const [BEGIN, END] = ["<!-- made by test/site/drill-page.mts -->", "<!-- end -->"];

const lab = new Lab("drill-page");
try {
  await lab.down();
  const { inventory, hosts } = await lab.up({ nodes: 3 });
  const site = new Site(lab, inventory, hosts);
  await site.everywhere("mkdir -p /var/lib/nats/jetstream && mount -t tmpfs -o size=192m tmpfs /var/lib/nats/jetstream");
  await site.rollout("-e", "verify.rate=1000");
  const run = await site.play("drill.mts").result;
  const table = run.of("table").find((e) => e.title.endsWith(": drill"));
  if (run.status !== 0 || !table) throw new Error(`drill.mts: exit ${run.status}\n${run.told}`);
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const { version } = Object.values(await site.servers())[0]!;
  const text = [
    `${new Date().toISOString().slice(0, 10)}, commit ${commit}: \`drill.mts\` as it stands, nats-server ${version}, three lab hosts that share ${cpus().length} cores with the load.`,
    "", row(table.columns), row(table.columns.map((_, i) => (i < 2 ? "---" : "--:"))), ...table.rows.map(row),
  ].join("\n");
  const page = readFileSync(PAGE, "utf8");
  writeFileSync(PAGE, `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${text}\n${page.slice(page.indexOf(END))}`);
} finally {
  await lab.down();
}
