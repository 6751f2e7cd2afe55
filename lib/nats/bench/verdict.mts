import type { BenchResult, BenchSpec, FlowRound, RoundResult, Verdict } from "./types.mts";

/** Of what was offered, this share may be held back without a word: the last millisecond's. */
const HELD_BACK = 0.01;

/** How late the generator may come to its own schedule without a word, ms (p99). */
const LATE_MS = 20;

const n = (value: number): string => Math.round(value).toLocaleString("en-US");

/** What an engineer has to know first: what failed, then what must be known to read the figures. Pure. */
export function verdict(result: Omit<BenchResult, "verdict">): Verdict[] {
  const lines: Verdict[] = [];
  for (const [i, round] of result.rounds.entries()) {
    const where = result.rounds.length > 1 ? `round ${i + 1}, ` : "";
    for (const flow of round.flows) lines.push(...flowVerdict(flow, result.spec, `${where}${flow.kind}`));
    lines.push(...roundVerdict(round, where));
  }
  for (const { kind, rate, sent } of result.summary) {
    if (lines.some((l) => l.status === "failed" && l.text.includes(kind))) continue;
    const offered = rate.offered === null ? "" : ` of ${n(rate.offered)} offered`;
    lines.push({ status: "ok", text: `${kind}: ${n(rate.delivered.median)} msg/s delivered${offered}; each of ${n(sent)} messages accounted for, none lost` });
  }
  if (result.tunnelled.length)
    lines.push({
      status: "note",
      text: `${result.tunnelled.join(", ")} reached through SSH: the figures are the tunnel's; use --from HOST to measure near the cluster`,
    });
  const order = ["failed", "note", "ok"];
  return lines.sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
}

function* flowVerdict(f: FlowRound, spec: BenchSpec, where: string): Generator<Verdict> {
  const failed = (text: string): Verdict => ({ status: "failed", text: `${where}: ${text}` });
  const note = (text: string): Verdict => ({ status: "note", text: `${where}: ${text}` });
  if (f.sent === 0) yield failed("no message could be sent");
  if (f.lost)
    yield failed(
      `${n(f.lost)} of ${n(f.sent)} messages lost: ${f.kind === "pull" ? "acknowledged by the stream" : "sent"}, and no worker got them (numbers ${f.lostAt.join(", ")}${f.lost > f.lostAt.length ? ", …" : ""})`,
    );
  if (f.lostInWarmUp) yield failed(`${n(f.lostInWarmUp)} messages lost in the warm-up`);
  if (f.rejected) yield failed(`the stream refused ${n(f.rejected)} messages: ${f.rejection ?? "no reason told"}`);
  if (f.backlogGrowth > 0) yield failed(pileUp(f, spec));
  else if (f.waiting)
    yield failed(
      `${n(f.waiting)} messages still waited for a worker ${n(Math.max(10, 2 * spec.seconds))} s after the last was sent: the pull side doesn't keep up`,
    );
  if (f.rate.offered !== null && f.unsent > HELD_BACK * f.planned)
    yield failed(
      `${n(f.unsent)} of ${n(f.planned)} offered messages could not be sent in time: ${f.kind === "pull" ? "the stream's acknowledgements came too late for" : "subscribers were too slow for"} the window of ${n(spec[f.kind]!.window)}`,
    );
  if (f.unacked) yield note(`${n(f.unacked)} messages were never answered by the stream: a leader changed, or a connection was lost`);
  if (f.duplicates) yield note(`${n(f.duplicates)} messages delivered twice${f.redelivered ? ` (${n(f.redelivered)} marked as redelivered)` : ""}`);
  if (f.foreign) yield note(`${n(f.foreign)} foreign messages on this run's subjects`);
}

function pileUp({ samples, backlogGrowth }: FlowRound, { seconds }: BenchSpec): string {
  const seen = samples.filter((s) => s.at >= 0 && s.at < seconds && s.ackPending !== null);
  const [first] = seen;
  const last = seen.at(-1)!;
  return `ack pending went from ${n(first!.ackPending!)} to ${n(last.ackPending!)}, messages not yet delivered from ${n(first!.numPending ?? 0)} to ${n(last.numPending ?? 0)} within ${seconds} s (${n(backlogGrowth)} more each second): the pull side doesn't keep up`;
}

function* roundVerdict({ generator, errors }: RoundResult, where: string): Generator<Verdict> {
  if (generator.bottleneck) yield { status: "note", text: `${where}the generator was the limit, not the cluster: ${generator.why}` };
  if (generator.late > LATE_MS)
    yield {
      status: "note",
      text: `${where}the generator itself came ${n(generator.late)} ms late to its schedule (p99): its machine is busy, and latencies hold that too`,
    };
  for (const text of errors) yield { status: "note", text: `${where}${text}` };
}
