import { randomBytes } from "node:crypto";
import { cpus, hostname, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { connectApp, connectSys, type NatsConnection } from "../connect.mts";
import { now } from "../load/clock.mts";
import { unreachable } from "../load/interest.mts";
import { type OpenLoad, openLoad } from "../load/open.mts";
import { streamReach } from "../load/stream-reach.mts";
import { manager, sweep } from "../load/temporary-stream.mts";
import { counted, flowRound, latencyOf } from "./account.mts";
import { Crew } from "./crew.mts";
import { type Job, targetOf } from "./job.mts";
import { type FlowBuffers, flowBuffers } from "./memory.mts";
import { NodeWatch } from "./nodes.mts";
import { enoughRoom } from "./room.mts";
import type { Round } from "./round.mts";
import {
  ACK_WAIT_MS,
  type Backlog,
  backlogOf,
  leadersOf,
  makeStreams,
  type Partition,
  partitionsOf,
  refuseOld,
  removeStreams,
  spreadLeaders,
} from "./streams.mts";
import { summarize } from "./summary.mts";
import type { BenchProgress, BenchResult, FlowKind, GeneratorSample, RoundResult } from "./types.mts";
import { verdict } from "./verdict.mts";

/** Without any progress for so long, what is missing counts as lost, ms. */
const PATIENCE_MS = 5000;
/** A loop that is busy for more of the time can't be trusted to have offered and read in time. */
const BUSY = 0.9;

interface Generator {
  job: Job;
  crew: Crew;
  app: NatsConnection;
  sys: NatsConnection;
  /** a client per node */
  probes: OpenLoad;
  nodes: NodeWatch;
  told: (progress: BenchProgress) => void;
  signal: AbortSignal;
}

/**
 * Runs the whole job in this process and its threads. Temporary streams are removed on every way out.
 * @param file the program that starts as a thread
 * @throws NatsConnectError, Error, the signal's reason
 */
export async function generate(file: URL, job: Job, told: (progress: BenchProgress) => void, signal: AbortSignal): Promise<BenchResult> {
  const startedAt = Date.now();
  const { target, dial } = targetOf(job);
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const app = await connectApp(target, { dial, name: "sampan bench" });
    closing.push(() => app.close());
    const sys = await connectSys(target, { dial, name: "sampan bench" });
    closing.push(() => sys.close());
    const probes = await openLoad(target, { workers: target.nodes.length, connect: { dial } });
    closing.push(() => probes.close());
    signal.throwIfAborted();
    const crew = new Crew(file, job);
    closing.push(() => crew.end());
    await crew.connected();
    const names = target.nodes.map((n) => n.name);
    const nodes = new NodeWatch(sys, names);
    await nodes.look(0);
    refuseOld(job.spec, nodes.versions);
    if (job.spec.pull) await sweep(await manager(app));
    const g: Generator = { job, crew, app, sys, probes, nodes, told, signal };
    const rounds: RoundResult[] = [];
    for (let i = 1; i <= job.spec.rounds; i++) rounds.push(await round(g, i));
    const summary = summarize(rounds);
    const result = {
      spec: job.spec,
      startedAt,
      cluster: job.cluster,
      servers: names.flatMap((name) => (nodes.versions.has(name) ? [{ name, version: nodes.versions.get(name)! }] : [])),
      machine: { host: hostname(), cpus: cpus().length, cpu: cpus()[0]?.model ?? "", memory: totalmem(), node: process.version },
      tunnelled: job.nodes.filter((n) => n.at).map((n) => n.name),
      rounds,
      ...summary,
    };
    return { ...result, verdict: verdict(result) };
  } finally {
    for (const close of closing.reverse()) await close().catch(() => {});
  }
}

async function round(g: Generator, number: number): Promise<RoundResult> {
  const { job, app, signal } = g;
  const { spec } = job;
  const base = `_sampan.bench.${job.id}.${number}`;
  const partitions = spec.pull ? partitionsOf(`${job.id}r${number}`, `${base}.logs`, spec.pull) : [];
  g.told({ round: number, phase: "preparing", at: -spec.warmUp, flows: [] });
  try {
    if (spec.pull) {
      await enoughRoom(g.sys, nodeNames(job), spec);
      await makeStreams(await manager(app), partitions, spec);
      await spreadLeaders(app, partitions, nodeNames(job), signal);
    }
    return await measured(g, number, base, partitions);
  } finally {
    if (spec.pull) await removeStreams(async () => manager(live(g)), partitions);
  }
}

