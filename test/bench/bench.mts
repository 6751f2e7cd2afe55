#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../../lib/boot.sh" "$0" "$@"'
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LabError } from "../../lib/lab/error.mts";
import { lines } from "../../lib/lab/report.mts";
import { Field } from "./field.mts";
import { BenchError, endLeftovers } from "./measure.mts";
import { page } from "./page.mts";
import { type Results, Rollout } from "./rollout.mts";

const usage = `Usage: npm run bench -- rollout [flags]     the same job through sampan and its peers, on lab hosts of its own; about 25 minutes on an idle machine

  --rounds N        runs of each slow competitor per figure (default 3; the quick ones run five times as often)
  --far-rounds N    the same with a round trip time (default 1)
  --rtt MS,MS       round trip times of the no-op (default 0,40,150)
  --scale N,N       further numbers of hosts, in clusters of three (default 9,30; "" for none)
  --only ID,ID      some competitors: sampan, floor, warm, mitogen, tuned, default
  --no-first        without first runs
  --output FILE     the page (default docs/benchmarks.md); node_modules/.cache/bench-rollout.json has every sample
  --resume          go on where an earlier call was stopped: what it has measured stays
  --keep            leave the hosts up
`;

const root = fileURLToPath(new URL("../../", import.meta.url));
const kept = join(root, "node_modules/.cache/bench-rollout.json");
const list = (text: string): string[] => text.split(",").filter(Boolean);
const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

async function main(): Promise<number> {
  const { values: v, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "3" },
      "far-rounds": { type: "string", default: "1" },
      rtt: { type: "string", default: "0,40,150" },
      scale: { type: "string", default: "9,30" },
      only: { type: "string" },
      "no-first": { type: "boolean", default: false },
      output: { type: "string", default: join(root, "docs/benchmarks.md") },
      keep: { type: "boolean", default: false },
      resume: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (v.help || positionals.join(" ") !== "rollout") {
    process.stdout.write(usage);
    return v.help ? 0 : 3;
  }
  const odd = list(v.scale).find((n) => !(Number(n) >= 3 && Number(n) <= 99 && Number(n) % 3 === 0));
  if (odd) throw new BenchError(`--scale takes multiples of three up to 99, not "${odd}"`);
  const args = process.argv.slice(2).join(" ");
  const field = new Field("bench", lines(process.stderr));
  const rollout = new Rollout(
    field,
    {
      rounds: Number(v.rounds),
      farRounds: Number(v["far-rounds"]),
      rtts: list(v.rtt).map(Number),
      scale: list(v.scale).map(Number),
      only: v.only === undefined ? undefined : list(v.only),
      first: !v["no-first"],
    },
    {
      command: `npm run bench -- ${args}`,
      commit: `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "lib", "test/bench") ? " with uncommitted changes" : ""}`,
      machine: [
        `${availableParallelism()} CPUs (${cpus()[0]?.model.trim() ?? "unknown"})`,
        `${Math.round(totalmem() / 2 ** 30)} GB`,
        `Linux ${release()}`,
        `Debian ${readFileSync("/etc/debian_version", "utf8").trim()}`,
      ],
    },
    (text) => process.stderr.write(`${text}\n`),
    v.resume ? (JSON.parse(readFileSync(kept, "utf8")) as Results) : undefined,
  );
  // The ssh masters of competitors are ours to end, the hosts stay for --resume.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void endLeftovers().finally(() => process.exit(130)));
  try {
    await rollout.run((results) => {
      writeFileSync(kept, JSON.stringify(results, null, 1));
      writeFileSync(v.output, page(results));
    });
    process.stderr.write(`written: ${v.output}\n`);
    return 0;
  } finally {
    if (!v.keep) await field.end();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BenchError || error instanceof LabError)) throw error;
  process.stderr.write(`bench: ${error.message}${error instanceof LabError ? `; ${error.fix}` : ""}\n`);
  process.exitCode = 1;
}
