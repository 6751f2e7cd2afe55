import type { ClusterState, StreamState } from "../state.mts";

/** Metadata of a stream that is one of several partitions: the name under which the inventory declares them together. */
export const PARTITION_OF = "sampan.partition_of";

/** `LOGS-0`: partitions count from 0, as nats-server's `partition()` does. */
export const partitionName = (stream: string, index: number): string => `${stream}-${index}`;

/** The declared stream of which a stream is a partition; undefined for any other stream. */
export const partitionedAs = (config: Readonly<Record<string, unknown>>): string | undefined =>
  (config["metadata"] as Record<string, string> | undefined)?.[PARTITION_OF];

/** The partitions that exist in a cluster, by account and declared name. */
export function partitionGroups(state: ClusterState): { account: string; name: string; streams: StreamState[] }[] {
  const groups = new Map<string, { account: string; name: string; streams: StreamState[] }>();
  for (const stream of state.streams) {
    const name = partitionedAs(stream.config);
    if (name === undefined) continue;
    const key = `${stream.account} ${name}`;
    groups.set(key, { account: stream.account, name, streams: [...(groups.get(key)?.streams ?? []), stream] });
  }
  return [...groups.values()];
}

/** Partitions that exist beyond `count` (0: the stream is declared without any, or not at all): a mapping of `count` sends them no message. */
export const beyond = (streams: readonly StreamState[], name: string, count: number): StreamState[] =>
  streams.filter((s) => !Array.from({ length: count }, (_, i) => partitionName(name, i)).includes(s.name));

/** Where `partition(count,…)` of a subject mapping sends these tokens: FNV-1a of 32 bits over them (server/subject_transform.go). */
export function partitionFor(tokens: readonly string[], count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(tokens.join(""))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % count;
}
