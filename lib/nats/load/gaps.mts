import { now } from "./clock.mts";

/** A time without an event: how long, and when it began (epoch ms). */
export interface Gap {
  ms: number;
  at: number;
}

/** Measures the longest time between two events, the one still open included; before the first event, only if there is none. Times are `now()`'s. */
export class Gaps {
  #last: number;
  #longest: Gap;
  #begun = false;

  constructor(since = now()) {
    this.#last = since;
    this.#longest = { ms: 0, at: epoch(since) };
  }

  /** when the last event came */
  get last(): number {
    return this.#last;
  }

  /** Something came. */
  beat(at = now()): void {
    if (this.#begun) this.#longest = this.#until(at);
    this.#begun = true;
    this.#last = at;
  }

  /** Ends a measurement and begins the next. A gap that is open counts in both: here up to `at`, in the next from its beginning. */
  cut(at = now()): Gap {
    const longest = this.#until(at);
    this.#longest = { ms: 0, at: epoch(at) };
    return longest;
  }

  #until(at: number): Gap {
    const ms = at - this.#last;
    return ms > this.#longest.ms ? { ms, at: epoch(this.#last) } : this.#longest;
  }
}

export const longer = (a: Gap, b: Gap): Gap => (b.ms > a.ms ? b : a);

const epoch = (at: number): number => Date.now() - (now() - at);
