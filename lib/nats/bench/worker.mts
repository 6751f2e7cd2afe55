import { HEADER, u32 } from "./frames.mts";
import type { Link } from "./link.mts";
import { COUNTER, DELIVERED, type FlowMemory, TAKEN } from "./memory.mts";
import type { Frame } from "./wire.mts";

/** Who takes messages: a queue subscriber or a pull worker. */
export interface Taker {
  /** to be called now and then */
  tick(at: number): void;
  stop(): void;
}

export interface TakerOptions {
  link: Link;
  /** which of the flow's workers */
  index: number;
  memory: FlowMemory;
  tag: number;
  /** ms after the epoch from which latencies count */
  from: number;
  /** clock.mts ms */
  epoch: () => number;
}

/** Notes a delivery. @returns a function to call for each */
export function notes({ link, index, memory, tag, from, epoch }: TakerOptions): (frame: Frame) => void {
  const { ledger, counters, workers, delivery } = memory;
  return ({ data, bodyFrom, bodyTo }) => {
    const n = bodyTo - bodyFrom >= HEADER && u32(data, bodyFrom) === tag ? u32(data, bodyFrom + 4) : -1;
    if (n < 0 || n >= ledger.length) {
      counters[COUNTER.foreign]!++;
      return;
    }
    if (Atomics.or(ledger, n, DELIVERED) & DELIVERED) {
      counters[COUNTER.duplicates]!++;
      return;
    }
    const elapsed = link.at - epoch();
    counters[COUNTER.delivered]!++;
    workers[index]!++;
    memory.second(elapsed, TAKEN);
    const due = u32(data, bodyFrom + 8) / 1000;
    if (due >= from) delivery.record(elapsed - due);
  };
}

/** Takes what the queue group gets. */
export function subscriber(o: TakerOptions, subject: string): Taker {
  const sid = o.link.subscribe(subject, notes(o), "workers");
  return { tick: () => {}, stop: () => o.link.unsubscribe(sid) };
}