const nodeNames = (job: Job): string[] => job.nodes.filter((n) => n.jetstream).map((n) => n.name);

/** A connection that isn't closed; nats.js reconnects by itself. */
const live = ({ app }: Generator): NatsConnection => app;

async function measured(g: Generator, number: number, base: string, partitions: readonly Partition[]): Promise<RoundResult> {
  const { job, crew, app, nodes, signal, probes } = g;
  const { spec } = job;
  const total = spec.warmUp + spec.seconds;
  const flows: Round["flows"] = (["push", "pull"] as const).flatMap((kind) =>
    spec[kind]
      ? [
          {
            kind,
            buffers: flowBuffers(kind, spec[kind], total, spec.threads),
            subjects: { partitions: kind === "pull" ? [...partitions] : [{ prefix: `${base}.jobs`, stream: "", durable: "" }] },
          },
        ]
      : [],
  );
  await crew.prepare({ tag: randomBytes(4).readUInt32LE(), flows });
  for (const { stream, durable, prefix } of partitions) await streamReach(probes, { stream, durable, subject: `${prefix}.0`, patience: 10_000, signal });
  const apart = await unreachable(probes, `${base}.ear`, 10_000, signal);
  if (apart.length) throw new Error(`no message gets through ${apart.map((p) => `from ${p.from} to ${p.to}`).join(", ")}; look at the routes (--role verify)`);
  const leaders = partitions.length ? await leadersOf(await manager(app), partitions) : [];
  nodes.take();

  const epoch = now() + 50;
  const startedAt = Date.now() + 50 + spec.warmUp * 1000;
  const backlog: (Backlog | null)[] = [];
  const watching = new AbortController();
  const cpu = { from: process.cpuUsage(), at: now(), used: 0 };
  const look = async (): Promise<void> => {
    for (let second = 1; ; second++) {
      // At the end of each second, so that what is told belongs to it.
      await sleep(Math.max(0, epoch + second * 1000 - now()), undefined, { signal: watching.signal });
      const at = second - spec.warmUp;
      if (at === 0) Object.assign(cpu, { from: process.cpuUsage(), at: now() });
      if (at === spec.seconds) cpu.used = cores(cpu);
      const [waiting] = await Promise.all([partitions.length ? backlogOf(app, partitions) : null, nodes.look(at)]);
      backlog[second - 1] = waiting;
      g.told({ round: number, phase: at <= 0 ? "warm-up" : at <= spec.seconds ? "measuring" : "draining", at, flows: flows.map((f) => soFar(f, waiting)) });
    }
  };
  const watch = look().catch(() => {});
  try {
    await abortable(crew.go(epoch, total * 1000), signal);
    const behind = await drained(g, app, flows, partitions);
    // A late second delivery is a duplicate too: let what is under way arrive.
    await sleep(200, undefined, { signal });
    const consumer = partitions.length ? await settled(app, partitions, signal) : null;
    watching.abort();
    await watch;
    await crew.stop();
    for (let i = 0; i < backlog.length; i++) backlog[i] ??= null;
    const generator = generatorSample(g, flows, cpu.used || cores(cpu));
    return {
      startedAt,
      flows: flows.map(({ kind, buffers }) =>
        flowRound(kind, spec, buffers, {
          rejection: crew.rejections.get(kind),
          backlog: kind === "pull" ? backlog : [],
          consumer: kind === "pull" ? consumer : null,
          partitions: kind === "pull" ? leaders : [],
          workers: workersOf(job, buffers),
          behind: kind === "pull" && behind,
        }),
      ),
      nodes: nodes.take(),
      generator,
      errors: crew.takeErrors(),
    };
  } finally {
    watching.abort();
  }
}

