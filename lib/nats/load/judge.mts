import type { PullResult, PushResult } from "./types.mts";

/**
 * What is asked of speed and spread: the inventory's verify.thresholds.push or .pull, durations in ms. An absent one is off.
 * Loss, duplicates, redelivery and lost connections fail always and have no threshold.
 */
export interface Thresholds {
  /** delivered msg/s, at least; when less than that is offered, nine tenths of what is offered */
  rate?: number;
  /** from due to delivered, ms at most */
  p50?: number;
  p99?: number;
  p999?: number;
}

/**
 * What each queue subscriber takes at least, as a share of an even share. Servers pick among a queue's local members at
 * random, so all shares are nearly even, on slow machines too. Pull workers take as they can and have no such limit.
 */
const LEAST_SHARE = 0.1;

export interface Line {
  /** what was looked at, the same words in every run: `push: lost` */
  check: string;
  status: "ok" | "failed" | "note";
  text: string;
}

export interface Judgement {
  passed: boolean;
  lines: Line[];
}

/** Pure. Every check has its line, also when it passed; notes never fail. */
export function judge(result: PushResult | PullResult, thresholds: Thresholds = {}): Judgement {
  const lines: Line[] = [];
  const check = (name: string, good: boolean, ok: string, bad: string): void => {
    lines.push({ check: `${result.kind}: ${name}`, status: good ? "ok" : "failed", text: good ? ok : bad });
  };
  const note = (name: string, text: string): void => {
    lines.push({ check: `${result.kind}: ${name}`, status: "note", text });
  };

  if (result.kind === "push") reached(result, check);
  check("sent", result.sent > 0, `${n(result.sent)} messages sent`, "no message could be sent");
  if (result.kind === "pull") stored(result, check);
  check(
    "lost",
    result.lost === 0,
    "none lost",
    `${n(result.lost)} of ${n(result.sent)} messages never reached a worker (numbers ${list(result.lostAt, result.lost)})`,
  );
  check("duplicates", result.duplicates === 0, "none delivered twice", `${n(result.duplicates)} messages delivered twice`);
  check("foreign", result.foreign === 0, "no foreign message", `${n(result.foreign)} messages on ${result.subject} that this run didn't send`);
  if (result.kind === "pull") acknowledged(result, check);
  check("connections", result.errors.length === 0, "all connections held", result.errors.join("; "));
  if (result.kind === "push") spread(result, check);
  speed(result, thresholds, check, note);
  return { passed: lines.every((line) => line.status !== "failed"), lines };
}

type Check = (name: string, good: boolean, ok: string, bad: string) => void;

function reached(r: PushResult, check: Check): void {
  const pairs = r.unreachable.map(({ from, to }) => `${from} → ${to}`).join(", ");
  check("reach", r.unreachable.length === 0, "every publisher reaches every worker", `messages don't get through between nodes: ${pairs}; look at the routes`);
}

function stored(r: PullResult, check: Check): void {
  check("refused", r.rejected === 0, "no publish refused", `${n(r.rejected)} publishes refused by ${r.stream}: ${r.rejection ?? ""}`);
  check("unanswered", r.unacked === 0, "every publish acknowledged", `${n(r.unacked)} publishes never acknowledged by ${r.stream}`);
  check(
    "stored",
    r.stored === r.acked,
    `${n(r.stored)} messages stored ×${r.replicas}`,
    `${r.stream} holds ${n(r.stored)} messages, it acknowledged ${n(r.acked)}`,
  );
}

function acknowledged(r: PullResult, check: Check): void {
  const { pending, ackPending, redelivered } = r.consumer;
  check("redelivered", r.redelivered === 0 && redelivered === 0, "none redelivered", `${n(Math.max(r.redelivered, redelivered))} redeliveries`);
  check(
    "pending",
    pending === 0 && ackPending === 0,
    "nothing left pending",
    `the consumer is left with ${n(pending)} pending and ${n(ackPending)} unacknowledged messages`,
  );
}

function spread(r: PushResult, check: Check): void {
  // With some twenty messages per worker chance alone may leave one nearly empty.
  if (r.delivered < 100 * r.workers.length) return;
  const least = LEAST_SHARE / r.workers.length;
  const idle = r.workers.filter((w) => w.share < least).map((w) => `worker ${w.worker} on ${w.node} took ${n(w.delivered)}`);
  const shares = r.workers.map((w) => w.share * 100);
  check(
    "spread",
    idle.length === 0,
    `${r.workers.length} workers took ${Math.min(...shares).toFixed(0)}–${Math.max(...shares).toFixed(0)} % each`,
    `${idle.join(", ")} of ${n(r.delivered)}`,
  );
}

function speed(r: PushResult | PullResult, limits: Thresholds, check: Check, note: (name: string, text: string) => void): void {
  const { offered, delivered } = r.rate;
  const least = Math.min(limits.rate ?? 0, 0.9 * offered);
  const rate = `${n(delivered)} of ${n(offered)} msg/s offered`;
  check("rate", delivered >= least, rate, `${rate}; at least ${n(least)} wanted`);
  const d = r.latency.delivery;
  const text = `p50 ${ms(d.p50)} · p99 ${ms(d.p99)} · p99.9 ${ms(d.p999)} · max ${ms(d.max)}`;
  const over = (["p50", "p99", "p999"] as const).flatMap((at) => {
    const limit = limits[at];
    return limit !== undefined && d[at] > limit ? [`${at === "p999" ? "p99.9" : at} of at most ${ms(limit)}`] : [];
  });
  check("latency", over.length === 0, text, `${text}; wanted: ${over.join(", ")}`);
  if (r.unsent > 0) note("behind", `${n(r.unsent)} of ${n(r.planned)} planned messages weren't sent: the offered rate was more than could be taken`);
  const { cpu, loop, late, bottleneck } = r.generator;
  const own = `the load generator used ${cpu.toFixed(2)} cores, its loop was busy ${(loop * 100).toFixed(0)} % of the time, ${ms(late)} late at p99`;
  // Its timer is due each millisecond: twenty late means that others had the CPU.
  const short = late > 20 ? "; this machine was short of CPU, which the latencies include" : "";
  note("generator", bottleneck ? `${own}: it may itself have been the limit${short}` : `${own}${short}`);
}

const n = (value: number): string => Math.round(value).toLocaleString("en-US");
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : n(value)} ms`;
const list = (some: readonly number[], all: number): string => some.join(", ") + (all > some.length ? ", …" : "");
