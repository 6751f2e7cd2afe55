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
  ["an ephemeral consumer", stream("consumers: [{ ack_policy: explicit }]"), [`${at(4, 17)} streams[0].consumers[0] has no durable_name; add durable_name:`]],
];

table(t, cases);
