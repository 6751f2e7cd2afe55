import { isLiteral, subjectsOverlap, subjectWithin } from "../cluster-config/subject.mts";
import type { Say } from "./checks.mts";
import type { ConsumerSpec } from "./consumer.mts";
import type { StreamSpec } from "./stream.mts";

const PUSH_ONLY = ["flow_control", "idle_heartbeat", "rate_limit_bps"] as const;
const PULL_ONLY = ["max_waiting", "max_batch", "max_expires", "max_bytes", "priority_groups", "priority_policy", "priority_timeout"] as const;
type Field = (string | number)[];

/** What nats-server's checkConsumerCfg would refuse, told before it is asked (server/consumer.go, 2.14). */
export function checkConsumer(stream: StreamSpec, consumer: ConsumerSpec, at: Field, say: Say, warn: Say): void {
  const name = consumer.durable_name;
  const j = Number(at.at(-1));
  if (stream.consumers.findIndex((other) => other.durable_name === name) < j)
    say([...at, "durable_name"], `consumer "${name}" of stream ${stream.name} is there twice; merge them`);
  if (consumer.deliver_subject === undefined) pull(consumer, at, say);
  else push(stream, consumer, at, say);
  start(consumer, at, say);
  filters(stream, consumer, at, say, warn);

  const { max_ack_pending: pending, max_deliver: deliver, num_replicas: replicas = 0, ack_policy } = consumer;
  const limit = stream.consumer_limits?.max_ack_pending ?? 0;
  if (limit > 0 && pending !== undefined && pending > limit)
    say([...at, "max_ack_pending"], `max_ack_pending of consumer ${name} is above consumer_limits.max_ack_pending ${limit} of its stream; lower it`);
  if (consumer.backoff && deliver !== undefined && deliver > 0 && consumer.backoff.length > deliver)
    say([...at, "backoff"], `backoff of consumer ${name} has more steps than max_deliver ${deliver}; shorten it`);
  if (consumer.backoff && consumer.ack_wait !== undefined)
    warn([...at, "ack_wait"], `ack_wait of consumer ${name} is ignored beside backoff, whose first step takes its place; remove it`);
  if (replicas > stream.num_replicas)
    say([...at, "num_replicas"], `consumer ${name} has more replicas than its stream (${stream.num_replicas}); lower num_replicas or remove it`);
  else if (replicas > 0 && replicas !== stream.num_replicas && (stream.retention ?? "limits") !== "limits")
    say([...at, "num_replicas"], `consumer ${name} must have as many replicas as its ${stream.retention} stream (${stream.num_replicas}); remove num_replicas`);
  if (ack_policy === "none" && consumer.ack_wait !== undefined)
    warn([...at, "ack_wait"], `ack_wait of consumer ${name} means nothing with ack_policy: none; remove it`);
}

function pull(consumer: ConsumerSpec, at: Field, say: Say): void {
  const name = consumer.durable_name;
  if (consumer.deliver_group !== undefined)
    say(
      [...at, "deliver_group"],
      `consumer ${name} is a pull consumer and has no deliver_group; remove it, workers share the work by pulling from the same durable_name (or add deliver_subject to make it push)`,
    );
  for (const key of PUSH_ONLY)
    if (consumer[key]) say([...at, key], `consumer ${name} is a pull consumer and can't have ${key}; remove it, or add deliver_subject to make it push`);
  if (consumer.ack_policy === "flow_control") say([...at, "ack_policy"], `ack_policy: flow_control of consumer ${name} needs a push consumer; write explicit`);
  if ((consumer.priority_policy ?? "none") === "none") {
    for (const key of ["priority_groups", "priority_timeout"] as const)
      if (consumer[key]) say([...at, key], `${key} of consumer ${name} needs a priority_policy; add one or remove it`);
  } else if (!consumer.priority_groups?.length) say([...at, "priority_policy"], `priority_policy of consumer ${name} needs priority_groups; add one`);
}

