import t from "tap";
import { ALL, type Case, table } from "./fixture.mts";

/** One stream A of subject a, with more fields. */
const stream = (fields: string): { [ALL]: string } => ({ [ALL]: `streams:\n  - name: A\n    subjects: [a]\n    ${fields}\n` });
/** Its consumer c, with more fields, each on its own line from column 9 of line 6 on. */
const consumer = (...fields: string[]): { [ALL]: string } =>
  stream(["consumers:", "      - durable_name: c", ...fields.map((field) => `        ${field}`)].join("\n"));
const at = (line: number, column: number): string => `group_vars/all.yml:${line}:${column}:`;

/** What nats-server would refuse, told before it is asked. */
const cases: Case[] = [
  ["mirror of itself", { [ALL]: "streams:\n  - name: A\n    mirror: { name: A }\n" }, [`${at(3, 21)} stream A can't take from itself; name another`]],
  ["max_age too short", stream("max_age: 10ms"), [`${at(4, 14)} max_age of stream A is below 100ms; raise it`]],
  ["window longer than age", stream("max_age: 1m\n    duplicate_window: 2m"), [`${at(5, 23)} duplicate_window of stream A is longer than max_age; shorten it`]],
  [
    "everything as a subject",
    { [ALL]: 'streams:\n  - name: A\n    subjects: [">"]\n' },
    [`${at(3, 16)} subject ">" takes in the server's own subjects; narrow it, for example to "a.>"`],
  ],
  [
    "the server's subjects",
    { [ALL]: 'streams:\n  - name: A\n    subjects: ["$SYS.>"]\n' },
    [`${at(3, 16)} subject "$SYS.>" is the server's own; choose another`],
  ],
  [
    "subjects overlap within",
    { [ALL]: 'streams:\n  - name: A\n    subjects: [a.b, "a.*"]\n' },
    [`${at(3, 21)} subject "a.*" overlaps another of stream A; remove or narrow it`],
  ],
  [
    "rollup without purge",
    stream("deny_purge: true\n    allow_rollup_hdrs: true"),
    [`${at(5, 24)} allow_rollup_hdrs of stream A needs purges, which deny_purge forbids; remove one`],
  ],
  [
    "discard per subject",
    stream("discard_new_per_subject: true"),
    [
      `${at(4, 30)} discard_new_per_subject of stream A needs discard: new; add it`,
      `${at(4, 30)} discard_new_per_subject of stream A needs max_msgs_per_subject; add it`,
    ],
  ],
  [
    "async persistence with replicas",
    stream("persist_mode: async"),
    [`${at(4, 19)} persist_mode: async of stream A works with one replica only; remove it or write num_replicas: 1`],
  ],
  [
    "placement tags",
    stream("placement: { tags: [ssd] }"),
    [`${at(4, 18)} stream A wants 3 replicas and no host has all of its placement.tags; change them, or the hosts' server_tags`],
  ],
  [
    "placement cluster",
    stream("placement: { cluster: other }"),
    [`${at(4, 27)} placement.cluster "other" of stream A is not this cluster; write "nats-cluster-inv" or remove it`],
  ],
  ["a message beyond 31 bits", stream("max_msg_size: 2GB"), [`${at(4, 19)} streams[0].max_msg_size: "2GB" is not a size or -1; write for example 1MB`]],
  ["republish in a circle", stream("republish: { dest: a }"), [`${at(4, 24)} republish.dest "a" flows back into stream A; choose one outside its subjects`]],
  ["six replicas", stream("num_replicas: 6"), [`${at(4, 19)} streams[0].num_replicas: 6 is not a whole number from 1 to 5; write the number alone`]],
  [
    "flow control on pull",
    consumer("flow_control: true"),
    [`${at(6, 23)} consumer c is a pull consumer and can't have flow_control; remove it, or add deliver_subject to make it push`],
  ],
  [
    "batches on push",
    consumer("deliver_subject: d", "max_batch: 10"),
    [`${at(7, 20)} consumer c is a push consumer (it has deliver_subject) and can't have max_batch; remove one of them`],
  ],
  [
    "delivery in a circle",
    consumer("deliver_subject: a"),
    [`${at(6, 26)} deliver_subject "a" of consumer c flows back into stream A; choose one outside its subjects`],
  ],
  ["delivery with wildcards", consumer("deliver_subject: d.*"), [`${at(6, 26)} deliver_subject "d.*" of consumer c has wildcards; write one subject`]],
  [
    "flow control without heartbeat",
    consumer("deliver_subject: d", "flow_control: true"),
    [`${at(7, 23)} flow_control of consumer c needs idle_heartbeat; add for example idle_heartbeat: 5s`],
  ],
  [
    "start without its policy",
    consumer("opt_start_seq: 5"),
    [`${at(6, 24)} opt_start_seq of consumer c goes with deliver_policy: by_start_sequence; change one of them`],
  ],
  [
    "policy without its start",
    consumer("deliver_policy: by_start_time"),
    [`${at(6, 25)} deliver_policy: by_start_time of consumer c needs opt_start_time; add it`],
  ],
  [
    "a day that is none",
    consumer("deliver_policy: by_start_time", "opt_start_time: yesterday"),
    [`${at(7, 25)} streams[0].consumers[0].opt_start_time: "yesterday" is not a time; write for example "2026-01-31T00:00:00Z"`],
  ],
  ["both filters", consumer("filter_subject: a", "filter_subjects: [a]"), [`${at(6, 25)} consumer c has both filter_subject and filter_subjects; keep one`]],
  ["filters within each other", consumer('filter_subjects: [a, "*"]'), [`${at(6, 27)} filter "a" of consumer c lies within another of its filters; remove it`]],
  [
    "more backoff than deliveries",
    consumer("max_deliver: 1", "backoff: [1s, 2s]"),
    [`${at(7, 9)} backoff of consumer c has more steps than max_deliver 1; shorten it`],
  ],
  [
    "more replicas than the stream",
    consumer("num_replicas: 5"),
    [`${at(6, 23)} consumer c has more replicas than its stream (3); lower num_replicas or remove it`],
  ],
  [
    "priority groups without policy",
    consumer("priority_groups: [g]"),
    [`${at(6, 9)} priority_groups of consumer c needs a priority_policy; add one or remove it`],
  ],
  ["priority policy without groups", consumer("priority_policy: overflow"), [`${at(6, 26)} priority_policy of consumer c needs priority_groups; add one`]],
  [
    "above the stream's limit",
    {
      [ALL]:
        "streams:\n  - name: A\n    subjects: [a]\n    consumer_limits: { max_ack_pending: 10 }\n    consumers: [{ durable_name: c, max_ack_pending: 11 }]\n",
    },
    [`${at(5, 53)} max_ack_pending of consumer c is above consumer_limits.max_ack_pending 10 of its stream; lower it`],
  ],
  [
    "work queue without explicit acks",
    {
      [ALL]: "streams:\n  - name: A\n    subjects: [a]\n    retention: workqueue\n    consumers: [{ durable_name: c, ack_policy: all, deliver_policy: new }]\n",
    },
    [
      `${at(5, 48)} consumer c of the workqueue stream A needs ack_policy: explicit; write that`,
      `${at(5, 69)} consumer c of the workqueue stream A must start at the beginning; write deliver_policy: all`,
    ],
  ],
  [
    "partitions without a wildcard",
    stream("partitions: 3"),
    [
      `${at(3, 16)} subject "a" of stream A has no wildcard, so all its messages would go to one partition; write for example "a.*", or partition_by: random where order is of no matter`,
    ],
  ],
  [
    "partitions by a wildcard that isn't there",
    { [ALL]: "streams:\n  - name: A\n    subjects: [a.>]\n    partitions: 3\n    partition_by: [2]\n" },
    [`${at(5, 5)} partition_by 2 of stream A: subject "a.>" has 1 wildcard; name only those that all its subjects have`],
  ],
  [
    "partitions by what is neither",
    { [ALL]: "streams:\n  - name: A\n    subjects: [a.>]\n    partitions: 3\n    partition_by: key\n" },
    [`${at(5, 19)} streams[0].partition_by: "key" is not random or a list of wildcards; write random, or for example [1]`],
  ],
  [
    "partition_by alone",
    stream("partition_by: random"),
    [`${at(4, 19)} partition_by of stream A means nothing without partitions; add partitions: or remove it`],
  ],
  ["no partitions at all", stream("partitions: 0"), [`${at(4, 17)} streams[0].partitions: 0 is not a whole number from 1 to 64; write the number alone`]],
  [
    "partitions of a mirror",
    { [ALL]: "streams:\n  - name: A\n    mirror: { name: B }\n    partitions: 2\n" },
    [`${at(3, 5)} stream A has partitions, which take in what is published and nothing else; remove mirror or partitions`],
  ],
  [
    "a stream with a partition's name, one that takes from them, and one with their subjects",
    {
      [ALL]:
        "streams:\n  - { name: A, subjects: [a.>], partitions: 2 }\n  - { name: A-1, subjects: [b] }\n  - { name: C, sources: [{ name: A }] }\n  - { name: D, subjects: [_part.x] }\n  - { name: E, subjects: [a.b.c] }\n",
    },
    [
      `${at(3, 13)} stream A-1 has the name of a partition of stream A; choose another`,
      `${at(4, 34)} stream A has partitions: name each of them (A-0, A-1) as a source`,
      `${at(5, 27)} subject "_part.x" of stream D overlaps "_part.>", which leads to partitions; narrow it`,
      `${at(6, 27)} subject "a.b.c" of stream E overlaps "a.>" of stream A; a message may go to one stream only, narrow one of them`,
    ],
  ],
  [
    "partitions that don't fit",
    { [ALL]: "streams:\n  - { name: A, subjects: [a.>], partitions: 4, max_bytes: 4GB }\n" },
    [`${at(2, 59)} stream A reserves more than jetstream.max_file (10GB), with 4 partitions on a host, each of max_bytes; lower max_bytes or raise max_file`],
  ],
  [
    "partitions on servers that can't",
    { [ALL]: "nats_version: 2.9.25\nallow_vulnerable_version: true\nstreams:\n  - { name: A, subjects: [a.>], partitions: 4 }\n" },
    [`${at(4, 45)} partitions needs nats-server 2.10, and nats_version is 2.9.25; remove it or upgrade first`],
  ],
  ["an ephemeral consumer", stream("consumers: [{ ack_policy: explicit }]"), [`${at(4, 17)} streams[0].consumers[0] has no durable_name; add durable_name:`]],
];

table(t, cases);
