import { Worker } from "node:worker_threads";
import type { Job } from "./job.mts";
import type { Order, Report, Round } from "./round.mts";
import type { FlowKind } from "./types.mts";

/** How long threads may take to connect, or to subscribe, ms. */
const PATIENCE_MS = 30_000;

/** The generator's threads, as the main one sees them. */
export class Crew {
  readonly errors: string[] = [];
  readonly rejections = new Map<FlowKind, string>();
  /** of the last round, by thread: share of the measured time in which it was busy */
  loops: number[] = [];
  readonly #threads: Worker[];
  readonly #waiting = new Map<Report["type"], { left: Set<number>; resolve: () => void; reject: (error: Error) => void }>();
  #failure: Error | undefined;

  /** @param file this very program, which starts as a thread when it isn't the main one */
  constructor(file: URL, job: Job) {
    const { threads } = job.spec;
    this.#threads = Array.from({ length: threads }, (_, thread) => {
      const worker = new Worker(file, { workerData: { job, thread, threads } });
      worker.on("message", (report: Report) => this.#take(thread, report));
      worker.on("error", (error) => this.#fail(error));
      return worker;
    });
  }

  async connected(): Promise<void> {
    await this.#all("connected", PATIENCE_MS, "connect");
  }

  async prepare(round: Round): Promise<void> {
    this.rejections.clear();
    this.#tell({ type: "prepare", round });
    await this.#all("prepared", PATIENCE_MS, "subscribe");
  }

  /** @returns a promise for the moment when all have sent what they were to send */
  go(epoch: number, ms: number): Promise<void> {
    this.#tell({ type: "go", epoch });
    return this.#all("sent", ms + PATIENCE_MS, "send");
  }

  async stop(): Promise<void> {
    this.#tell({ type: "stop" });
    await this.#all("stopped", PATIENCE_MS, "stop");
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((t) => t.terminate()));
  }

  /** Lines since the last time. */
  takeErrors(): string[] {
    return this.errors.splice(0);
  }

  #tell(order: Order): void {
    for (const t of this.#threads) t.postMessage(order);
  }

  #take(thread: number, report: Report): void {
    if (report.type === "note") {
      if (this.errors.length < 20) this.errors.push(report.text);
      return;
    }
    if (report.type === "failed") return this.#fail(new Error(report.message));
    if (report.type === "rejected") {
      if (!this.rejections.has(report.kind)) this.rejections.set(report.kind, report.reason);
      return;
    }
    if (report.type === "sent") this.loops[thread] = report.loop;
    const waiting = this.#waiting.get(report.type);
    if (waiting?.left.delete(thread) && waiting.left.size === 0) waiting.resolve();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
  }

  async #all(type: Report["type"], ms: number, what: string): Promise<void> {
    if (this.#failure) throw this.#failure;
    let timer: NodeJS.Timeout | undefined;
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.set(type, { left: new Set(this.#threads.keys()), resolve, reject });
      timer = setTimeout(() => reject(new Error(`the generator's threads didn't ${what} in time`)), ms);
    });
    // It may fail before anybody waits for it.
    done.catch(() => {});
    try {
      await done;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(type);
    }
  }
}
