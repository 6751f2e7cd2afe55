// The load generator: a program of its own, so that it takes no time from whoever started it, and runs on other hosts too. It reads its job as
// one line of JSON on stdin, and tells what it sees on stdout as NDJSON. It ends when its stdin does: nobody is there any more.
import type { EventEmitter } from "node:events";
import { createInterface } from "node:readline";
import { isMainThread } from "node:worker_threads";
import { UsageError } from "../../inventory/types.mts";
import { generate } from "./generate.mts";
import type { Job, Told } from "./job.mts";
import { LOADED } from "./remote.mts";
import { thread } from "./thread.mts";
import type { BenchProgress } from "./types.mts";

async function main(): Promise<void> {
  const stop = new AbortController();
  const end = (why: string) => (): void => stop.abort(new Error(why));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end(signal));
  process.stdout.on("error", end("nobody reads the output"));
  const lines = createInterface({ input: process.stdin });
  lines.once("close", end("interrupted"));
  const tell = (told: Told): void => {
    if (!stop.signal.aborted) process.stdout.write(`${JSON.stringify(told)}\n`);
  };
  const [job] = await new Promise<[Job]>((resolve) => lines.once("line", (line) => resolve([JSON.parse(line) as Job])));
  let status = 0;
  try {
    const told = (progress: BenchProgress): void => {
      // All threads run by now: nothing is left in the file system even if this process is killed.
      (process as EventEmitter).emit(LOADED);
      tell({ type: "progress", progress });
    };
    tell({ type: "result", result: await generate(new URL(import.meta.url), job, told, stop.signal) });
  } catch (error) {
    const { message, next } = error as Error & { next?: string };
    tell({ type: "failed", message, next, ...(error instanceof UsageError && { usage: error.lines }) });
    status = 1;
  }
  // Pipes whose other end nobody holds would keep the process: it ends when its last line is taken, or nobody is there to take it.
  const leave = (): never => process.exit(status);
  const soon = (): unknown => setTimeout(leave, 1000);
  process.stdout.write("", leave);
  if (stop.signal.aborted) soon();
  else stop.signal.addEventListener("abort", soon);
}

if (isMainThread) await main();
else await thread();
