import * as v from "valibot";
import { duration, integer, key, leaf, oneOf, section } from "../../lib/inventory/fields.mts";

const rate = () =>
  leaf({
    what: "a rate",
    write: "write messages per second, or max",
    read: (x): number | "max" | undefined => {
      if (x === "max") return x;
      const n = typeof x === "string" && /^\d+$/.test(x) ? Number(x) : x;
      return Number.isSafeInteger(n) && (n as number) >= 1 && (n as number) <= 10_000_000 ? (n as number) : undefined;
    },
  });

/** What both flows have. */
const flow = {
  rate: key(v.optional(rate()), "messages per second that are offered, or max: as many as get through", { defaultText: "bench.rate" }),
  publishers: key(v.optional(integer(1, 1024), 3), "connections that publish, spread over the nodes"),
  window: key(v.optional(integer(1, 1_000_000)), "most messages under way"),
};
const goals = {
  rate: key(v.optional(integer(1)), "delivered messages per second, at least", { defaultText: "none" }),
  p99: key(v.optional(duration("100ms")), "latency of 99 in 100 messages, at most", { defaultText: "none" }),
};

const bench = section({
  mode: key(v.optional(oneOf("mixed", "push", "pull"), "mixed"), "mixed: push and pull at the same time"),
  rate: key(v.optional(rate(), 20_000), "messages per second that are offered to each way, whatever becomes of them; max: as many as get through"),
  seconds: key(v.optional(integer(1, 3000), 10), "measured time of a round"),
  warm_up: key(v.optional(integer(0, 600), 2), "seconds before it under the same load, not counted"),
  rounds: key(v.optional(integer(1, 100), 3), "rounds; the figures are their medians"),
  payload: key(v.optional(integer(16, 1_048_576), 128), "bytes of a message"),
  subjects: key(v.optional(integer(1, 10_000), 1), "distinct subjects that the messages go to in turn"),
  threads: key(v.optional(integer(1, 64), 2), "threads of the load generator; with two or more, publishers and workers have their own"),
  push: key(
    section({
      ...flow,
      workers: key(v.optional(integer(1, 1024), 6), "subscribers in the queue group"),
      window: key(flow.window, "most messages sent and not yet delivered", { defaultText: "32768, less for large messages" }),
    }),
    "queue-group push",
  ),
  pull: key(
    section({
      ...flow,
      workers: key(v.optional(integer(1, 1024)), "clients that share the consumers", { defaultText: "3, or one per partition" }),
      window: key(v.optional(integer(1, 1_000_000), 4096), "most messages sent and not yet acknowledged by the stream"),
      batch: key(v.optional(integer(1, 10_000), 128), "messages that a worker asks for at a time"),
      ingest: key(
        v.optional(oneOf("single", "fast"), "single"),
        "how messages get into the streams: each with its own acknowledgement, or by fast ingest (2.14), one for many",
      ),
      ack: key(v.optional(oneOf("explicit", "all", "none"), "explicit"), "the consumers' ack_policy"),
      replicas: key(v.optional(integer(1, 5)), "of the temporary streams and their consumers", { defaultText: "3, or the nodes with JetStream" }),
      storage: key(v.optional(oneOf("file", "memory"), "file"), "of the temporary streams"),
      partitions: key(v.optional(integer(1, 256), 1), "streams over which the messages are spread, their leaders over the nodes"),
      max_ack_pending: key(v.optional(integer(1), 50_000), "of the consumers"),
    }),
    "JetStream pull, on temporary streams",
  ),
  goals: key(
    section({ push: key(section(goals), "of the queue-group push"), pull: key(section(goals), "of the JetStream pull") }),
    "beyond these bench fails; lost messages and a backlog that grows fail always",
  ),
});

export const defaults = {
  bench: key(bench, "what bench.mts offers"),
};
