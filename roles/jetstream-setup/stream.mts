import * as v from "valibot";
import { integer, key, list, oneOf, scalars, text } from "../../lib/inventory/fields.mts";
import { subject } from "../cluster-config/subject.mts";
import { consumer } from "./consumer.mts";
import { assetName, byteCount, flag, nanoseconds, time } from "./fields.mts";

const optional = v.optional;

const destination = () => text("a subject", "write for example archive.{{wildcard(1)}}", /^[^\s]+(\s*[\d,]+\s*[^\s]*)*$/);

const partitionBy = () =>
  v.pipe(
    v.union([list(integer(1, 32)), v.literal("random")], "{value} is not random or a list of wildcards; write random, or for example [1]"),
    v.metadata({ what: "random, or a list of numbers" }),
  );

const transform = v.strictObject({
  src: key(optional(subject()), "subjects that are changed"),
  dest: key(destination(), "what they become, with nats-server's mapping functions"),
});

const source = v.strictObject({
  name: key(assetName("a stream's name"), "the other stream"),
  opt_start_seq: key(optional(integer(1)), "from this sequence on"),
  opt_start_time: key(optional(time()), "from this time on"),
  filter_subject: key(optional(subject()), "only these subjects"),
  subject_transforms: key(optional(list(transform)), "several filters, each with a new subject (2.10)"),
  region: key(
    optional(text("a region's name", "write one of those under regions:", /^[A-Za-z0-9][\w-]{0,62}$/)),
    "the other region that holds it, one of `regions` with addresses; in place of `external`",
  ),
  external: key(
    optional(
      v.strictObject({
        api: key(subject(), "JetStream API prefix of the other account or domain"),
        deliver: key(optional(subject()), "prefix of the delivery subjects"),
      }),
    ),
    "a stream of another account or domain",
  ),
  consumer: key(
    optional(
      v.strictObject({
        name: key(assetName("a consumer's name"), "its durable consumer"),
        deliver_subject: key(optional(subject()), "where that delivers"),
      }),
    ),
    "take a durable consumer of the other stream (2.14)",
  ),
});

/**
 * nats-server's StreamConfig by its JSON names (server/stream.go, 2.15), without what only the server itself sets, and the
 * stream's consumers. Durations come out in nanoseconds and sizes in bytes, as the API wants them; what isn't written isn't there.
 */
export const stream = v.strictObject({
  name: key(assetName("a stream's name"), "its name"),
  description: key(optional(text()), "for people"),
  subjects: key(optional(list(subject())), "subjects it takes in, with wildcards; none when it mirrors or only sources"),
  retention: key(optional(oneOf("limits", "interest", "workqueue")), "what lets a message go", { defaultText: "limits" }),
  storage: key(optional(oneOf("file", "memory"), "file"), "where messages are kept"),
  num_replicas: key(optional(integer(1, 5), 3), "copies, each on another server"),
  max_consumers: key(optional(integer(-1)), "most consumers", { defaultText: "-1, no limit" }),
  max_msgs: key(optional(integer(-1)), "most messages", { defaultText: "-1, no limit" }),
  max_bytes: key(optional(byteCount()), "most bytes", { defaultText: "-1, no limit" }),
  max_age: key(optional(nanoseconds("168h")), "oldest message; 0s is no limit", { defaultText: "0s" }),
  max_msgs_per_subject: key(optional(integer(-1)), "most messages of one subject", { defaultText: "-1, no limit" }),
  max_msg_size: key(optional(byteCount("1MB", 2 ** 31 - 1)), "largest message", { defaultText: "-1, no limit" }),
  discard: key(optional(oneOf("old", "new")), "at a limit: drop the oldest, or refuse the new", { defaultText: "old" }),
  discard_new_per_subject: key(optional(flag()), "discard: new also for max_msgs_per_subject"),
  no_ack: key(optional(flag()), "publishers get no acknowledgement"),
  duplicate_window: key(optional(nanoseconds("2m")), "time over which a Nats-Msg-Id is taken once", { defaultText: "2m" }),
  compression: key(optional(oneOf("none", "s2")), "compression of the blocks on disk (2.10)", { defaultText: "none" }),
  placement: key(
    optional(
      v.strictObject({
        cluster: key(optional(text()), "only servers of this cluster"),
        tags: key(optional(list(text())), "only servers with all of these server_tags"),
        preferred: key(optional(text()), "server that should lead (2.11)"),
      }),
    ),
    "which servers may hold it",
  ),
  mirror: key(optional(source), "a read-only copy of another stream"),
  sources: key(optional(list(source)), "streams that flow into this one"),
  first_seq: key(optional(integer(0)), "sequence of the first message (2.10)"),
  subject_transform: key(optional(transform), "changes subjects on the way in (2.10)"),
  republish: key(
    optional(
      v.strictObject({
        src: key(optional(subject()), "subjects that are republished"),
        dest: key(destination(), "where to"),
        headers_only: key(optional(flag()), "without bodies"),
      }),
    ),
    "sends stored messages out again",
  ),
  allow_direct: key(optional(flag()), "fast reads of single messages from any replica"),
  mirror_direct: key(optional(flag()), "the same through mirrors"),
  deny_delete: key(optional(flag()), "no message may be deleted"),
  deny_purge: key(optional(flag()), "no purge"),
  allow_rollup_hdrs: key(optional(flag()), "a header may roll all earlier messages up"),
  consumer_limits: key(
    optional(
      v.strictObject({
        inactive_threshold: key(optional(nanoseconds("24h")), "default and ceiling of the consumers'"),
        max_ack_pending: key(optional(integer(-1)), "default and ceiling of the consumers'"),
      }),
    ),
    "limits of its consumers (2.10)",
  ),
  allow_msg_ttl: key(optional(flag()), "messages may carry their own lifetime (2.11)"),
  subject_delete_marker_ttl: key(optional(nanoseconds("1h")), "lifetime of delete markers (2.11)"),
  allow_msg_counter: key(optional(flag()), "a stream of counters (2.12)"),
  allow_atomic: key(optional(flag()), "atomic batch publish (2.12)"),
  allow_msg_schedules: key(optional(flag()), "scheduled messages (2.12)"),
  persist_mode: key(optional(oneOf("default", "async")), "async acknowledges before the write (2.12)"),
  allow_batched: key(optional(flag()), "fast batch publish (2.14)"),
  metadata: key(optional(scalars()), "texts of your own (2.10)"),
  partitions: key(
    optional(integer(1, 64)),
    "spread over so many streams NAME-0, NAME-1 …, each with the settings and consumers written here; publishers go on as they are (2.10). See docs/partitions.md",
    { defaultText: "one stream" },
  ),
  partition_by: key(
    optional(partitionBy()),
    "what decides the partition: the numbers of the subject's wildcards whose tokens are the key, or `random` where order is of no matter",
    { defaultText: "all `*`, and the first token of `>`" },
  ),
  consumers: key(optional(list(consumer), []), "its consumers"),
});

export type StreamSpec = v.InferOutput<typeof stream>;
