import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { UsageError } from "../../inventory/types.mts";
import type { ClusterTarget, ConnectOptions } from "../target.mts";
import { bundle } from "./bundle.mts";
import { type Job, plain, type Told } from "./job.mts";
import { bootstrap } from "./remote.mts";
import type { BenchProgress, BenchResult, BenchSpec } from "./types.mts";

export interface RunOptions {
  connect?: ConnectOptions;
  progress?: (progress: BenchProgress) => void;
  signal?: AbortSignal;
  /** starts the generator elsewhere than on this machine; what it gives is talked to as to a child process */
  start?: (program: string) => Promise<Generator>;
}

/** The generator's process, wherever it runs; its program is on its way. */
export interface Generator {
  child: ChildProcess;
  /** what went wrong when it has ended without a result; the default tells what it said last */
  explain?: (exit: number | null, stderr: string) => Error;
}

/** How long the generator may take to end by itself, streams and all, ms. */
const END_MS = 40_000;

/**
 * Measures what a cluster takes: starts the generator as a process of its own and waits for its result.
 * @throws NatsConnectError's text, UsageError, Error with `next`; the signal's reason when aborted, after the generator has cleaned up
 */
export async function runBench(target: ClusterTarget, spec: BenchSpec, options: RunOptions = {}): Promise<BenchResult> {
  const { signal, start = local } = options;
  signal?.throwIfAborted();
  const [program, job] = await Promise.all([bundle(), jobOf(target, spec, options)]);
  const { child, explain = ended } = await start(program);
  return talk(child, job, options, explain);
}

async function jobOf(target: ClusterTarget, spec: BenchSpec, { connect = {} }: RunOptions): Promise<Job> {
  const nodes = await Promise.all(
    target.nodes.map(async (node) => {
      const at = await connect.dial?.(node);
      return at && (at.host !== node.host || at.port !== node.port) ? { ...node, at } : node;
    }),
  );
  return { id: randomBytes(5).toString("hex"), spec, cluster: target.name, nodes, ca: target.tls?.ca, sys: plain(target.sys), app: plain(target.app) };
}

/** On this machine. */
async function local(program: string): Promise<Generator> {
  // Its own process group: Ctrl-C on the terminal is ours to handle, and what it makes must be removed.
  const child = spawn(process.execPath, ["-e", bootstrap(Buffer.byteLength(program))], { stdio: ["pipe", "pipe", "pipe"], detached: true });
  child.stdin.on("error", () => {}); // told by how it ends
  child.stdin.write(program);
  return { child };
}

function talk(child: ChildProcess, job: Job, { signal, progress }: RunOptions, explain: (exit: number | null, stderr: string) => Error): Promise<BenchResult> {
  return new Promise((resolve, reject) => {
    let told: Extract<Told, { type: "result" | "failed" }> | undefined;
    let stderr = "";
    let timer: NodeJS.Timeout | undefined;
    child.stderr!.on("data", (d: Buffer) => (stderr = (stderr + d.toString()).slice(-8000)));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const said = read(line);
      if (said?.type === "progress") progress?.(said.progress);
      else if (said) {
        told = said;
        child.stdin!.end();
      }
    });
    child.stdin!.on("error", () => {}); // told by how it ends
    // The end of its input is its order to stop.
    const stop = (): void => {
      child.stdin!.end();
      timer = setTimeout(() => {
        child.kill("SIGKILL");
        // Of an SSH channel the connection's master has the other ends, and keeps them open.
        child.stdout!.destroy();
        child.stderr!.destroy();
      }, END_MS);
    };
    signal?.addEventListener("abort", stop, { once: true });
    child.once("error", reject);
    child.once("close", (exit) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason as Error);
      else if (told?.type === "result") resolve(told.result);
      else reject(told ? asError(told) : explain(exit, stderr));
    });
    child.stdin!.write(`${JSON.stringify(job)}\n`);
    if (signal?.aborted) stop();
  });
}

const read = (line: string): Told | undefined => {
  try {
    return JSON.parse(line) as Told;
  } catch {
    return undefined;
  }
};

const asError = ({ message, next, usage }: Extract<Told, { type: "failed" }>): Error =>
  usage ? new UsageError(usage) : Object.assign(new Error(message), next !== undefined && { next });

const ended = (exit: number | null, stderr: string): Error =>
  Object.assign(
    new Error(
      `the load generator ended with ${exit === null ? "a signal" : `status ${exit}`} and no result${stderr ? `: ${stderr.trim().split("\n").slice(-3).join(" ")}` : ""}`,
    ),
    {
      next: "run it again; it needs memory for a byte per message",
    },
  );
