#!/usr/bin/env -S sh -c 'exec "$(dirname "$0")/../../lib/boot.sh" "$0" "$@"'
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
import { ROWS, Throughput, type ThroughputResults } from "./throughput.mts";
import { ThroughputField } from "./throughput-field.mts";
import { throughputPage } from "./throughput-page.mts";

const usage = `Usage: npm run bench [-- rollout|throughput] [flags]     both without a word; on lab hosts of its own, which are gone afterwards

  rollout       the same job through sampan and its peers; about 25 minutes on an idle machine; docs/benchmarks.md
  throughput    one NATS node against three with the same share of the machine each; about 20 minutes; docs/throughput.md

  --output FILE     the page
  --kept FILE       every sample (default node_modules/.cache/bench-rollout.json and bench-throughput.json)
  --resume          go on where an earlier call was stopped: what it has measured stays
  --keep            leave the hosts up
  --region NAME     of the lab (default bench)

rollout:
  --rounds N        runs of each slow competitor per figure (default 3; the quick ones run five times as often)
  --far-rounds N    the same with a round trip time (default 1)
  --rtt MS,MS       round trip times of the no-op (default 0,40,150)
  --scale N,N       further numbers of hosts, in clusters of three (default 9,30; "" for none)
  --only ID,ID      some competitors: sampan, floor, warm, mitogen, tuned, default
  --no-first        without first runs

throughput:
  --rounds N        rounds per figure (default 3)
  --seconds N       measured time of a round (default 6)
  --cpu PERCENT     of one CPU, which each host may use (default 30)
  --mbit N          megabits per second of each host, each way (default 1000)
  --sync LIST       sync_intervals (default 2m,always)
  --only ID,ID      some rows: ${ROWS.map((r) => r.id).join(", ")}
  --no-profile      without the servers' own CPU profiles
  --no-free         without the cluster that has all of the machine
`;

const root = fileURLToPath(new URL("../../", import.meta.url));
const list = (text: string): string[] => text.split(",").filter(Boolean);
const git = (...args: string[]): string => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
const tell = (text: string): void => void process.stderr.write(`${text}\n`);

const options = {
  rounds: { type: "string", default: "3" },
  "far-rounds": { type: "string", default: "1" },
  rtt: { type: "string", default: "0,40,150" },
  scale: { type: "string", default: "9,30" },
  only: { type: "string" },
  "no-first": { type: "boolean", default: false },
  seconds: { type: "string", default: "6" },
  cpu: { type: "string", default: "30" },
  mbit: { type: "string", default: "1000" },
  sync: { type: "string", default: "2m,always" },
  "no-profile": { type: "boolean", default: false },
  "no-free": { type: "boolean", default: false },
  output: { type: "string" },
  kept: { type: "string" },
  region: { type: "string", default: "bench" },
  keep: { type: "boolean", default: false },
  resume: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;
type Flags = ReturnType<typeof parse>["values"];
const parse = () => parseArgs({ allowPositionals: true, options });

const about = () => ({
  command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
  commit: `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "lib", "test/bench") ? " with uncommitted changes" : ""}`,
  machine: [
    `${availableParallelism()} CPUs (${cpus()[0]?.model.trim() ?? "unknown"})`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Linux ${release()}`,
    `Debian ${readFileSync("/etc/debian_version", "utf8").trim()}`,
  ],
});

/** Where results lie between calls, and how they become a page each time there are more of them. */
function book<R>(name: string, v: Flags, file: string, toPage: (results: R) => string) {
  const kept = v.kept ?? join(root, `node_modules/.cache/bench-${name}.json`);
  const output = v.output ?? join(root, "docs", file);
  return {
    before: v.resume && existsSync(kept) ? (JSON.parse(readFileSync(kept, "utf8")) as R) : undefined,
    save: (results: R): void => {
      mkdirSync(join(kept, ".."), { recursive: true });
      writeFileSync(kept, JSON.stringify(results, null, 1));
      writeFileSync(output, toPage(results));
    },
    told: (): void => tell(`written: ${output}`),
  };
}

async function rollout(v: Flags): Promise<void> {
  const odd = list(v.scale).find((n) => !(Number(n) >= 3 && Number(n) <= 99 && Number(n) % 3 === 0));
  if (odd) throw new BenchError(`--scale takes multiples of three up to 99, not "${odd}"`);
  const { before, save, told } = book<Results>("rollout", v, "benchmarks.md", page);
  const field = new Field(v.region, lines(process.stderr));
  const plan = {
    rounds: Number(v.rounds),
    farRounds: Number(v["far-rounds"]),
    rtts: list(v.rtt).map(Number),
    scale: list(v.scale).map(Number),
    only: v.only === undefined ? undefined : list(v.only),
    first: !v["no-first"],
  };
  try {
    await new Rollout(field, plan, about(), tell, before).run(save);
    told();
  } finally {
    if (!v.keep) await field.end();
  }
}

async function throughput(v: Flags): Promise<void> {
  const odd = list(v.only ?? "").find((id) => !ROWS.some((r) => r.id === id));
  if (odd) throw new BenchError(`--only takes ${ROWS.map((r) => r.id).join(", ")}, not "${odd}"`);
  for (const flag of ["rounds", "seconds", "cpu", "mbit"] as const)
    if (!(Number(v[flag]) > 0)) throw new BenchError(`--${flag} takes a number, not "${v[flag]}"`);
  // A slice of 20 ms may not be shorter than 1 ms: the kernel refuses it.
  if (Number(v.cpu) < 5) throw new BenchError(`--cpu ${v.cpu}: at least 5 percent, or the kernel can't count it out`);
  const { before, save, told } = book<ThroughputResults>("throughput", v, "throughput.md", throughputPage);
  const field = new ThroughputField(v.region, lines(process.stderr));
  const plan = {
    share: { cpu: Number(v.cpu), mbit: Number(v.mbit) },
    seconds: Number(v.seconds),
    rounds: Number(v.rounds),
    syncs: list(v.sync),
    rows: v.only === undefined ? undefined : list(v.only),
    profile: !v["no-profile"],
    free: !v["no-free"],
  };
  try {
    await new Throughput(field, plan, about(), tell, before).run(save);
    told();
  } finally {
    if (!v.keep) await field.end();
  }
}

const BENCHES: Record<string, readonly ((v: Flags) => Promise<void>)[]> = { "": [rollout, throughput], rollout: [rollout], throughput: [throughput] };

async function main(): Promise<number> {
  const { values, positionals } = parse();
  const benches = BENCHES[positionals.join(" ")];
  if (values.help || !benches) {
    process.stdout.write(usage);
    return values.help ? 0 : 3;
  }
  if (benches.length > 1 && (values.only ?? values.output ?? values.kept) !== undefined)
    throw new BenchError("--only, --output and --kept go with rollout or throughput");
  // The ssh masters of competitors are ours to end, the hosts stay for --resume.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void endLeftovers().finally(() => process.exit(130)));
  for (const bench of benches) await bench(values);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BenchError || error instanceof LabError)) throw error;
  tell(`bench: ${error.message}${error instanceof LabError ? `; ${error.fix}` : ""}`);
  process.exitCode = 1;
}
