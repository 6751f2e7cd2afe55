import type { NatsConnection } from "nats";
import { type ConsumerInfo, consumers, request, type StreamInfo } from "../jetstream/api.mts";
import type { Config } from "../jetstream/desired.mts";
import { ownMetadata } from "../jetstream/freeze.mts";
import type { SavedStream } from "./manifest.mts";
import { type Subjects, SubjectTally, subjectDifferences } from "./subjects.mts";

/** A stream beside what it shall be. */
export interface Comparison {
  /** what is wrong, a line each */
  wrong: string[];
  /** what differs for a known reason */
  notes: string[];
}

type Expected = Pick<SavedStream, "state" | "deleted" | "messages" | "first" | "last" | "subjects" | "consumers">;

/** After a restore the consumers come one by one, and a new leader counts first. */
const PATIENCE_MS = 15_000;

/** As `compare`, but what is wrong gets some seconds to come right. */
export async function compareInTime(nc: NatsConnection, name: string, expected: Expected): Promise<Comparison> {
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    const comparison = await compare(nc, name, expected);
    if (comparison.wrong.length === 0 || Date.now() > until) return comparison;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/**
 * Compares a stream with what was saved of it: messages, first and last sequence, messages of each subject, each consumer's ack floor.
 * Where the stream itself goes on (age, acknowledgements, a mirror that catches up), only that is let pass, and noted.
 */
export async function compare(nc: NatsConnection, name: string, expected: Expected): Promise<Comparison> {
  const { info, subjects } = await withSubjects(nc, name);
  const { config, state } = info;
  const wrong: string[] = [],
    notes: string[] = [];
  const now = await consumers(nc, name);
  const advanced = expected.consumers.some((c) => (now.find((n) => n.name === c.name)?.ack_floor.stream_seq ?? 0) > c.ackFloor);
  const fed = Boolean(config["mirror"] || config["sources"]);
  const fewer = aged(info, expected)
    ? "had outlived the stream's max_age"
    : config["allow_msg_ttl"]
      ? "had outlived their own time"
      : config["retention"] !== "limits" && advanced
        ? "were acknowledged meanwhile"
        : state.messages >= expected.messages - expected.deleted
          ? "went while the snapshot was taken"
          : undefined;

  if (state.messages < expected.messages && fewer) notes.push(`${expected.messages - state.messages} messages ${fewer}`);
  else if (state.messages > expected.messages && fed) notes.push(`${state.messages - expected.messages} messages came from its origin meanwhile`);
  else if (state.messages !== expected.messages) wrong.push(`messages: ${state.messages} instead of ${expected.messages}`);
  if (state.last_seq !== expected.last && !(fed && state.last_seq > expected.last)) wrong.push(`last sequence: ${state.last_seq} instead of ${expected.last}`);
  if (state.messages === expected.messages) {
    if (expected.messages > 0 && state.first_seq !== expected.first) wrong.push(`first sequence: ${state.first_seq} instead of ${expected.first}`);
    wrong.push(...subjectDifferences(subjects, expected.subjects).slice(0, 5));
  }
  for (const consumer of expected.consumers)
    wrong.push(
      ...consumerDifference(
        consumer,
        now.find((n) => n.name === consumer.name),
        notes,
      ),
    );
  return { wrong, notes };
}

/** Clocks of servers and controller may differ by so much, ms. */
const SKEW_MS = 60_000;

/** Whether age alone explains that messages are missing: they are the oldest ones, and old enough. */
function aged({ config, state, ts }: StreamInfo, expected: Expected): boolean {
  const latest = (ts === undefined ? Date.now() : Date.parse(ts)) - maxAgeMs(config) + SKEW_MS;
  const first = state.messages > 0 ? state.first_seq : expected.last + 1;
  return (
    maxAgeMs(config) > 0 &&
    expected.messages - expected.deleted - state.messages <= first - expected.first &&
    !(timeOf(expected.state[state.messages > 0 ? "first_ts" : "last_ts"]) > latest)
  );
}

/** 0: none */
const maxAgeMs = (config: Config): number => Number(config["max_age"] ?? 0) / 1e6;
/** NaN where it isn't known */
const timeOf = (ts: unknown): number => Date.parse(String(ts));

/** Whether everything in a backup is older than its stream keeps messages: put back, it would be empty. */
export const outlived = ({ config, state, messages }: Pick<SavedStream, "config" | "state" | "messages">): boolean =>
  messages > 0 && maxAgeMs(config) > 0 && timeOf(state["last_ts"]) + maxAgeMs(config) < Date.now();

function consumerDifference({ name, ackFloor, config }: Expected["consumers"][number], now: ConsumerInfo | undefined, notes: string[]): string[] {
  if (!now && !config?.["durable_name"]) {
    notes.push(`consumer ${name}, which isn't durable, has gone`);
    return [];
  }
  if (!now) return [`consumer ${name} is missing`];
  const floor = now.ack_floor.stream_seq;
  if (floor > ackFloor) notes.push(`consumer ${name} has gone on, from ${ackFloor} to ${floor}`);
  return floor < ackFloor ? [`consumer ${name}: ack floor ${floor} instead of ${ackFloor}`] : [];
}

/** A stream with the counts of its subjects, page by page. */
async function withSubjects(nc: NatsConnection, name: string): Promise<{ info: StreamInfo; subjects: Subjects }> {
  const tally = new SubjectTally();
  for (let offset = 0; ; ) {
    const info = await request<StreamInfo & { total?: number; state: { subjects?: Record<string, number> } }>(nc, `stream ${name}`, `STREAM.INFO.${name}`, {
      subjects_filter: ">",
      offset,
    });
    const page = Object.entries(info.state.subjects ?? {});
    for (const [subject, messages] of page) tally.add(subject, messages);
    offset += page.length;
    if (page.length === 0 || offset >= (info.total ?? 0)) return { info, subjects: tally.result };
  }
}

/** A configuration as it was saved, fit to be sent: without what the server says of itself. */
export function sendable<C extends Config>(config: C): C {
  const own = ownMetadata(config);
  return { ...config, metadata: Object.keys(own).length > 0 ? own : undefined };
}
