import { availableParallelism, loadavg } from "node:os";
import { runBench } from "../../lib/nats/bench/run.mts";
import { type BenchOptions, settleBench } from "../../lib/nats/bench/spec.mts";
import type { BenchResult, FlowSummary, Verdict } from "../../lib/nats/bench/types.mts";
import { connectSys } from "../../lib/nats/connect.mts";
import { type CpuProfile, profileCpu, together } from "../../lib/nats/profile.mts";
import { ask } from "../../lib/nats/system.mts";
import { type Share, SIDES, type Side, type ThroughputField } from "./throughput-field.mts";

/** What is compared: the same load on one server and on three, each with the same share of the machine. */
export interface Row {
  id: string;
  /** the stream's copies and partitions on each side, where it isn't the load alone */
  text: string;
  /** rows without a stream don't depend on sync_interval */
  stream: boolean;
  options: Record<Side, BenchOptions>;
}

const PARTITIONS = SIDES.cluster;
/** Many connections, as a service of many processes has them: with few, a single server would write its messages in large, cheap pieces. */
const PUSH: BenchOptions = { push: { rate: "max", publishers: 12, workers: 24 } };
/** So few may wait to be pulled that a round is in balance from its first second on: else it would tell what gets in. */
const BACKLOG = 5_000;
const pull = (replicas: number, partitions = 1): BenchOptions => ({ pull: { rate: "max", replicas, partitions, backlog: BACKLOG } });
const both = (replicas: number, partitions = 1): BenchOptions => ({ ...PUSH, ...pull(replicas, partitions) });

export const ROWS: readonly Row[] = [
  { id: "push", text: "push, queue group", stream: false, options: { single: PUSH, cluster: PUSH } },
  { id: "pull-r3", text: "pull, R1 → R3", stream: true, options: { single: pull(1), cluster: pull(3) } },
  { id: "pull-r3-p", text: `pull, R1 → R3 in ${PARTITIONS} partitions`, stream: true, options: { single: pull(1), cluster: pull(3, PARTITIONS) } },
  { id: "pull-r1-p", text: `pull, R1 → R1 in ${PARTITIONS} partitions`, stream: true, options: { single: pull(1), cluster: pull(1, PARTITIONS) } },
  { id: "mixed", text: `both at once, R1 → R3 in ${PARTITIONS} partitions`, stream: true, options: { single: both(1), cluster: both(3, PARTITIONS) } },
];

/** One figure: a load on one side. */
export interface Cell {
  options: BenchOptions;
  summary: FlowSummary[];
  verdict: Verdict[];
  generator: BenchResult["generator"];
  /** cores that the hosts may use together: their shares, or the machine's */
  cpus: number;
  /** by round: how much of that they used, 0..1 */
  used: number[];
  /** by round: µs of the hosts' CPU, all together, for a message that was delivered by either way */
  cpuPerMessage: number[];
  profile?: CpuProfile;
  /** highest backlog of the pull side at the end of a second, and how fast it grew, by round */
  backlog: { most: number; growth: number }[];
}

export interface ThroughputResults {
  started: string;
  ended: string;
  command: string;
  commit: string;
  machine: string[];
  versions: string[];
  load: number[];
  share: Share;
  seconds: number;
  rounds: number;
  /** by sync_interval, row and side */
  cells: Record<string, Record<string, Partial<Record<Side, Cell>>>>;
  /** the cluster with all that the machine has: by label */
  free: Record<string, Cell>;
}

export interface ThroughputPlan {
  share: Share;
  seconds: number;
  rounds: number;
  syncs: readonly string[];
  rows: readonly string[] | undefined;
  profile: boolean;
  /** with the cluster that has all of the machine */
  free: boolean;
}

/** Where three partitions are pulled from, larger batches than the article's 128 keep up (`bench.mts --tune` finds it). */
const TUNED = { replicas: 3, partitions: PARTITIONS, batch: 500 } as const;
/** As fast as it goes takes a larger window and more workers; that costs latency. */
const FAST = { ...TUNED, window: 8192, workers: 12, rate: "max" } as const;
/** Few connections: their messages come in larger pieces. */
const FEW = { rate: "max", publishers: 3, workers: 3 } as const;
/** What the unlimited cluster is asked: its most, and the article's load on both ways at once. */
const FREE: readonly [text: string, options: BenchOptions][] = [
  ["push, as fast as it goes", { push: FEW }],
  ["push, 16 bytes a message, as fast as it goes", { push: { ...FEW, payload: 16 } }],
  ["pull, R3, batches of 128, as fast as it goes", pull(3)],
  [`pull, R3 in ${PARTITIONS} partitions, batches of 500, as fast as it goes`, { pull: FAST }],
  [`pull, R3 in ${PARTITIONS} partitions, batches of 500, fast ingest, as fast as it goes`, { pull: { ...FAST, ingest: "fast" } }],
  [
    `20,000/s offered by push and 20,000/s by pull (R3 in ${PARTITIONS} partitions, batches of 500), at once`,
    { push: { rate: 20_000 }, pull: { ...TUNED, rate: 20_000 }, seconds: 20 },
  ],
];

export class Throughput {
  readonly results: ThroughputResults;
  readonly #field: ThroughputField;
  readonly #plan: ThroughputPlan;
  readonly #tell: (text: string) => void;

