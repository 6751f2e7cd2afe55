import * as v from "valibot";
import { duration, integer, key, section } from "../../lib/inventory/fields.mts";

/** The least rate and the highest latencies of a data path, publisher to subscriber. */
const limits = (share: string, p50: string, p99: string, p999: string) =>
  section({
    rate: key(v.optional(integer(1)), "received messages per second, at least", { defaultText: `${share} of verify.rate` }),
    p50: key(v.optional(duration(p50), p50), "median latency, at most"),
    p99: key(v.optional(duration(p99), p99), "latency of 99 in 100 messages, at most"),
    p999: key(v.optional(duration(p999), p999), "latency of 999 in 1000 messages, at most"),
  });

const verify = section({
  rate: key(v.optional(integer(1), 20000), "messages per second that are offered"),
  seconds: key(v.optional(integer(1, 3600), 3), "for how long"),
  payload: key(v.optional(integer(16, 1048576), 128), "bytes of a message"),
  settle: key(v.optional(duration("2s"), "2s"), "how long a healthy state must hold"),
  push: key(
    section({
      workers: key(v.optional(integer(1, 256), 6), "subscribers in the queue group"),
    }),
    "queue-group push: every message to exactly one worker",
  ),
  pull: key(
    section({
      workers: key(v.optional(integer(1, 256), 3), "clients that share the consumer"),
      batch: key(v.optional(integer(1, 10000), 128), "messages of a batch"),
    }),
    "JetStream pull with explicit acknowledgements, on a temporary stream",
  ),
  thresholds: key(
    section({
      push: key(limits("90%", "10ms", "100ms", "500ms"), "of the queue-group push"),
      pull: key(limits("50%", "100ms", "1s", "3s"), "of the JetStream pull"),
      route_rtt: key(v.optional(duration("100ms"), "100ms"), "round trip between two servers, at most"),
      ack_pending: key(v.optional(integer(1, 100), 90), "percent of a consumer's max_ack_pending, at most"),
      mirror_lag: key(v.optional(integer(1), 10000), "messages by which a copy of another region's stream may be behind"),
      tls_expiry: key(v.optional(duration("168h"), "168h"), "lifetime that a certificate must still have"),
    }),
    "beyond these verify fails",
  ),
});

/** Rates that aren't set follow what is offered. */
const withRates = v.pipe(
  verify,
  v.transform(({ thresholds, ...rest }) => {
    const { push, pull, ...others } = thresholds;
    const least = (rate: number | undefined, share: number): number => rate ?? Math.max(1, Math.floor(rest.rate * share));
    return { ...rest, thresholds: { ...others, push: { ...push, rate: least(push.rate, 0.9) }, pull: { ...pull, rate: least(pull.rate, 0.5) } } };
  }),
);

export const defaults = {
  verify: key(withRates, "what verify offers and expects"),
};
