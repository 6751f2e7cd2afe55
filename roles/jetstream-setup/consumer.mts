import * as v from "valibot";
import { integer, key, list, oneOf, scalars, text } from "../../lib/inventory/fields.mts";
import { subject } from "../cluster-config/subject.mts";
import { assetName, byteCount, flag, nanoseconds, time } from "./fields.mts";

const optional = v.optional;

/**
 * nats-server's ConsumerConfig by its JSON names (server/consumer.go, 2.15), without what only the server itself sets.
 * Durations come out in nanoseconds and sizes in bytes, as the API wants them; what isn't written isn't there.
 */
export const consumer = v.strictObject({
  durable_name: key(assetName("a consumer's name"), "name; it outlives its clients"),
  description: key(optional(text()), "for people"),
  deliver_policy: key(optional(oneOf("all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject")), "where it starts", {
    defaultText: "all",
  }),
  opt_start_seq: key(optional(integer(1)), "first sequence, with by_start_sequence"),
  opt_start_time: key(optional(time()), "first time, with by_start_time"),
  ack_policy: key(optional(oneOf("none", "all", "explicit", "flow_control"), "explicit"), "what is acknowledged"),
  ack_wait: key(optional(nanoseconds("30s")), "a message not acknowledged by then is delivered again", { defaultText: "30s" }),
  max_deliver: key(optional(integer(-1)), "deliveries of one message at most; -1 is no limit", { defaultText: "-1" }),
  backoff: key(optional(list(nanoseconds("[1s, 5s, 30s]"))), "waits between deliveries, instead of ack_wait"),
  filter_subject: key(optional(subject()), "only these subjects of the stream"),
  filter_subjects: key(optional(list(subject())), "the same with several (2.10)"),
  replay_policy: key(optional(oneOf("instant", "original")), "speed of the replay", { defaultText: "instant" }),
  rate_limit_bps: key(optional(integer(0)), "bits per second at most (push)"),
  sample_freq: key(optional(text("a percentage", `write for example "30%"`, /^\d{1,3}%?$/)), "share of acknowledgements that are sampled"),
  max_waiting: key(optional(integer(1)), "pull requests that may wait", { defaultText: "512" }),
  max_ack_pending: key(optional(integer(-1)), "messages out without acknowledgement; delivery stops there", { defaultText: "1000" }),
  flow_control: key(optional(flag()), "flow control (push)"),
  headers_only: key(optional(flag()), "deliver headers without bodies"),
  max_batch: key(optional(integer(0)), "largest batch of a pull request"),
  max_expires: key(optional(nanoseconds("1m")), "longest expiry of a pull request"),
  max_bytes: key(optional(byteCount("1MB")), "most bytes of a pull request"),
  deliver_subject: key(optional(subject()), "makes it a push consumer, which delivers here"),
  deliver_group: key(
    optional(text("a queue group", "write it without spaces", /^[^\s.*>]+$/)),
    "queue group of a push consumer; workers of a pull consumer share its durable_name",
  ),
  idle_heartbeat: key(optional(nanoseconds("5s")), "heartbeats while idle (push)"),
  inactive_threshold: key(optional(nanoseconds("24h")), "removed after so long without clients"),
  num_replicas: key(optional(integer(0, 5)), "replicas of its state; 0 as the stream"),
  mem_storage: key(optional(flag()), "keep its state in memory"),
  metadata: key(optional(scalars()), "texts of your own (2.10)"),
  pause_until: key(optional(time()), "paused until then (2.11)"),
  priority_groups: key(optional(list(text("a group", "write at most 16 letters, digits, - _ / or =", /^[\w/=-]{1,16}$/))), "groups of pull clients (2.11)"),
  priority_policy: key(optional(oneOf("none", "overflow", "pinned_client", "prioritized")), "how the groups take turns (2.11)"),
  priority_timeout: key(optional(nanoseconds("2m")), "a pinned client that asks for nothing so long loses its pin (2.11)"),
});

export type ConsumerSpec = v.InferOutput<typeof consumer>;
