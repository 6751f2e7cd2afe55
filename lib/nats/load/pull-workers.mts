import { type ConsumerMessages, type JsMsg, jetstream } from "@nats-io/jetstream";
import { now } from "./clock.mts";
import type { Latencies } from "./latency.mts";
import type { Ledger } from "./ledger.mts";
import type { LoadConnection } from "./types.mts";

export interface PullWorkers {
  /** distinct messages per worker */
  readonly taken: number[];
  /** deliveries marked as repeated by the server */
  readonly redelivered: number;
  /** monotonic ms of the last first delivery */
  readonly last: number;
  stop(): void;
}

/**
 * Starts workers that share the durables of one stream or several, each asking for the next `batch` while it works on the one before, and
 * acking every message. With several streams a worker has its share of them, one at least.
 */
export async function pullWorkers(
  workers: readonly LoadConnection[],
  o: { streams: readonly string[]; durable: string; batch: number; ledger: Ledger; latency: Latencies; epoch: () => number },
): Promise<PullWorkers> {
  const state = { taken: workers.map(() => 0), redelivered: 0, last: 0 };
  const take = (worker: number, message: JsMsg): void => {
    if (message.redelivered) state.redelivered++;
    const due = o.ledger.deliver(message.data);
    message.ack();
    if (due < 0) return;
    state.taken[worker]!++;
    state.last = now();
    o.latency.record(state.last - o.epoch() - due);
  };
  const most = Math.max(workers.length, o.streams.length);
  const pairs = Array.from({ length: most }, (_, i) => ({ worker: i % workers.length, stream: o.streams[i % o.streams.length]! }));
  const started = await Promise.allSettled(
    pairs.map(async ({ worker: i, stream }) => {
      const consumer = await jetstream(workers[i]!.nc, { timeout: 5000 }).consumers.get(stream, o.durable);
      return consumer.consume({
        max_messages: 2 * o.batch,
        threshold_messages: o.batch,
        callback: (m) => {
          take(i, m);
        },
      });
    }),
  );
  const streams = started.flatMap((s): ConsumerMessages[] => (s.status === "fulfilled" ? [s.value] : []));
  const stop = (): void => {
    for (const messages of streams) messages.stop();
  };
  const failed = started.find((s) => s.status === "rejected");
  if (failed) {
    stop();
    throw failed.reason;
  }
  return Object.assign(state, { stop });
}
