import { randomBytes } from "node:crypto";
import { JetStreamApiError } from "@nats-io/jetstream";
import { UsageError } from "../../inventory/types.mts";
import type { ClusterTarget, ConnectOptions } from "../target.mts";
import { now, pause } from "./clock.mts";
import { roam } from "./roam.mts";
import type { SteadyAccount, SteadyNow } from "./steady-account.mts";
import { SteadyRun, type Wait } from "./steady-run.mts";
import { streamReach } from "./stream-reach.mts";
import { createTemporary, manager, removeTemporary, streamName, sweep } from "./temporary-stream.mts";
import { watch } from "./watch.mts";

export interface SteadyOptions {
  /** messages per second of each flow (default 200): few enough to disturb nobody */
  rate?: number;
  connect?: ConnectOptions;
  /** first tokens of the temporary subjects (default `_sampan.load`) */
  base?: string;
  /** of the temporary stream; default min(3, nodes with JetStream) */
  replicas?: number;
  /** ms without progress, at the end, after which what is missing counts as missing (default 30,000) */
  patience?: number;
  /** aborted: it is stopped soon, so `stop` waits for next to nothing; also ends the wait for its beginning */
  signal?: AbortSignal;
  onSecond?: (figures: SteadyNow) => void;
}

export interface SteadyLoad {
  /** of its temporary stream and durable */
  readonly stream: string;
  readonly durable: string;
  now(): SteadyNow;
  /** Begins a new span of the account. Before the first mark the span is called `load`. */
  mark(label: string): void;
  /** Ends the load, reads its stream back, removes it, and accounts for every message. The same account every time. Never throws. */
  stop(): Promise<SteadyAccount>;
}

const DURABLE = "workers";
/** A stream keeps that much of a load, so this is how far back it can be read. */
const KEEP_MS = 30 * 60_000;
/** Servers take a repeated Nats-Msg-Id for a duplicate for so long: longer than any outage that a publisher sits out. */
const DUPLICATES_MS = 10 * 60_000;
/** What a message takes on a disk, generously. */
const BYTES = 264;
const MOST_RATE = 5000;
/** How long the cluster may take to have a place for the stream, ms. */
const SETTLING_MS = 15_000;
/** nats-server's error codes (server/errors.json) */
const NO_PEERS = 10005,
  NO_LEADER = 10008;

/**
 * A load that runs until it is told to stop, through restarts, lost servers and elections, and accounts for every message:
 * queue-group push (core NATS), and a file stream that is published into with acknowledgements and pulled from by a durable's workers.
 * Stop it whatever happens: that removes its stream. (What a killed process leaves is removed by the next load or verify.)
 * @throws UsageError on options that make no sense; NatsConnectError; JetStreamApiError; the signal's reason when aborted
 */
export async function steadyLoad(target: ClusterTarget, options: SteadyOptions = {}): Promise<SteadyLoad> {
  const { rate = 200, connect, base = "_sampan.load", patience = 30_000, signal } = options;
  if (!(rate > 0 && rate <= MOST_RATE)) throw new UsageError(`load: ${rate} msg/s; take 1 to ${MOST_RATE}`);
  const replicas = options.replicas ?? Math.min(3, target.nodes.filter((node) => node.jetstream).length);
  const id = randomBytes(6).toString("hex");
  const subject = `${base}.${id}.logs.ingest`;
  const stream = streamName(id, "load");
  const connections = await roam(target, connect);
  const watcher = watch(connections);
  const end = async (): Promise<void> => {
    watcher.stop();
    await connections.close();
  };
  let run: SteadyRun;
  try {
    const jsm = await manager(watcher.live());
    await sweep(jsm);
    await settledIn(signal, () =>
      createTemporary(jsm, {
        name: stream,
        subject,
        replicas,
        durable: DURABLE,
        ackWait: 5000,
        maxAckPending: 10_000,
        bytes: Math.ceil((rate * KEEP_MS * BYTES) / 1000) + 16 * 1024 * 1024,
        keepMs: KEEP_MS,
        duplicatesMs: DUPLICATES_MS,
      }),
    );
    try {
      await streamReach(connections, { stream, durable: DURABLE, subject, patience, signal });
      run = new SteadyRun({ connections, watcher, rate, id, stream, durable: DURABLE, subject, queue: `${base}.${id}.jobs.process` });
    } catch (error) {
      await removeTemporary(() => manager(watcher.live()), stream);
      throw error;
    }
  } catch (error) {
    await end();
    throw error;
  }

  const every = options.onSecond && setInterval(() => options.onSecond!(run.now()), 1000);
  // Nobody waits half a minute for what is missing when the user has pressed Ctrl-C.
  const wait: Wait = ({ patience: most, ...o }) => settled({ ...o, patience: () => (signal?.aborted ? Math.min(1000, most) : most) });
  const finish = async (): Promise<SteadyAccount> => {
    clearInterval(every);
    const figures = await run.finish(wait, patience, () => signal?.aborted ?? false);
    await removeTemporary(() => manager(watcher.live()), stream).catch((error: Error) => run.note(error.message));
    for (const text of watcher.errors) run.note(text);
    await end();
    return { ...figures, rate, stream, replicas, reconnects: connections.reconnects(), errors: run.errors };
  };
  let account: Promise<SteadyAccount> | undefined;
  return { stream, durable: DURABLE, now: () => run.now(), mark: (label) => run.mark(label), stop: () => (account ??= finish()) };
}

/** Tries again while a node that has just come back still counts as offline, or while there is no leader. */
async function settledIn(signal: AbortSignal | undefined, attempt: () => Promise<void>): Promise<void> {
  for (const until = now() + SETTLING_MS; ; ) {
    try {
      return await attempt();
    } catch (error) {
      const { cause = error } = error as Error;
      const passing = cause instanceof JetStreamApiError ? [NO_PEERS, NO_LEADER].includes(cause.code) : (cause as Error).name === "TimeoutError";
      if (!passing || now() > until) throw error;
      await pause(500, signal);
    }
  }
}

async function settled({ done, progress, patience }: { done: () => boolean; progress: () => number; patience: () => number }): Promise<boolean> {
  for (let seen = progress(), since = now(); !done(); ) {
    if (now() - since > patience()) return false;
    await pause(20);
    const current = progress();
    if (current !== seen) {
      seen = current;
      since = now();
    }
  }
  return true;
}
