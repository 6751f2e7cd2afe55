import { Histogram } from "./histogram.mts";
import { ACKED, COUNTERS, DELIVERED, type FlowBuffers, lastSecond, REJECTED, secondOf } from "./memory.mts";
import type { Backlog } from "./streams.mts";
import type { BenchSpec, FlowKind, FlowRound, FlowSample, LatencyResult } from "./types.mts";

interface Accounted {
  sent: number;
  acked: number;
  rejected: number;
  unacked: number;
  delivered: number;
  lost: number;
  lostAt: number[];
  lostInWarmUp: number;
}

/** Goes through the ledger: every message that was sent, none inferred from a counter. */
export function account(kind: FlowKind, buffers: FlowBuffers): Accounted {
  const ledger = new Uint8Array(buffers.ledger);
  const publishers = new Float64Array(buffers.publishers);
  const count = publishers.length / 2;
  const sum: Accounted = { sent: 0, acked: 0, rejected: 0, unacked: 0, delivered: 0, lost: 0, lostAt: [], lostInWarmUp: 0 };
  // Pull: what the stream hasn't acknowledged may or may not have been stored.
  const promised = kind === "pull" ? ACKED : 0;
  for (let p = 0; p < count; p++) {
    const sent = publishers[2 * p]!;
    const warm = Math.min(sent, publishers[2 * p + 1]!);
    for (let local = 0; local < sent; local++) {
      const flags = ledger[local * count + p]!;
      const lost = (flags & promised) === promised && !(flags & DELIVERED);
      if (local < warm) {
        if (lost) sum.lostInWarmUp++;
        continue;
      }
      sum.sent++;
      if (flags & ACKED) sum.acked++;
      else if (flags & REJECTED) sum.rejected++;
      else if (kind === "pull") sum.unacked++;
      if (flags & DELIVERED) sum.delivered++;
      if (lost) {
        sum.lost++;
        if (sum.lostAt.length < 5) sum.lostAt.push(local * count + p);
      }
    }
  }
  return sum;
}

/** What all threads have counted. */
export function counted(buffers: FlowBuffers): Record<(typeof COUNTERS)[number], number> {
  const sums = COUNTERS.map((_, i) => buffers.threads.reduce((sum, t) => sum + new Float64Array(t.counters)[i]!, 0));
  return Object.fromEntries(COUNTERS.map((name, i) => [name, sums[i]!])) as Record<(typeof COUNTERS)[number], number>;
}

export function latencyOf(buffers: FlowBuffers, which: "publish" | "delivery" | "late"): LatencyResult {
  const all = new Histogram();
  for (const t of buffers.threads) all.add(new Histogram(t[which]));
  return all.summary();
}

export interface FlowNotes {
  rejection?: string;
  /** by second of the round, the warm-up's included */
  backlog: readonly (Backlog | null)[];
  consumer: Backlog | null;
  partitions: FlowRound["partitions"];
  workers: FlowRound["workers"];
  /** workers were still taking what had been stored when the time for that was over */
  behind: boolean;
}

/** The figures of one flow of a round. */
export function flowRound(kind: FlowKind, spec: BenchSpec, buffers: FlowBuffers, notes: FlowNotes): FlowRound {
  const { rate } = spec[kind]!;
  const counters = counted(buffers);
  const sum = account(kind, buffers);
  const planned = rate === "max" ? sum.sent : Math.round(rate * (spec.warmUp + spec.seconds)) - Math.round(rate * spec.warmUp);
  const samples = samplesOf(spec, buffers, notes.backlog);
  const measured = samples.filter((s) => s.at >= 0 && s.at < spec.seconds);
  const perSecond = (of: (s: FlowSample) => number): number => measured.reduce((all, s) => all + of(s), 0) / spec.seconds;
  const waiting = notes.behind ? Math.min(sum.lost, (notes.consumer?.pending ?? 0) + (notes.consumer?.ackPending ?? 0)) : 0;
  return {
    kind,
    planned,
    ...sum,
    unsent: planned - sum.sent,
    rejection: notes.rejection,
    duplicates: counters.duplicates,
    redelivered: counters.redelivered,
    lost: sum.lost - waiting,
    lostAt: sum.lost > waiting ? sum.lostAt : [],
    waiting,
    foreign: counters.foreign,
    rate: { offered: rate === "max" ? null : rate, sent: perSecond((s) => s.sent), acked: perSecond((s) => s.acked), delivered: perSecond((s) => s.delivered) },
    latency: { publish: kind === "pull" ? latencyOf(buffers, "publish") : null, delivery: latencyOf(buffers, "delivery") },
    samples,
    workers: notes.workers,
    consumer: notes.consumer,
    partitions: notes.partitions,
    backlogGrowth: kind === "pull" ? growth(measured) : 0,
  };
}

/** Up to the last second in which anything happened. */
function samplesOf({ warmUp, seconds }: BenchSpec, buffers: FlowBuffers, backlog: FlowNotes["backlog"]): FlowSample[] {
  const samples: FlowSample[] = [];
  for (let second = 0; second < Math.max(warmUp + seconds, backlog.length, lastSecond(buffers) + 1); second++) {
    const [sent, acked, delivered] = secondOf(buffers, second);
    const { pending = null, ackPending = null } = backlog[second] ?? {};
    samples.push({ at: second - warmUp, sent, acked, delivered, ackPending, numPending: pending });
  }
  return samples;
}

/** Of what was sent in the time a backlog grew, this share doesn't come through; less is the noise of a second. */
const NOISE = 0.02;
/** A backlog of less than this many seconds' messages is what is under way. */
const SLACK = 0.5;

/**
 * Messages per second by which ack pending + num pending grow, over the last two thirds of the measured time (the first is for filling the
 * pipes); 0 when that is noise, or no growth.
 */
export function growth(measured: readonly FlowSample[]): number {
  const seen = measured
    .filter((s) => s.ackPending !== null && s.numPending !== null)
    .map((s) => ({ at: s.at, open: s.ackPending! + s.numPending!, sent: s.sent }));
  const late = seen.slice(Math.floor(seen.length / 3));
  const [first] = late;
  const last = late.at(-1);
  if (!first || !last || late.length < 3) return 0;
  const rising = late.filter((s, i) => i > 0 && s.open > late[i - 1]!.open).length;
  const slope = (last.open - first.open) / (last.at - first.at);
  const sent = late.reduce((sum, s) => sum + s.sent, 0) / late.length;
  return slope > NOISE * sent && last.open > SLACK * sent && rising >= 0.6 * (late.length - 1) ? slope : 0;
}
