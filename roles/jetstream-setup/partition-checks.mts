import { partitionName } from "../../lib/nats/jetstream/partitions.mts";
import { subjectsOverlap } from "../cluster-config/subject.mts";
import type { Say } from "./checks.mts";
import { INLETS, indexes, isPartitioned, keyTokens, type PartitionedSpec } from "./partitions.mts";
import type { StreamSpec } from "./stream.mts";

/** What of partitions can't be, and what of other streams doesn't go with them. */
export function checkPartitions(streams: readonly StreamSpec[], say: Say, warn: Say): void {
  streams.forEach((stream, i) => {
    if (!isPartitioned(stream)) {
      if (stream.partition_by !== undefined)
        say([i, "partition_by"], `partition_by of stream ${stream.name} means nothing without partitions; add partitions: or remove it`);
      return;
    }
    own(stream, i, say, warn);
    names(stream, streams, say);
  });
  if (!streams.some(isPartitioned)) return;
  streams.forEach((stream, i) => {
    (stream.subjects ?? []).forEach((subject, k) => {
      if (subjectsOverlap(subject, INLETS))
        say([i, "subjects", k], `subject "${subject}" of stream ${stream.name} overlaps "${INLETS}", which leads to partitions; narrow it`);
    });
  });
}

function own(stream: PartitionedSpec, i: number, say: Say, warn: Say): void {
  const { name, subjects = [], partition_by } = stream;
  for (const key of ["mirror", "sources", "subject_transform"] as const)
    if (stream[key]) say([i, key], `stream ${name} has partitions, which take in what is published and nothing else; remove ${key} or partitions`);
  if (!subjects.length && !stream.mirror) say([i, "partitions"], `stream ${name} has partitions and no subjects; add subjects:`);
  if (/[{}]/.test(name)) say([i, "name"], `the name of stream ${name} has braces, which no subject mapping can have; choose another`);
  subjects.forEach((subject, k) => {
    const tokens = keyTokens(subject);
    if (/[{}"\\]/.test(subject))
      say([i, "subjects", k], `subject "${subject}" has braces, quotes or backslashes, which no subject mapping can have; choose another`);
    if (partition_by === "random") return;
    if (!tokens)
      say(
        [i, "subjects", k],
        `subject "${subject}" of stream ${name} has no wildcard, so all its messages would go to one partition; write for example "${subject}.*", or partition_by: random where order is of no matter`,
      );
    else if (partition_by?.some((n) => n > tokens))
      say(
        [i, "partition_by"],
        `partition_by ${Math.max(...partition_by)} of stream ${name}: subject "${subject}" has ${tokens} wildcard${tokens > 1 ? "s" : ""}; name only those that all its subjects have`,
      );
  });
  if (Array.isArray(partition_by) && !partition_by.length) say([i, "partition_by"], `partition_by of stream ${name} is empty; name a wildcard, or remove it`);
  if (stream.allow_atomic)
    warn([i, "allow_atomic"], `allow_atomic of stream ${name}: a batch must stay within one partition, so within one key; see docs/partitions.md`);
}

function names({ name, partitions }: PartitionedSpec, streams: readonly StreamSpec[], say: Say): void {
  const taken = indexes(partitions).map((p) => partitionName(name, p));
  streams.forEach((other, i) => {
    if (taken.includes(other.name) || (isPartitioned(other) && other.name !== name && taken.includes(partitionName(other.name, 0))))
      say([i, "name"], `stream ${other.name} has the name of a partition of stream ${name}; choose another`);
    const origins = [
      ...(other.mirror ? [{ source: other.mirror, path: [i, "mirror"] }] : []),
      ...(other.sources ?? []).map((source, k) => ({ source, path: [i, "sources", k] })),
    ];
    for (const { source, path } of origins)
      if (source.name === name && !source.external)
        say([...path, "name"], `stream ${name} has partitions: name each of them (${taken.slice(0, 2).join(", ")}${partitions > 2 ? " …" : ""}) as a source`);
  });
}
