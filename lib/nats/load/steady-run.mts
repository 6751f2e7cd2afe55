import { randomBytes } from "node:crypto";
import { Book, type Ending } from "./book.mts";
import { now } from "./clock.mts";
import { Outbox } from "./outbox.mts";
import { message, sequenceOf } from "./payload.mts";
import { type Puller, puller } from "./puller.mts";
import { readBack } from "./read-back.mts";
import { Spans, total } from "./spans.mts";
import type { SteadyAccount, SteadyNow } from "./steady-account.mts";
import type { LoadConnections } from "./types.mts";
import type { Watch } from "./watch.mts";

export interface SteadyPlan {
  connections: LoadConnections;
  watcher: Watch;
  /** msg/s of each flow */
  rate: number;
  id: string;
  stream: string;
  durable: string;
  /** what the stream takes */
  subject: string;
  /** of the queue group without a stream */
  queue: string;
}

/** Waits until `done`, or until `progress` hasn't changed for `patience` ms. @returns whether it got done */
export type Wait = (o: { done: () => boolean; progress: () => number; patience: number }) => Promise<boolean>;

const TICK_MS = 5;
const BYTES = 64;
/** After the last message of the queue group: it travels for a moment at most, and what isn't there then won't come. */
const PUSH_PATIENCE_MS = 1500;

/** The moving parts of a steady load: a clock, publishers, workers, and the books. */
export class SteadyRun {
  readonly #plan: SteadyPlan;
  readonly #tag = randomBytes(4).readUInt32LE();
  readonly #stored = new Book();
  readonly #pushed = new Book();
  readonly #spans = new Spans("load", { stored: this.#stored, pushed: this.#pushed });
  readonly #outbox: Outbox;
  readonly #workers: Puller[];
  readonly #queue: { unsubscribe(): void }[];
  readonly #timer: NodeJS.Timeout;
  readonly #window: number;
  readonly #notes = new Map<string, number>();
  #acked = 0;
  #delivered = 0;
  #pushDelivered = 0;
  #heldBack = 0;
  /** when the next message is due, and when the timer is */
  #due = now();
  #expected = now();
  #sending = true;

