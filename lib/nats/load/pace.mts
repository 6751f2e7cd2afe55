import { now } from "./clock.mts";
import { Latencies } from "./latency.mts";

export interface Plan {
  rate: number;
  seconds: number;
  signal?: AbortSignal;
}

/**
 * Open loop: message i is due at i/rate whatever became of the earlier ones. Sends in a burst what is due each time the 1 ms
 * timer fires, so latencies carry up to 1 ms of the timer's grain. The time over, what `send` still refuses stays unsent.
 */
export class Pacer {
  readonly total: number;
  /** monotonic ms (clock.mts) at which message 0 is due */
  readonly epoch: number;
  /** how late the timer came, ms */
  readonly late = new Latencies();
  sent = 0;
  readonly #plan: Plan;
  readonly #send: (sequence: number, due: number) => boolean;

  /** @param send gets the sequence number and the ms after the epoch at which it is due; false = no room, ask again later */
  constructor(plan: Plan, send: (sequence: number, due: number) => boolean) {
    this.#plan = plan;
    this.#send = send;
    this.total = Math.round(plan.rate * plan.seconds);
    this.epoch = now() + 2;
  }

  /** Sends what is due. Called by the timer, and by whoever just made room. */
  pump(): void {
    const { rate, seconds } = this.#plan;
    const elapsed = Math.min(now() - this.epoch, seconds * 1000);
    const due = Math.min(this.total, Math.floor((elapsed * rate) / 1000) + 1);
    while (this.sent < due && this.#send(this.sent, (this.sent * 1000) / rate)) this.sent++;
  }

  /** @throws the signal's reason */
  async run(): Promise<void> {
    const { seconds, signal } = this.#plan;
    let expected = now() + 1;
    while (this.sent < this.total) {
      signal?.throwIfAborted();
      const at = now();
      this.late.record(at - expected);
      this.pump();
      if (at >= this.epoch + seconds * 1000) break;
      expected = at + 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}
