import type { NatsConnection } from "nats";
import { JetStreamApiError } from "../errors.mts";
import type { ClusterInfo } from "../system.mts";
import type { Config } from "./desired.mts";

export interface StreamInfo {
  config: Config & { name: string; num_replicas: number };
  cluster?: ClusterInfo;
  state: { messages: number; bytes: number; first_seq: number; last_seq: number; consumer_count: number };
  /** the server's time, ISO; from 2.10 on */
  ts?: string;
}
export interface ConsumerInfo {
  stream_name: string;
  name: string;
  config: Config;
  cluster?: ClusterInfo;
  num_ack_pending: number;
  num_pending: number;
  ack_floor: SequencePair;
  delivered: SequencePair;
}
interface SequencePair {
  consumer_seq: number;
  stream_seq: number;
}

interface ApiError {
  code: number;
  err_code: number;
  description: string;
}

/** nats-server's err_code (server/errors.json) */
const NOT_FOUND = { stream: 10059, consumer: 10014 };
/** no meta leader right now, or none of the account's JetStream yet */
const UNAVAILABLE = new Set([10008, 10039, 10120]);
/** no suitable peers for placement; the description says why */
const NO_PEERS = 10005;

export interface ApiOptions {
  /** how long to ask again while JetStream has no leader, ms (default 15000) */
  patienceMs?: number;
}

/**
 * One request to `$JS.API.<subject>`; nats.js's manager isn't used because it keeps only the fields it knows. All requests here may be
 * repeated, and are while JetStream is between leaders.
 * @throws JetStreamApiError when the server says no, with the asset's name; Error when nobody answers in time
 */
export async function request<T>(nc: NatsConnection, asset: string, subject: string, body: unknown = {}, { patienceMs = 15_000 }: ApiOptions = {}): Promise<T> {
  const until = Date.now() + patienceMs;
  for (;;) {
    let reason: string;
    try {
      const answer = (await nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: Math.min(5000, patienceMs) })).json<T & { error?: ApiError }>();
      if (!answer.error) return answer;
      const error = new JetStreamApiError(asset, answer.error);
      // A peer that has joined a moment ago still counts as offline until the leader has its first report.
      const joining = error.errCode === NO_PEERS && /peer offline/.test(error.description);
      if (!UNAVAILABLE.has(error.errCode) && !joining) throw error;
      reason = error.description;
    } catch (error) {
      if (error instanceof JetStreamApiError || nc.isClosed()) throw error;
      reason =
        error instanceof Error && /no ?responders/i.test(`${error.name} ${error.message}`)
          ? "nobody answers: is JetStream enabled for this account?"
          : "no answer in time";
    }
    if (Date.now() >= until)
      throw new Error(
        `${asset}: JetStream API ${subject.split(".").slice(0, 2).join(".")}: ${reason}. Check that a majority of the JetStream nodes runs (--role verify)`,
      );
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** The same, asked once only: for what mustn't be repeated, or takes its time. @throws as `request` does */
export async function requestOnce<T>(nc: NatsConnection, asset: string, subject: string, body: unknown, timeoutMs: number): Promise<T> {
  const answer = await nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: timeoutMs }).then(
    (m) => m.json<T & { error?: ApiError }>(),
    (error: Error) => {
      throw new Error(
        `${asset}: JetStream API ${subject.split(".").slice(0, 2).join(".")}: ${/no ?responders/i.test(`${error.name} ${error.message}`) ? "nobody answers" : `no answer in ${timeoutMs / 1000} s`}. Check that a majority of the JetStream nodes runs (--role verify)`,
      );
    },
  );
  if (answer.error) throw new JetStreamApiError(asset, answer.error);
  return answer;
}

export const streamInfo = (nc: NatsConnection, name: string, options?: ApiOptions): Promise<StreamInfo | undefined> =>
  found(request<StreamInfo>(nc, `stream ${name}`, `STREAM.INFO.${name}`, {}, options), NOT_FOUND.stream);

/** undefined also when the stream isn't there. */
export const consumerInfo = (nc: NatsConnection, stream: string, name: string, options?: ApiOptions): Promise<ConsumerInfo | undefined> =>
  found(request<ConsumerInfo>(nc, `consumer ${stream} > ${name}`, `CONSUMER.INFO.${stream}.${name}`, {}, options), NOT_FOUND.stream, NOT_FOUND.consumer);

export const streamNames = (nc: NatsConnection): Promise<string[]> => pages<string>(nc, "streams", "STREAM.NAMES", "streams");

/** All consumers of a stream that answer. */
export const consumers = (nc: NatsConnection, stream: string): Promise<ConsumerInfo[]> =>
  pages<ConsumerInfo>(nc, `consumers of ${stream}`, `CONSUMER.LIST.${stream}`, "consumers");

/** Names also of consumers that don't answer. */
export const consumerNames = (nc: NatsConnection, stream: string): Promise<string[]> =>
  pages<string>(nc, `consumers of ${stream}`, `CONSUMER.NAMES.${stream}`, "consumers");

async function pages<T>(nc: NatsConnection, asset: string, subject: string, list: string): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await request<{ total: number } & Record<string, T[] | null>>(nc, asset, subject, { offset: all.length });
    const items = page[list] ?? [];
    all.push(...items);
    if (items.length === 0 || all.length >= page.total) return all;
  }
}

async function found<T>(answer: Promise<T>, ...absent: number[]): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof JetStreamApiError && absent.includes(error.errCode)) return undefined;
    throw error;
  }
}
