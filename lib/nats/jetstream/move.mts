import type { NatsConnection } from "nats";
import type { Check } from "../health/check.mts";
import { alive } from "../health/consumers.mts";
import { replicas, sequences } from "../health/streams.mts";
import { observe } from "../observe.mts";
import type { ClusterState, StreamState } from "../state.mts";
import type { ClusterTarget, ConnectOptions } from "../target.mts";
import { request } from "./api.mts";

/** A stream of an account. */
export interface StreamName {
  account: string;
  name: string;
}

export interface MoveOptions {
  connect?: ConnectOptions;
  /** until the move must be over, ms (default 1 h: gigabytes may have to be copied) */
  timeoutMs?: number;
  progress?: (text: string) => void;
  signal?: AbortSignal;
}

const POLL_MS = 400;
/** A consumer that isn't whole for so long after its stream is gets a push (nats-server #6838). */
const STUCK_MS = 5000;

/** Servers that hold a replica of a stream by its leader's word, or a copy by their own. */
export const holders = (s: StreamState): string[] => [
  ...new Set([...(s.leader ? [s.leader] : []), ...s.replicas.map((p) => p.name), ...s.copies.map((c) => c.server)]),
];

/** The streams of which a server holds anything, smallest first. */
export const heldBy = (state: ClusterState, server: string): StreamState[] =>
  state.streams.filter((s) => holders(s).includes(server)).sort((a, b) => size(a) - size(b) || a.name.localeCompare(b.name));

/** A move is under way: it has more replicas than it is configured for until the new ones are whole. */
export const inMove = (s: StreamState): boolean => s.leader !== "" && s.replicas.length + 1 > s.config.num_replicas;

/** bytes of the largest copy */
export const size = (s: StreamState): number => Math.max(0, ...s.copies.map((c) => c.bytes));

/**
 * Asks the meta leader to move a stream's replica from one server to another of its choice (least loaded, within the placement). The
 * new replica is made whole before the old one goes: at no time has the stream fewer copies than it is configured for, R1 included.
 * @param sys a connection of the system account
 * @throws JetStreamApiError, e.g. when no other server is fit for it
 */
export async function startMove(sys: NatsConnection, { account, name }: StreamName, from: string): Promise<void> {
  await request(sys, `stream ${name}`, `ACCOUNT.STREAM.MOVE.${account}.${name}`, { server: from });
}

/**
 * Waits until a stream has left a server and is whole: as many replicas as configured, all current, and each of its consumers too. A
 * consumer that stays without its group is stepped down.
 * @param app a connection of the account that holds the streams
 * @throws Error that says what it lacks
 */
export async function untilLeft(
  target: ClusterTarget,
  sys: NatsConnection,
  app: NatsConnection,
  stream: StreamName,
  from: string,
  options: MoveOptions = {},
): Promise<StreamState> {
  const { connect = {}, timeoutMs = 3_600_000, progress = () => {}, signal } = options;
  const started = Date.now();
  let leftSince: number | undefined;
  for (let said = ""; ; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
    signal?.throwIfAborted();
    const state = await observe(target, { ...connect, connection: sys });
    const { lacks, found, consumers } = standing(state, stream, from);
    if (lacks === undefined) return found!;
    if (Date.now() - started > timeoutMs) {
      throw Object.assign(new Error(`stream ${stream.name}: ${lacks} after ${Math.round(timeoutMs / 1000)} s`), {
        next: "the copying goes on by itself; run again, it waits for it",
      });
    }
    if (lacks !== said) progress(lacks);
    said = lacks;
    leftSince = consumers.length ? (leftSince ?? Date.now()) : undefined;
    if (leftSince !== undefined && Date.now() - leftSince > STUCK_MS) {
      leftSince = undefined;
      for (const consumer of consumers) await stepDown(app, stream.name, consumer);
    }
  }
}

/** What a stream lacks to have left a server; `consumers`: those that are all it lacks. */
function standing(state: ClusterState, { account, name }: StreamName, from: string): { lacks?: string; found?: StreamState; consumers: string[] } {
  const found = state.streams.find((s) => s.account === account && s.name === name);
  if (!found) return { lacks: state.failure ?? "no server tells of it", consumers: [] };
  const own: ClusterState = { ...state, streams: [found] };
  const wrong = (checks: readonly Check[]): string | undefined => checks.find((c) => c.status === "failed")?.detail;
  const stream = holders(found).includes(from) ? moving(found, from) : wrong([...replicas(own, {}), ...sequences(own, {})]);
  if (stream !== undefined) return { lacks: stream, found, consumers: [] };
  const bad = found.consumers.filter(
    (c) => wrong(alive({ ...own, streams: [{ ...found, consumers: [c] }] }, {})) !== undefined || c.leader === from || c.replicas.some((p) => p.name === from),
  );
  if (bad.length === 0) return { found, consumers: [] };
  return { lacks: `consumer ${bad.map((c) => c.name).join(", ")} not whole`, found, consumers: bad.map((c) => c.name) };
}

function moving(s: StreamState, from: string): string {
  const fresh = s.replicas.filter((p) => !p.current || p.lag > 0);
  return fresh.length ? `copying to ${fresh.map((p) => `${p.name}${p.lag ? `, ${p.lag} operations behind` : ""}`).join(", ")}` : `still on ${from}`;
}

/** Refused, or without an answer: the next look tells whether it helped. */
const stepDown = (app: NatsConnection, stream: string, consumer: string): Promise<unknown> =>
  request(app, `consumer ${stream} > ${consumer}`, `CONSUMER.LEADER.STEPDOWN.${stream}.${consumer}`, {}, { patienceMs: 2000 }).catch(() => undefined);
