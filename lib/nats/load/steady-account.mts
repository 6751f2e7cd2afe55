import type { Gap } from "./gaps.mts";

/** How a load stands. */
export interface SteadyNow {
  sent: number;
  acked: number;
  /** published and not yet acknowledged */
  waiting: number;
  delivered: number;
  push: { sent: number; delivered: number };
  /** ms since the last acknowledgement of the stream */
  sinceAck: number;
}

/** What a steady load has to tell of a time: of all of it, or of one span between two marks. A message belongs to the span in which it was first sent. */
export interface SteadyFigures {
  label: string;
  /** epoch ms */
  from: number;
  to: number;
  /** JetStream: messages published, and those of them that the stream acknowledged */
  sent: number;
  acked: number;
  /** acknowledged, and then never delivered to a worker or no longer in the stream: must be 0 */
  ackedLost: number;
  /** messages that lie in the stream twice */
  duplicatesStored: number;
  /** messages that reached a worker, and further deliveries of those: at-least-once allows them */
  delivered: number;
  redelivered: number;
  /** queue group without a stream: at most once, so some may be lost where a node goes */
  push: { sent: number; delivered: number; lost: number; duplicates: number };
  /** longest time between two acknowledgements of the stream */
  longestPublishGap: Gap;
  /** longest time in which no worker got a message */
  longestConsumeGap: { push: Gap; pull: Gap };
  /** how late this machine came to its own schedule at worst, ms: part of every gap */
  late: number;
}

export interface SteadyAccount extends SteadyFigures {
  /** offered msg/s, of each of the two flows */
  rate: number;
  stream: string;
  replicas: number;
  /** numbers of the first few of ackedLost */
  lostAt: number[];
  /** published and, after all patience, neither acknowledged nor refused for good: the publisher knows that it doesn't know */
  unacked: number;
  /** due, but held back while too many were unacknowledged */
  heldBack: number;
  /** it was interrupted: what was under way, nobody waited for */
  hurried: boolean;
  /** why the stream couldn't be read back: ackedLost and duplicatesStored then tell only what the workers saw */
  notReadBack?: string;
  reconnects: number;
  /** what servers and connections told, with how often */
  errors: { text: string; count: number }[];
  /** the spans between marks; one when there was no mark */
  spans: SteadyFigures[];
}

/** What breaks the promise, a line each; none when every message is accounted for. */
export function findings(a: SteadyAccount): string[] {
  const lines: string[] = [];
  if (a.sent === 0) lines.push("the load could send no message");
  if (a.ackedLost > 0)
    lines.push(
      `${n(a.ackedLost)} of ${n(a.acked)} acknowledged messages are lost (numbers ${a.lostAt.join(", ")}${a.ackedLost > a.lostAt.length ? ", …" : ""})`,
    );
  if (a.duplicatesStored > 0) lines.push(`${n(a.duplicatesStored)} messages are stored twice`);
  if (a.unacked > 0 && !a.hurried) lines.push(`${n(a.unacked)} messages were never acknowledged`);
  if (a.push.duplicates > 0) lines.push(`${n(a.push.duplicates)} messages of the queue group were delivered twice`);
  if (a.notReadBack) lines.push(`the stream of the load could not be read back: ${a.notReadBack}`);
  return lines;
}

/** For the `table` event: a row per span, and one for all where there are several. */
export function accountTable(a: SteadyAccount): { columns: string[]; rows: string[][] } {
  const row = (f: SteadyFigures, label: string): string[] => [
    label,
    n(f.acked),
    n(f.ackedLost),
    n(f.duplicatesStored),
    n(f.redelivered),
    `${n(f.push.lost)} of ${n(f.push.sent)}`,
    ms(f.longestPublishGap),
    ms(f.longestConsumeGap.pull),
    ms(f.longestConsumeGap.push),
  ];
  return {
    columns: ["while", "acked", "acked lost", "stored twice", "redelivered", "queue push lost", "publish gap", "pull gap", "push gap"],
    rows: [...a.spans.map((s) => row(s, s.label)), ...(a.spans.length > 1 ? [row(a, "all")] : [])],
  };
}

const n = (value: number): string => value.toLocaleString("en-US");
const ms = ({ ms: value }: Gap): string => (value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`);