function push(stream: StreamSpec, consumer: ConsumerSpec, at: Field, say: Say): void {
  const name = consumer.durable_name,
    subject = consumer.deliver_subject!;
  for (const key of PULL_ONLY)
    if (consumer[key]) say([...at, key], `consumer ${name} is a push consumer (it has deliver_subject) and can't have ${key}; remove one of them`);
  if (!isLiteral(subject)) say([...at, "deliver_subject"], `deliver_subject "${subject}" of consumer ${name} has wildcards; write one subject`);
  else if (stream.subjects?.some((own) => subjectsOverlap(subject, own)))
    say([...at, "deliver_subject"], `deliver_subject "${subject}" of consumer ${name} flows back into stream ${stream.name}; choose one outside its subjects`);
  if (consumer.flow_control && !consumer.idle_heartbeat)
    say([...at, "flow_control"], `flow_control of consumer ${name} needs idle_heartbeat; add for example idle_heartbeat: 5s`);
  if (consumer.idle_heartbeat && consumer.idle_heartbeat < 100e6) say([...at, "idle_heartbeat"], `idle_heartbeat of consumer ${name} is below 100ms; raise it`);
  if (consumer.ack_policy === "none" && (consumer.max_ack_pending ?? 0) > 0)
    say([...at, "max_ack_pending"], `max_ack_pending of consumer ${name} needs acknowledgements; remove it or change ack_policy`);
}

function start(consumer: ConsumerSpec, at: Field, say: Say): void {
  const { deliver_policy: policy = "all", opt_start_seq, opt_start_time, durable_name: name } = consumer;
  for (const [key, value, wanted] of [
    ["opt_start_seq", opt_start_seq, "by_start_sequence"],
    ["opt_start_time", opt_start_time, "by_start_time"],
  ] as const) {
    if (value !== undefined && policy !== wanted) say([...at, key], `${key} of consumer ${name} goes with deliver_policy: ${wanted}; change one of them`);
    if (value === undefined && policy === wanted) say([...at, "deliver_policy"], `deliver_policy: ${wanted} of consumer ${name} needs ${key}; add it`);
  }
  if (policy === "last_per_subject" && consumer.filter_subject === undefined && !consumer.filter_subjects?.length)
    say([...at, "deliver_policy"], `deliver_policy: last_per_subject of consumer ${name} needs filter_subject; add it`);
}

function filters(stream: StreamSpec, consumer: ConsumerSpec, at: Field, say: Say, warn: Say): void {
  const several = consumer.filter_subjects ?? [];
  if (consumer.filter_subject !== undefined && several.length > 0)
    say([...at, "filter_subject"], `consumer ${consumer.durable_name} has both filter_subject and filter_subjects; keep one`);
  several.forEach((subject, k) => {
    if (several.some((other, n) => n !== k && subjectWithin(subject, other) && (subject !== other || n < k)))
      say([...at, "filter_subjects", k], `filter "${subject}" of consumer ${consumer.durable_name} lies within another of its filters; remove it`);
  });
  // What a transform, mirror or source brings in can't be known here.
  if (!stream.subjects?.length || stream.subject_transform || stream.sources?.length) return;
  const told: [string, Field][] = several.map((subject, k) => [subject, [...at, "filter_subjects", k]]);
  if (consumer.filter_subject !== undefined) told.push([consumer.filter_subject, [...at, "filter_subject"]]);
  for (const [subject, path] of told)
    if (!stream.subjects.some((own) => subjectsOverlap(subject, own)))
      warn(path, `filter "${subject}" of consumer ${consumer.durable_name} matches none of stream ${stream.name}'s subjects; correct it`);
}

/** A work queue gives each message to one consumer: explicit acks, from the beginning, filters that don't overlap. */
export function checkWorkQueue(stream: StreamSpec, i: number, say: Say): void {
  if (stream.retention !== "workqueue") return;
  stream.consumers.forEach((consumer, j) => {
    const at = [i, "consumers", j],
      name = consumer.durable_name;
    if (consumer.ack_policy !== "explicit")
      say([...at, "ack_policy"], `consumer ${name} of the workqueue stream ${stream.name} needs ack_policy: explicit; write that`);
    if ((consumer.deliver_policy ?? "all") !== "all")
      say([...at, "deliver_policy"], `consumer ${name} of the workqueue stream ${stream.name} must start at the beginning; write deliver_policy: all`);
    const rival = stream.consumers.slice(0, j).find((other) => own(other).some((theirs) => own(consumer).some((ours) => subjectsOverlap(ours, theirs))));
    if (rival)
      say(
        [...at, "durable_name"],
        `consumers ${rival.durable_name} and ${name} of the workqueue stream ${stream.name} want the same messages; give them filters that don't overlap`,
      );
  });
}

const own = (consumer: ConsumerSpec): string[] => consumer.filter_subjects ?? [consumer.filter_subject ?? ">"];
