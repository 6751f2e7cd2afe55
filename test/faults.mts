/**
 * npm run test:faults [drill|cut]: hits a cluster of this machine with every fault, and writes what was measured into docs/reliability.md
 * (about five minutes).
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { Lab } from "../lib/lab/lab.mts";
import { root } from "./lab/fixture.mts";
import { powerCut } from "./nats/power-cut.mts";
import { row, writeResult } from "./support/page.mts";
import { Site } from "./support/site.mts";

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
const when = `${new Date().toISOString().slice(0, 10)}, commit ${commit}`;

/** Every fault of drill.mts, on hosts of its own. */
async function drill(): Promise<void> {
  const lab = new Lab("faults");
  try {
    await lab.down();
    const { inventory, hosts } = await lab.up({ nodes: 3 });
    const site = new Site(lab, inventory, hosts);
    await site.everywhere("mkdir -p /var/lib/nats/jetstream && mount -t tmpfs -o size=192m tmpfs /var/lib/nats/jetstream");
    await site.rollout("-e", "verify.rate=1000");
    const run = await site.play("drill.mts").result;
    const table = run.of("table").find((e) => e.title.endsWith(": drill"));
    if (run.status !== 0 || !table) throw new Error(`drill.mts: exit ${run.status}\n${run.told}`);
    const { version } = Object.values(await site.servers())[0]!;
    writeResult(
      "npm run test:faults drill",
      [
        `${when}: \`drill.mts\` as it stands, nats-server ${version}, three lab hosts that share ${cpus().length} cores with the load.`,
        "",
        row(table.columns),
        row(table.columns.map((_, i) => (i < 2 ? "---" : "--:"))),
        ...table.rows.map(row),
      ].join("\n"),
    );
  } finally {
    await lab.down();
  }
}

/** All nodes without power at once: what NATS doesn't promise. */
async function cut(): Promise<void> {
  const version = "2.15.1";
  const rows: string[] = [];
  for (const [replicas, sync] of [
    [1, undefined],
    [3, undefined],
    [3, "1s"],
    [3, "always"],
  ] as const) {
    const { acked, lost, whole } = await powerCut(version, { replicas, sync });
    rows.push(row([replicas, sync ?? "2m (default)", acked, lost, `${Math.round((100 * lost) / acked)} %`, replicas === 1 ? "–" : whole ? "yes" : "**no**"]));
  }
  writeResult(
    "npm run test:faults cut",
    [
      `${when}: nats-server ${version}, three servers, messages for three seconds from eight publishers that wait for each acknowledgement.`,
      "",
      row(["replicas", "sync_interval", "acked", "lost", "share", "replicas agree afterwards"]),
      row(["--:", "---", "--:", "--:", "--:", "---"]),
      ...rows,
    ].join("\n"),
  );
}

const wanted = process.argv[2];
if (wanted !== "cut") await drill();
if (wanted !== "drill") await cut();
