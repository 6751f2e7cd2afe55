import { isLiteral, isSubject, subjectsOverlap, subjectWithin } from "../cluster-config/subject.mts";
import type { Say } from "./checks.mts";
import type { StreamSpec } from "./stream.mts";

/** nats-server refuses shorter times (checkStreamCfg). */
const LEAST_NS = 100e6;

/** What nats-server's checkStreamCfg would refuse, told before it is asked (server/stream.go, 2.14). */
export function checkStream(stream: StreamSpec, i: number, say: Say, warn: Say): void {
  const name = stream.name;
  const mirrored = stream.mirror !== undefined;
  const { max_age: age = 0, duplicate_window: window = 0, num_replicas: replicas } = stream;

  (stream.subjects ?? []).forEach((subject, k) => {
    if (stream.subjects!.indexOf(subject) < k) say([i, "subjects", k], `subject "${subject}" is there twice; remove one`);
    else if (stream.subjects!.some((other, n) => n < k && subjectsOverlap(subject, other)))
      say([i, "subjects", k], `subject "${subject}" overlaps another of stream ${name}; remove or narrow it`);
    if (stream.no_ack) return;
    if (/^\$(JS|SYS)(\.|$)/.test(subject)) say([i, "subjects", k], `subject "${subject}" is the server's own; choose another`);
    else if (subjectWithin("$JS.API.INFO", subject))
      say([i, "subjects", k], `subject "${subject}" takes in the server's own subjects; narrow it, for example to "${name.toLowerCase()}.>"`);
  });
  if (mirrored) {
    for (const key of [
      "subjects",
      "sources",
      "first_seq",
      "allow_msg_counter",
      "allow_atomic",
      "allow_batched",
      "allow_msg_schedules",
      "subject_delete_marker_ttl",
    ] as const)
      if (stream[key]) say([i, key], `stream ${name} is a mirror and can't have ${key}; remove it`);
  } else if (!stream.subjects?.length && !stream.sources?.length) {
    warn([i, "name"], `stream ${name} has no subjects and takes in only messages to "${name}"; add subjects:`);
  }
  if (age > 0 && age < LEAST_NS) say([i, "max_age"], `max_age of stream ${name} is below 100ms; raise it`);
  if (window > 0 && window < LEAST_NS) say([i, "duplicate_window"], `duplicate_window of stream ${name} is below 100ms; raise it`);
  if (age > 0 && window > age) say([i, "duplicate_window"], `duplicate_window of stream ${name} is longer than max_age; shorten it`);
  if (replicas % 2 === 0)
    warn(
      [i, "num_replicas"],
      `stream ${name} has ${replicas} replicas; an even number bears no more failures than ${replicas - 1}, take ${replicas - 1} or ${replicas + 1}`,
    );
  if (stream.deny_purge && stream.allow_rollup_hdrs)
    say([i, "allow_rollup_hdrs"], `allow_rollup_hdrs of stream ${name} needs purges, which deny_purge forbids; remove one`);
  if (stream.discard_new_per_subject && stream.discard !== "new")
    say([i, "discard_new_per_subject"], `discard_new_per_subject of stream ${name} needs discard: new; add it`);
  if (stream.discard_new_per_subject && (stream.max_msgs_per_subject ?? 0) <= 0)
    say([i, "discard_new_per_subject"], `discard_new_per_subject of stream ${name} needs max_msgs_per_subject; add it`);
  if (stream.persist_mode === "async") {
    if (replicas > 1) say([i, "persist_mode"], `persist_mode: async of stream ${name} works with one replica only; remove it or write num_replicas: 1`);
    if (stream.storage !== "file") say([i, "persist_mode"], `persist_mode: async of stream ${name} works with file storage only; remove it`);
    if (stream.allow_atomic) say([i, "persist_mode"], `persist_mode: async of stream ${name} doesn't go with allow_atomic; remove one`);
  }
  for (const key of ["allow_msg_counter", "allow_msg_schedules"] as const)
    if (stream[key] && stream.discard === "new") say([i, key], `${key} of stream ${name} doesn't go with discard: new; remove one`);
  if (stream.allow_msg_counter && (stream.allow_msg_ttl || stream.allow_msg_schedules || (stream.retention ?? "limits") !== "limits"))
    say(
      [i, "allow_msg_counter"],
      `allow_msg_counter of stream ${name} goes only with retention: limits, and without allow_msg_ttl and allow_msg_schedules; remove one`,
    );
  if ((stream.subject_delete_marker_ttl ?? 1e9) < 1e9)
    say([i, "subject_delete_marker_ttl"], `subject_delete_marker_ttl of stream ${name} is below 1s; raise it`);
  const echo = stream.republish?.dest;
  if (echo !== undefined && isSubject(echo) && stream.subjects?.some((subject) => subjectsOverlap(echo, subject)))
    say([i, "republish", "dest"], `republish.dest "${echo}" flows back into stream ${name}; choose one outside its subjects`);
  origins(stream, i, say);
}

function origins(stream: StreamSpec, i: number, say: Say): void {
  const all = [
    ...(stream.mirror ? [{ source: stream.mirror, path: [i, "mirror"] }] : []),
    ...(stream.sources ?? []).map((source, k) => ({ source, path: [i, "sources", k] })),
  ];
  for (const { source, path } of all) {
    if (!source.external && !source.region && source.name === stream.name) say([...path, "name"], `stream ${stream.name} can't take from itself; name another`);
    if (source.filter_subject !== undefined && source.subject_transforms?.length)
      say([...path, "filter_subject"], "filter_subject and subject_transforms exclude each other; remove one");
    if (source.opt_start_seq !== undefined && source.opt_start_time !== undefined)
      say([...path, "opt_start_time"], "opt_start_seq and opt_start_time exclude each other; remove one");
    if (source.external && source.region) say([...path, "region"], "region and external exclude each other; remove one");
    if (source.external && !isLiteral(source.external.api))
      say([...path, "external", "api"], `external.api "${source.external.api}" has wildcards; write for example $JS.hub.API`);
  }
}
