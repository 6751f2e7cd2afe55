import { compareVersions } from "../nats-install/version.mts";
import type { StreamSpec } from "./stream.mts";

/** Since which release a field is known. Older servers drop it silently, or refuse it. (nats-server's release notes; api levels of jsm.go) */
const STREAM: Record<string, string> = {
  compression: "2.10",
  first_seq: "2.10",
  subject_transform: "2.10",
  metadata: "2.10",
  consumer_limits: "2.10",
  partitions: "2.10",
  allow_msg_ttl: "2.11",
  subject_delete_marker_ttl: "2.11",
  allow_msg_counter: "2.12",
  allow_atomic: "2.12",
  allow_msg_schedules: "2.12",
  persist_mode: "2.12",
  allow_batched: "2.14",
};
const SOURCE: Record<string, string> = { subject_transforms: "2.10", consumer: "2.14" };
const CONSUMER: Record<string, string> = {
  filter_subjects: "2.10",
  metadata: "2.10",
  pause_until: "2.11",
  priority_groups: "2.11",
  priority_policy: "2.11",
  priority_timeout: "2.11",
};
/** Values that came later than their fields. */
const VALUES: Record<string, Record<string, string>> = { priority_policy: { prioritized: "2.12" }, ack_policy: { flow_control: "2.14" } };

export interface TooNew {
  path: (string | number)[];
  text: string;
}

/** The fields of a stream and its consumers that a server of this version doesn't know. */
export function tooNew(stream: StreamSpec, version: string): TooNew[] {
  const look = (value: object, table: Record<string, string>, path: (string | number)[]): TooNew[] =>
    Object.entries(value).flatMap(([field, content]) => {
      const since = VALUES[field]?.[String(content)] ?? table[field];
      if (content === undefined || since === undefined || compareVersions(version, `${since}.0`) >= 0) return [];
      return [
        {
          path: [...path, field],
          text: `${field}${VALUES[field]?.[String(content)] ? `: ${String(content)}` : ""} needs nats-server ${since}, and nats_version is ${version}; remove it or upgrade first`,
        },
      ];
    });
  return [
    ...look(stream, STREAM, []),
    ...(stream.mirror ? look(stream.mirror, SOURCE, ["mirror"]) : []),
    ...(stream.sources ?? []).flatMap((source, i) => look(source, SOURCE, ["sources", i])),
    ...stream.consumers.flatMap((consumer, i) => look(consumer, CONSUMER, ["consumers", i])),
  ];
}