  /** @param before of an earlier call with the same plan, which this one goes on from: its cells stay */
  constructor(
    field: ThroughputField,
    plan: ThroughputPlan,
    about: Pick<ThroughputResults, "command" | "commit" | "machine">,
    tell: (text: string) => void,
    before?: ThroughputResults,
  ) {
    this.#field = field;
    this.#plan = plan;
    this.#tell = tell;
    const now = new Date().toISOString();
    const { share, seconds, rounds } = plan;
    this.results = before ?? { ...about, started: now, ended: now, versions: [], load: [loadavg()[0]!], share, seconds, rounds, cells: {}, free: {} };
  }

  async run(save: (results: ThroughputResults) => void): Promise<void> {
    const saved = (): void => {
      this.results.ended = new Date().toISOString();
      this.results.load.push(loadavg()[0]!);
      save(this.results);
    };
    await this.#field.up();
    for (const [i, sync] of this.#plan.syncs.entries()) {
      for (const side of ["single", "cluster"] as const) {
        const missing = this.#rows(i).filter((row) => !this.results.cells[sync]?.[row.id]?.[side]);
        if (missing.length === 0) continue;
        this.#tell(`${side}: rolling out with sync_interval ${sync}`);
        await this.#field.rollOut(side, sync);
        await this.#field.share(side, this.#plan.share);
        for (const row of missing) {
          const known = Object.values(this.results.cells[sync] ?? {}).find((c) => JSON.stringify(c[side]?.options) === JSON.stringify(row.options[side]));
          const cell =
            known?.[side] ?? (await this.#measure(side, row.options[side], this.#plan.share.cpu / 100, `${side}, ${row.text}, sync_interval ${sync}`));
          ((this.results.cells[sync] ??= {})[row.id] ??= {})[side] = cell;
          saved();
        }
      }
    }
    const missing = this.#plan.free ? FREE.filter(([text]) => !this.results.free[text]) : [];
    if (missing.length === 0) return;
    await this.#field.rollOut("cluster", this.#plan.syncs[0]!);
    for (const [text, options] of missing) {
      this.results.free[text] = await this.#measure("cluster", options, undefined, `cluster without limits, ${text}`);
      saved();
    }
  }

  #rows(sync: number): Row[] {
    return ROWS.filter((row) => (sync === 0 || row.stream) && (this.#plan.rows?.includes(row.id) ?? true));
  }

  /** @param each cores that a host may use; undefined: no limit */
  async #measure(side: Side, options: BenchOptions, each: number | undefined, text: string): Promise<Cell> {
    this.#tell(text);
    const spec = settleBench({ seconds: this.#plan.seconds, rounds: this.#plan.rounds, ...options });
    const names = (await this.#field.hosts(side)).map(({ name }) => name);
    const { target, connect } = await this.#field.target(side);
    const usage: { at: number; ms: number }[] = [];
    const sample = async (): Promise<void> => {
      const ms = (await Promise.all(names.map((name) => this.#field.lab.cpuTime(name)))).reduce((a, b) => a + b, 0);
      usage.push({ at: Date.now(), ms });
    };
    await sample();
    const timer = setInterval(() => void sample(), 200);
    const result = await runBench(target, spec, { connect }).finally(() => clearInterval(timer));
    await sample();
    this.results.versions = [...new Set([...this.results.versions, ...result.servers.map((s) => s.version)])];
    const cell: Cell = {
      options,
      summary: result.summary,
      verdict: result.verdict,
      generator: result.generator,
      cpus: each === undefined ? availableParallelism() : each * names.length,
      used: [],
      cpuPerMessage: [],
      backlog: [],
    };
    for (const round of result.rounds) {
      const within = usage.filter(({ at }) => at >= round.startedAt && at <= round.startedAt + spec.seconds * 1000);
      const [first, last] = [within[0], within.at(-1)];
      if (first && last && last.at > first.at) {
        const cores = (last.ms - first.ms) / (last.at - first.at);
        cell.used.push(cores / cell.cpus);
        cell.cpuPerMessage.push((cores * 1e6) / round.flows.reduce((sum, f) => sum + f.rate.delivered, 0));
      }
      const pulled = round.flows.find((f) => f.kind === "pull");
      const waiting = (pulled?.samples ?? []).flatMap((s) => (s.ackPending === null || s.numPending === null ? [] : [s.ackPending + s.numPending]));
      cell.backlog.push({ most: Math.max(0, ...waiting), growth: pulled?.backlogGrowth ?? 0 });
    }
    if (this.#plan.profile && each !== undefined) cell.profile = await this.#profile(side, options);
    this.#tell(`  ${cell.summary.map((f) => `${f.kind} ${Math.round(f.rate.delivered.median)}/s`).join(", ")}; ${cell.verdict.map((v) => v.text).join("; ")}`);
    return cell;
  }

  /** The load once more, for as long as nats-server profiles itself. It slows the server: no rate is taken from it. */
  async #profile(side: Side, options: BenchOptions): Promise<CpuProfile> {
    const seconds = 10;
    const { target, connect } = await this.#field.target(side);
    const sys = await connectSys(target, connect);
    try {
      const servers = await ask(
        sys,
        "VARZ",
        target.nodes.map((n) => n.name),
      );
      let profiles: Promise<CpuProfile[]> | undefined;
      await runBench(target, settleBench({ ...options, seconds: seconds + 1, rounds: 1 }), {
        connect,
        progress: ({ phase }) => {
          if (phase === "measuring") profiles ??= Promise.all(servers.map(({ server }) => profileCpu(sys, server.id, seconds)));
        },
      });
      return together((await profiles) ?? []);
    } finally {
      await sys.close();
    }
  }
}