const cores = ({ from, at }: { from: NodeJS.CpuUsage; at: number }): number => {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1000 / (now() - at);
};

const soFar = ({ kind, buffers }: { kind: FlowKind; buffers: FlowBuffers }, waiting: Backlog | null): BenchProgress["flows"][number] => {
  const { sent, acked, delivered } = counted(buffers);
  const pull = kind === "pull";
  return { kind, sent, acked, delivered, ackPending: pull ? (waiting?.ackPending ?? null) : null, numPending: pull ? (waiting?.pending ?? null) : null };
};

const workersOf = ({ nodes }: Job, { workers }: FlowBuffers): { node: string; delivered: number }[] =>
  [...new Float64Array(workers)].map((delivered, i) => ({ node: nodes[i % nodes.length]!.name, delivered }));

function generatorSample({ crew, job }: Generator, flows: Round["flows"], cpu: number): GeneratorSample {
  const { threads } = job.spec;
  const busy = crew.loops.map((loop, i) => ({
    name: threads === 1 ? "all" : i < Math.floor(threads / 2) ? `publishers ${i + 1}` : `workers ${i + 1 - Math.floor(threads / 2)}`,
    loop,
  }));
  const most = [...busy].sort((a, b) => b.loop - a.loop)[0];
  const bottleneck = most !== undefined && most.loop > BUSY;
  // A thread that is busy all the time without the CPU's time for it was waiting for the CPU.
  const starved = bottleneck && cpu < (BUSY / 2) * busy.filter((t) => t.loop > BUSY).length;
  return {
    cpu,
    memory: process.resourceUsage().maxRSS * 1024,
    threads: busy,
    late: Math.max(...flows.map((f) => latencyOf(f.buffers, "late").p99)),
    bottleneck,
    ...(bottleneck && {
      why: starved
        ? `its thread of ${most.name} waited for the CPU: other programs take it; give the generator a machine of its own`
        : `its thread of ${most.name} was busy for ${Math.round(most.loop * 100)} % of the time; give it more --threads, or a machine of its own`,
    }),
  };
}

/**
 * Waits until what was sent has arrived, for as long as there is progress; also for what a lost worker or a consumer's former leader had been
 * given, which comes again when the time for its acknowledgement is over.
 * @returns whether messages were still arriving when the time for it was over
 */
async function drained({ job, signal }: Generator, app: NatsConnection, flows: Round["flows"], partitions: readonly Partition[]): Promise<boolean> {
  const limit = now() + Math.max(10_000, 2000 * job.spec.seconds);
  const unacknowledged = async (): Promise<boolean> => partitions.length > 0 && ((await backlogOf(app, partitions, 5000))?.ackPending ?? 0) > 0;
  let before = -1;
  for (let since = now(); ; ) {
    const all = flows.map(({ kind, buffers }) => ({ kind, ...counted(buffers) }));
    const open = all.some((c) => (c.kind === "push" ? c.delivered < c.sent : c.delivered < c.acked || c.acked + c.rejected + c.givenUp < c.sent));
    if (!open) return false;
    const progress = all.reduce((sum, c) => sum + c.delivered + c.acked + c.rejected, 0);
    if (progress !== before) {
      before = progress;
      since = now();
    }
    const still = now() - since > PATIENCE_MS;
    if (still && (now() - since > ACK_WAIT_MS + PATIENCE_MS || !(await unacknowledged()))) return false;
    if (!still && now() > limit) return partitions.length > 0;
    await sleep(still ? 500 : 20, undefined, { signal });
  }
}

/** Waits until the consumers have nothing unacknowledged any more, or until that stops getting less. */
async function settled(nc: NatsConnection, partitions: readonly Partition[], signal: AbortSignal): Promise<Backlog | null> {
  let least = Infinity;
  let last: Backlog | null = null;
  for (let since = now(); ; await sleep(50, undefined, { signal })) {
    const backlog = await backlogOf(nc, partitions, 5000);
    last = backlog ?? last;
    const open = backlog ? backlog.pending + backlog.ackPending : Infinity;
    if (open < least) {
      least = open;
      since = now();
    }
    if (open === 0 || now() - since > 2000) return last;
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
