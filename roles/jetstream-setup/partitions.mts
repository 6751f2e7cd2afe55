import { PARTITION_OF, partitionFor, partitionName } from "../../lib/nats/jetstream/partitions.mts";
import { subjectsOverlap } from "../cluster-config/subject.mts";
import type { StreamSpec } from "./stream.mts";

/** A stream as the servers have it. */
export type OneStream = Omit<StreamSpec, "partitions" | "partition_by">;
/** A stream that is declared with partitions. */
export type PartitionedSpec = StreamSpec & { partitions: number };

/** First token of the subjects under which messages travel to their partition; they are stored under their own. */
const INLET = "_part";
const inlet = (stream: string, partition: number | string): string => `${INLET}.${stream}.${partition}`;

export const isPartitioned = (stream: StreamSpec): stream is PartitionedSpec => stream.partitions !== undefined;
export const indexes = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The streams as the servers have them: one with partitions is that many, each with its settings and consumers. */
export const oneByOne = (streams: readonly StreamSpec[]): OneStream[] =>
  streams.flatMap(({ partitions, partition_by: _, ...stream }) =>
    partitions === undefined
      ? [stream]
      : indexes(partitions).map((i) => ({
          ...stream,
          name: partitionName(stream.name, i),
          subjects: [`${inlet(stream.name, i)}.>`],
          subject_transform: { src: `${inlet(stream.name, i)}.>`, dest: ">" },
          metadata: { ...stream.metadata, [PARTITION_OF]: stream.name },
        })),
  );

/** One entry of an account's `mappings`: what is published to `from` goes to one of `to`, chosen by weight where there are several. */
export interface Mapping {
  from: string;
  to: { subject: string; percent: number }[];
}

/** What leads the streams' messages to their partitions. */
export const mappings = (streams: readonly StreamSpec[]): Mapping[] =>
  streams.filter(isPartitioned).flatMap((stream) => (stream.subjects ?? []).flatMap((subject) => (isRandom(stream) ? atRandom : byKey)(stream, subject)));

const isRandom = ({ partition_by }: StreamSpec): boolean => partition_by === "random";

function atRandom({ name, partitions }: PartitionedSpec, subject: string): Mapping[] {
  const share = (i: number): number => Math.floor(100 / partitions) + (i < 100 % partitions ? 1 : 0);
  return [{ from: subject, to: indexes(partitions).map((i) => ({ subject: `${inlet(name, i)}.${numbered(subject)}`, percent: share(i) })) }];
}

/** `partition()` takes the tokens of `*` only, so `>` is written as its first token and, if there is more, the rest. */
function byKey({ name, partitions, partition_by }: PartitionedSpec, subject: string): Mapping[] {
  const froms = subject.endsWith(">") ? [subject.replace(/>$/, "*"), subject.replace(/>$/, "*.>")] : [subject];
  const key = keyOf(subject, partition_by).join(",");
  return froms.map((from) => ({ from, to: [{ subject: `${inlet(name, `{{partition(${partitions},${key})}}`)}.${numbered(from)}`, percent: 100 }] }));
}

/** `a.*.b` → `a.{{wildcard(1)}}.b` */
function numbered(subject: string): string {
  let n = 0;
  return subject
    .split(".")
    .map((token) => (token === "*" ? `{{wildcard(${++n})}}` : token))
    .join(".");
}

/** How many tokens of a subject can be its key: each `*`, and the first token that `>` stands for. */
export const keyTokens = (subject: string): number => subject.split(".").filter((token) => token === "*" || token === ">").length;

/** Which of them are, counted from 1. */
const keyOf = (subject: string, by: StreamSpec["partition_by"]): number[] =>
  Array.isArray(by) ? by : Array.from({ length: keyTokens(subject) }, (_, i) => i + 1);

/** For each partition a subject of the stream that leads there; chosen at random, a partition is none's in particular. */
export function samples(stream: PartitionedSpec): { subject: string; partition: number | "any" }[] {
  const subject = stream.subjects![0]!;
  const filled = (token: string): string => subject.replaceAll(/[*>]/g, token);
  if (isRandom(stream)) return indexes(stream.partitions).map(() => ({ subject: filled("sampan"), partition: "any" as const }));
  const tokens = keyOf(subject, stream.partition_by).length;
  return indexes(stream.partitions).map((partition) => {
    for (let n = 0; ; n++) {
      const token = `sampan-${n}`;
      if (partitionFor(Array<string>(tokens).fill(token), stream.partitions) === partition) return { subject: filled(token), partition };
    }
  });
}

/**
 * Subjects of a user's permission, for the servers: they judge a message by what its subject was mapped to. So whoever may, or may not,
 * publish to a partitioned stream's subject may, or may not, publish to what it becomes.
 */
export const withInlets = (permitted: readonly string[], streams: readonly StreamSpec[]): string[] => [
  ...permitted,
  ...streams
    .filter(isPartitioned)
    .flatMap(({ name, subjects = [] }) => permitted.filter((p) => subjects.some((s) => subjectsOverlap(p, s))).map((p) => `${inlet(name, "*")}.${p}`)),
];

/** Everything under which messages of partitioned streams travel: nobody else's. */
export const INLETS = `${INLET}.>`;