  constructor(plan: SteadyPlan) {
    const {
      connections: { publishers, workers },
      watcher,
      rate,
      subject,
      id,
      stream,
      durable,
      queue,
    } = plan;
    this.#plan = plan;
    // Five seconds' worth may wait for its acknowledgement; a customer's client has a bound too.
    this.#window = Math.max(100, 5 * rate);
    this.#outbox = new Outbox({
      publishers,
      turn: (i) => watcher.turn(i),
      subject,
      id,
      stored: (number, sequence) => this.#ack(number, sequence),
      refused: (reason) => this.note(`publish refused: ${reason}`),
    });
    this.#workers = workers.map((worker) => puller(worker, { stream, durable, taken: (data, sequence) => this.#take(data, sequence) }));
    this.#queue = workers.map(({ nc }) =>
      nc.subscribe(queue, {
        queue: "workers",
        callback: (error, { data }) => {
          if (!error) this.#takePushed(data);
        },
      }),
    );
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get errors(): { text: string; count: number }[] {
    return [...this.#notes].map(([text, count]) => ({ text, count }));
  }

  /** Bounded, however long it runs: after fifty kinds of errors only known ones are counted. */
  note(text: string): void {
    if (this.#notes.has(text) || this.#notes.size < 50) this.#notes.set(text, (this.#notes.get(text) ?? 0) + 1);
  }

  mark(label: string): void {
    this.#spans.next(label);
  }

  now(): SteadyNow {
    return {
      sent: this.#stored.sent,
      acked: this.#acked,
      waiting: this.#outbox.size,
      delivered: this.#delivered,
      push: { sent: this.#pushed.sent, delivered: this.#pushDelivered },
      sinceAck: now() - this.#spans.gaps.publish.last,
    };
  }

  /** Sends no more, waits for what is under way, and reads the stream back. */
  async finish(
    wait: Wait,
    patience: number,
    interrupted: () => boolean,
  ): Promise<Omit<SteadyAccount, "rate" | "stream" | "replicas" | "reconnects" | "errors">> {
    const { publish, pull, push } = this.#spans.gaps;
    this.#sending = false;
    const stopped = now();
    const pushing = wait({ done: () => this.#pushDelivered === this.#pushed.sent, progress: () => this.#pushDelivered, patience: PUSH_PATIENCE_MS }).then(() =>
      Math.max(push.last, stopped),
    );
    const answered = await wait({ done: () => this.#outbox.size === 0, progress: () => this.#acked, patience });
    const publishing = answered ? publish.last : now();
    const taken = await wait({ done: () => this.#delivered >= this.#acked, progress: () => this.#delivered, patience });
    this.#spans.end({ publish: publishing, pull: taken ? pull.last : now(), push: await pushing });
    const unacked = this.#outbox.size;
    clearInterval(this.#timer);
    for (const worker of this.#workers) worker.stop();
    for (const subscription of this.#queue) subscription.unsubscribe();
    this.#outbox.close();
    const hurried = interrupted();
    const read = await this.#readBack(wait);
    const ending: Ending = { ...("firstSequence" in read && read), hurried };
    const spans = this.#spans.figures(ending);
    return {
      ...total(spans),
      spans,
      unacked,
      heldBack: this.#heldBack,
      hurried,
      lostAt: this.#stored.lostAt(ending),
      ...("failure" in read && { notReadBack: read.failure }),
    };
  }

  /** Tries more than once: its leader may just have gone. */
  async #readBack(wait: Wait): Promise<{ firstSequence: number } | { failure: string }> {
    for (let left = 2; ; left--) {
      try {
        return await readBack(this.#plan.watcher.live(), this.#plan.stream, (data, sequence) => {
          const number = this.#numberOf(data, this.#stored);
          if (number >= 0) this.#stored.find(number, sequence);
        });
      } catch (error) {
        if (left === 0) return { failure: (error as Error).message };
        await wait({ done: () => false, progress: () => 0, patience: 2000 });
      }
    }
  }

  #tick(): void {
    const at = now();
    this.#spans.late(at - this.#expected);
    this.#expected = at + TICK_MS;
    for (; this.#sending && this.#due <= at; this.#due += 1000 / this.#plan.rate) this.#send();
    this.#outbox.again();
    for (const worker of this.#workers) worker.tick();
  }

  #send(): void {
    const { connections, watcher, queue } = this.#plan;
    if (this.#outbox.size < this.#window) {
      const number = this.#stored.next();
      this.#outbox.send(number, message(this.#tag, number, BYTES));
    } else this.#heldBack++;
    const turn = watcher.turn(this.#pushed.sent);
    if (turn >= 0) connections.publishers[turn]!.nc.publish(queue, message(this.#tag, this.#pushed.next(), BYTES));
  }

  #ack(number: number, sequence: number): void {
    if (!this.#stored.ack(number, sequence)) return;
    this.#acked++;
    this.#spans.gaps.publish.beat();
  }

  #take(data: Uint8Array, sequence: number): void {
    const number = this.#numberOf(data, this.#stored);
    if (number < 0) return;
    if (!this.#stored.deliver(number, sequence)) return this.#spans.redelivered();
    this.#delivered++;
    this.#spans.gaps.pull.beat();
  }

  #takePushed(data: Uint8Array): void {
    const number = this.#numberOf(data, this.#pushed);
    if (number < 0) return;
    if (!this.#pushed.deliver(number, 0)) return this.#pushed.twice(number);
    this.#pushDelivered++;
    this.#spans.gaps.push.beat();
  }

  /** @returns -1 for a message that isn't ours */
  #numberOf(data: Uint8Array, { sent }: Book): number {
    const number = sequenceOf(data, this.#tag);
    return number < sent ? number : -1;
  }
}
