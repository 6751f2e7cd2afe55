import { performance } from "node:perf_hooks";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { now } from "../load/clock.mts";
import type { Job } from "./job.mts";
import { Link } from "./link.mts";
import { FlowMemory } from "./memory.mts";
import { Publisher } from "./publisher.mts";
import { puller } from "./puller.mts";
import { type Order, type Report, type Round, share } from "./round.mts";
import type { FlowKind, PullSpec } from "./types.mts";
import { subscriber, type Taker } from "./worker.mts";

interface Start {
  job: Job;
  thread: number;
  threads: number;
}

/** Links of a flow that belong to this thread. */
interface FlowLinks {
  kind: FlowKind;
  publishers: { index: number; link: Link }[];
  workers: { index: number; link: Link }[];
}

/** One thread of the generator: its connections for as long as the run lasts, its publishers and workers round by round. */
export async function thread(): Promise<void> {
  const port = parentPort as MessagePort;
  const start = workerData as Start;
  const tell = (report: Report): void => port.postMessage(report);
  const fail = (error: Error): void => tell({ type: "failed", message: error.message });
  try {
    const links = await open(start, (text) => tell({ type: "note", text }));
    let running: Running | undefined;
    port.on("message", (order: Order) => {
      if (order.type === "prepare") {
        running = new Running(start, links, order.round, tell);
        running.ready().then(() => tell({ type: "prepared" }), fail);
      } else if (order.type === "go") running!.go(order.epoch);
      else {
        running!.stop();
        tell({ type: "stopped" });
      }
    });
    tell({ type: "connected" });
  } catch (error) {
    fail(error as Error);
  }
}

async function open({ job, thread, threads }: Start, note: (text: string) => void): Promise<FlowLinks[]> {
  const flows: FlowLinks[] = [];
  const all: Promise<void>[] = [];
  for (const kind of ["push", "pull"] as const) {
    const spec = job.spec[kind];
    if (!spec) continue;
    const links = (count: number, role: "publisher" | "worker") =>
      share(count, role, thread, threads).map((index) => {
        const link = new Link(job, index, `${kind} ${role} ${index + 1}`, note);
        all.push(link.open());
        return { index, link };
      });
    flows.push({ kind, publishers: links(spec.publishers, "publisher"), workers: links(spec.workers, "worker") });
  }
  await Promise.all(all);
  return flows;
}

class Running {
  readonly #start: Start;
  readonly #links: readonly FlowLinks[];
  readonly #publishers: Publisher[] = [];
  readonly #takers: Taker[] = [];
  readonly #memories: FlowMemory[] = [];
  readonly #tell: (report: Report) => void;
  #epoch = Infinity;
  #loop = performance.eventLoopUtilization();
  #timer: NodeJS.Timeout | undefined;
  #expected = 0;
  #sent = false;
  /** it has publishers with a schedule, to which it can come late */
  #scheduled = false;

  constructor(start: Start, links: readonly FlowLinks[], round: Round, tell: (report: Report) => void) {
    this.#start = start;
    this.#links = links;
    this.#tell = tell;
    const { spec, id } = start.job;
    for (const { kind, buffers, subjects } of round.flows) {
      const flow = spec[kind]!;
      const pull = kind === "pull" ? (flow as PullSpec) : undefined;
      const own = links.find((l) => l.kind === kind)!;
      const memory = new FlowMemory(buffers, start.thread);
      this.#memories.push(memory);
      const common = { memory, tag: round.tag };
      for (const { index, link } of own.workers) {
        const { prefix, stream, durable } = subjects.partitions[index % subjects.partitions.length]!;
        const taker = { ...common, link, index, from: spec.warmUp * 1000, epoch: () => this.#epoch };
        this.#takers.push(pull ? puller({ ...taker, pull, stream, durable, inbox: `_INBOX.${id}.${round.tag}w${index}` }) : subscriber(taker, `${prefix}.*`));
      }
      this.#scheduled ||= own.publishers.length > 0 && flow.rate !== "max";
      for (const { index, link } of own.publishers)
        this.#publishers.push(
          new Publisher({
            ...common,
            link,
            index,
            spec: flow,
            pull,
            subjects,
            inbox: `_INBOX.${id}.${round.tag}p${index}`,
            warmUp: spec.warmUp,
            seconds: spec.seconds,
            rejected: (reason) => tell({ type: "rejected", kind, reason }),
          }),
        );
    }
  }

  /** When the servers know of all subscriptions. */
  async ready(): Promise<void> {
    await Promise.all(this.#links.flatMap((l) => [...l.publishers, ...l.workers]).map(({ link }) => link.flushed()));
  }

  go(epoch: number): void {
    this.#epoch = epoch;
    for (const p of this.#publishers) p.start(epoch);
    const { warmUp } = this.#start.job.spec;
    // What the warm-up took of the loop isn't the measured time's.
    setTimeout(() => (this.#loop = performance.eventLoopUtilization()), epoch + warmUp * 1000 - now()).unref();
    this.#expected = now();
    this.#tick();
  }

  #tick(): void {
    const at = now();
    const { warmUp, seconds } = this.#start.job.spec;
    const elapsed = at - this.#epoch;
    if (this.#scheduled && elapsed >= warmUp * 1000 && elapsed < (warmUp + seconds) * 1000) this.#memories[0]!.late.record(at - this.#expected);
    if (elapsed >= 0) for (const p of this.#publishers) p.pump(at);
    for (const t of this.#takers) t.tick(at);
    if (!this.#sent && this.#publishers.every((p) => p.over) && elapsed >= (warmUp + seconds) * 1000) {
      this.#sent = true;
      this.#tell({ type: "sent", loop: performance.eventLoopUtilization(this.#loop).utilization });
    }
    this.#expected = now() + 1;
    this.#timer = setTimeout(() => this.#tick(), 1);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const p of this.#publishers) p.stop();
    for (const t of this.#takers) t.stop();
  }
}
