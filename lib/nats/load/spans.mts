import type { Book, Ending } from "./book.mts";
import { type Gap, Gaps, longer } from "./gaps.mts";
import type { SteadyFigures } from "./steady-account.mts";

interface Mark {
  stored: number;
  pushed: number;
  at: number;
}
type Measured = Pick<SteadyFigures, "longestPublishGap" | "longestConsumeGap" | "late" | "redelivered">;

/** Divides a load's time at its marks. What became of a message is known at the end only, so here is kept where each span begins. */
export class Spans {
  readonly gaps = { publish: new Gaps(), pull: new Gaps(), push: new Gaps() };
  readonly #books: { stored: Book; pushed: Book };
  readonly #closed: { label: string; from: Mark; to: Mark; measured: Measured }[] = [];
  #label: string;
  #from: Mark;
  #late = 0;
  #redelivered = 0;

  constructor(label: string, books: { stored: Book; pushed: Book }) {
    this.#books = books;
    this.#label = label;
    this.#from = this.#here();
  }

  late(ms: number): void {
    this.#late = Math.max(this.#late, ms);
  }
  redelivered(): void {
    this.#redelivered++;
  }

  next(label: string): void {
    this.#close(this.gaps.publish.cut(), this.gaps.pull.cut(), this.gaps.push.cut());
    this.#label = label;
    this.#from = this.#here();
    this.#late = this.#redelivered = 0;
  }

  /** The end of the last. @param until by flow: when the waiting for more of it ended */
  end(until: { publish: number; pull: number; push: number }): void {
    this.#close(this.gaps.publish.cut(until.publish), this.gaps.pull.cut(until.pull), this.gaps.push.cut(until.push));
  }

  figures(ending: Ending): SteadyFigures[] {
    const { stored, pushed } = this.#books;
    return this.#closed.map(({ label, from, to, measured }) => {
      const s = stored.counts({ from: from.stored, to: to.stored }, ending);
      const p = pushed.counts({ from: from.pushed, to: to.pushed });
      return {
        label,
        from: from.at,
        to: to.at,
        sent: s.sent,
        acked: s.acked,
        ackedLost: s.lost,
        duplicatesStored: s.duplicates,
        delivered: s.delivered,
        push: { sent: p.sent, delivered: p.delivered, lost: p.sent - p.delivered, duplicates: p.duplicates },
        ...measured,
      };
    });
  }

  #here(): Mark {
    return { stored: this.#books.stored.sent, pushed: this.#books.pushed.sent, at: Date.now() };
  }

  #close(publish: Gap, pull: Gap, push: Gap): void {
    const measured = { longestPublishGap: publish, longestConsumeGap: { pull, push }, late: this.#late, redelivered: this.#redelivered };
    this.#closed.push({ label: this.#label, from: this.#from, to: this.#here(), measured });
  }
}

/** All of it, from its spans. */
export function total(spans: readonly SteadyFigures[]): SteadyFigures {
  const sum = (of: (s: SteadyFigures) => number): number => spans.reduce((all, s) => all + of(s), 0);
  const longest = (of: (s: SteadyFigures) => Gap): Gap => spans.map(of).reduce(longer);
  return {
    label: "all",
    from: spans[0]!.from,
    to: spans.at(-1)!.to,
    sent: sum((s) => s.sent),
    acked: sum((s) => s.acked),
    ackedLost: sum((s) => s.ackedLost),
    duplicatesStored: sum((s) => s.duplicatesStored),
    delivered: sum((s) => s.delivered),
    redelivered: sum((s) => s.redelivered),
    push: { sent: sum((s) => s.push.sent), delivered: sum((s) => s.push.delivered), lost: sum((s) => s.push.lost), duplicates: sum((s) => s.push.duplicates) },
    longestPublishGap: longest((s) => s.longestPublishGap),
    longestConsumeGap: { pull: longest((s) => s.longestConsumeGap.pull), push: longest((s) => s.longestConsumeGap.push) },
    late: Math.max(...spans.map((s) => s.late)),
  };
}
