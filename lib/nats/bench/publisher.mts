import { now } from "../load/clock.mts";
import { FastIngest } from "./fast-ingest.mts";
import { patch, type Template, template } from "./frames.mts";
import type { Link } from "./link.mts";
import { ACKED, COUNTER, type FlowMemory, GIVEN_UP, REJECTED, SENT, STORED } from "./memory.mts";
import type { Subjects } from "./round.mts";
import type { FlowSpec, PullSpec } from "./types.mts";
import { type Frame, number } from "./wire.mts";

/** An answer that hasn't come by then isn't waited for any more: its server may have gone, and its place is needed. ms */
const ANSWER_MS = 5000;
/** Of the flow's window: what is under way and doesn't get less for so long is lost, and its room free again. ms */
const STUCK_MS = 2000;
/** Between two looks at the clock in a closed loop. */
const BURST = 32;

export interface PublisherOptions {
  link: Link;
  /** which of the flow's publishers */
  index: number;
  spec: FlowSpec;
  /** absent: push, without acknowledgements */
  pull?: PullSpec;
  subjects: Subjects;
  memory: FlowMemory;
  tag: number;
  inbox: string;
  /** seconds */
  warmUp: number;
  seconds: number;
  /** told once */
  rejected: (reason: string) => void;
}

/**
 * One connection that publishes every P-th message of a flow (P publishers): message n of the flow is its message n div P. Open loop: n is
 * due at n/rate whatever became of the others. Closed loop: as soon as the window has room.
 */
export class Publisher {
  readonly #o: PublisherOptions;
  readonly #templates: Template[][];
  readonly #rate: number;
  readonly #total: number;
  readonly #window: number;
  /** of the messages not yet answered, by their number modulo its size */
  readonly #dues: Float64Array;
  readonly #sentAt: Float64Array;
  readonly #inbox: number | undefined;
  readonly #fast: FastIngest | undefined;
  #epoch = 0;
  #next = 0;
  #oldest = 0;
  #open = 0;
  #forgiven = 0;
  #delivered = 0;
  #since = 0;
  #refused = false;

  constructor(o: PublisherOptions) {
    this.#o = o;
    const { spec, pull, subjects, memory, tag, inbox, link } = o;
    this.#templates = subjects.partitions.map(({ prefix }) =>
      Array.from({ length: spec.subjects }, (_, i) => template(`${prefix}.${i}`, pull ? inbox : "", tag, spec.payload)),
    );
    const { rate, publishers } = spec;
    this.#rate = rate === "max" ? 0 : rate;
    const all = this.#rate ? Math.round(this.#rate * (o.warmUp + o.seconds)) : memory.ledger.length;
    this.#total = Math.max(0, Math.floor((all - 1 - o.index) / publishers) + 1);
    this.#window = Math.max(1, Math.floor(spec.window / publishers));
    const places = pull ? 2 ** Math.ceil(Math.log2(4 * this.#window)) : 0;
    this.#dues = new Float64Array(places);
    this.#sentAt = new Float64Array(places);
    // Of an open loop it is known before; a closed one's warm-up ends when its time does.
    memory.publishers[2 * o.index + 1] = this.#rate ? this.#before(Math.round(this.#rate * o.warmUp)) : 0;
    if (pull?.ingest === "fast") {
      const prefixes = subjects.partitions.map((p) => p.prefix);
      this.#fast = new FastIngest({ inbox, prefixes, subjects: spec.subjects, tag, payload: spec.payload, window: this.#window });
      this.#inbox = link.subscribe(`${inbox}.>`, (frame) => this.#answerFast(frame));
    } else if (pull) {
      const at = inbox.length + 1;
      this.#inbox = link.subscribe(`${inbox}.*`, (frame) => this.#answer(frame, at));
    }
    link.changed = () => {
      this.#giveUp(this.#next);
      this.#fast?.restart();
    };
  }

  /** Its time is over. */
  over = false;

  /** How many of its messages have a number below n. */
  #before(n: number): number {
    return Math.max(0, Math.floor((n - 1 - this.#o.index) / this.#o.spec.publishers) + 1);
  }

  start(epoch: number): void {
    this.#epoch = epoch;
    this.#since = epoch;
    // An answer makes room.
    this.#o.link.taken = () => this.pump(this.#o.link.at);
  }

  /** Sends what is due and has room. */
  pump(at: number): void {
    if (this.over) return;
    const { seconds, warmUp, link, pull } = this.#o;
    const elapsed = at - this.#epoch;
    const end = (warmUp + seconds) * 1000;
    if (pull) this.#expire(at);
    if (this.#rate) this.#pumpOpen(Math.min(elapsed, end), at);
    else if (elapsed < end) this.#pumpClosed(end);
    this.over = elapsed >= end || this.#next >= this.#total;
    if (this.over) for (const frame of this.#fast?.end() ?? []) link.put(frame);
    link.flush();
  }

  stop(): void {
    this.#o.link.taken = () => {};
    if (this.#inbox !== undefined) this.#o.link.unsubscribe(this.#inbox);
    this.#o.link.changed = () => {};
  }

  #pumpOpen(elapsed: number, at: number): void {
    const { index, spec } = this.#o;
    const due = Math.min(this.#total, this.#before(Math.floor((elapsed * this.#rate) / 1000) + 1));
    const before = this.#next;
    for (let room = this.#room(at); this.#next < due && room > 0 && this.#fits(); room--) {
      const n = this.#next * spec.publishers + index;
      this.#send(n, (n * 1000) / this.#rate, at);
    }
    this.#count(elapsed, this.#next - before);
  }

  #pumpClosed(end: number): void {
    const { index, spec, warmUp, memory } = this.#o;
    for (let room = this.#room(now()); room > 0 && this.#next < this.#total && this.#fits(); ) {
      const at = now();
      const elapsed = at - this.#epoch;
      if (elapsed >= end) break;
      if (elapsed < warmUp * 1000) memory.publishers[2 * index + 1] = this.#next + Math.min(BURST, room);
      const before = this.#next;
      for (let i = 0; i < BURST && room > 0 && this.#next < this.#total && this.#fits(); i++, room--)
        this.#send(this.#next * spec.publishers + index, elapsed, at);
      this.#count(elapsed, this.#next - before);
      if (this.#o.link.full) break;
    }
  }

  /** How many messages may go out now. */
  #room(at: number): number {
    const { link, spec, pull, memory } = this.#o;
    if (!link.up || link.full) return 0;
    if (!pull) return this.#flowRoom(at, spec.window, memory.sum("sent"));
    const own = Math.min(this.#window - this.#open, this.#dues.length - (this.#next - this.#oldest));
    return this.#rate ? own : Math.min(own, this.#flowRoom(at, pull.backlog, memory.sum("acked")));
  }

  /** Room as far as what went in must come out again. What is lost would fill it for ever, so it is forgiven after a while. */
  #flowRoom(at: number, most: number, gone: number): number {
    const { memory, spec } = this.#o;
    const delivered = memory.sum("delivered");
    if (delivered !== this.#delivered) {
      this.#delivered = delivered;
      this.#since = at;
    }
    const left = most - (gone - delivered - this.#forgiven);
    if (left <= 0 && at - this.#since > STUCK_MS) this.#forgiven = gone - delivered;
    return Math.ceil(left / spec.publishers);
  }

  /** Each publisher begins elsewhere, so that the partitions get the same at all times. */
  #partition(local: number): number {
    return (local + this.#o.index) % this.#templates.length;
  }

  #fits(): boolean {
    return !this.#fast || this.#fast.room(this.#partition(this.#next));
  }

  #send(n: number, due: number, at: number): void {
    const { link } = this.#o;
    const local = this.#next++;
    const partition = this.#partition(local);
    const subject = Math.floor(local / this.#templates.length) % this.#o.spec.subjects;
    const { frame: chosen, sequence } = this.#fast?.next(partition, subject, local) ?? { frame: this.#templates[partition]![subject]!, sequence: n };
    if (this.#dues.length) {
      const place = local & (this.#dues.length - 1);
      this.#dues[place] = due;
      this.#sentAt[place] = at;
      this.#open++;
    }
    const from = link.put(chosen.bytes);
    patch(link.buffer, from, chosen, n, due, sequence);
  }

  #count(elapsed: number, sent: number): void {
    const { memory, index } = this.#o;
    memory.counters[COUNTER.sent]! += sent;
    memory.publishers[2 * index] = this.#next;
    memory.second(elapsed, SENT, sent);
  }

  #answer(frame: Frame, digitsAt: number): void {
    const { index, spec } = this.#o;
    const { data, bodyFrom, bodyTo } = frame;
    const n = number(data, frame.subjectFrom + digitsAt, frame.subjectTo);
    const local = (n - index) / spec.publishers;
    if (local >= this.#next) return;
    // A PubAck is {"stream":…} or {"error":…}: told apart by its third byte, read only when it refuses.
    const stored = data[bodyFrom + 2] === 0x73;
    this.#answered(local, stored, () => refusal(data.toString("utf8", bodyFrom, bodyTo)));
  }

  #answerFast(frame: Frame): void {
    const told = this.#fast!.answer(frame);
    if (told?.kind === "stored") for (let local = told.first; local <= told.last; local += told.step) this.#answered(local, true);
    else if (told && !this.#refused) {
      this.#refused = true;
      this.#o.rejected(told.reason);
    }
  }

  #answered(local: number, stored: boolean, why = (): string => ""): void {
    const { memory, index, spec, link, warmUp } = this.#o;
    const n = local * spec.publishers + index;
    const known = Atomics.or(memory.ledger, n, stored ? ACKED : REJECTED);
    if (known & (ACKED | REJECTED)) return;
    if (!(known & GIVEN_UP)) this.#open--;
    if (!stored) {
      memory.counters[COUNTER.rejected]!++;
      if (!this.#refused) this.#o.rejected(why());
      this.#refused = true;
      return;
    }
    const elapsed = link.at - this.#epoch;
    memory.counters[COUNTER.acked]!++;
    memory.second(elapsed, STORED);
    const due = known & GIVEN_UP ? -1 : this.#dues[local & (this.#dues.length - 1)]!;
    if (due >= warmUp * 1000) memory.publish.record(elapsed - due);
  }

  /** Forgets the oldest: those that were answered, and those that have waited too long. */
  #expire(at: number): void {
    const { memory, index, spec } = this.#o;
    const mask = this.#dues.length - 1;
    for (; this.#oldest < this.#next; this.#oldest++) {
      const flags = memory.ledger[this.#oldest * spec.publishers + index]!;
      if (flags & (ACKED | REJECTED | GIVEN_UP)) continue;
      if (at - this.#sentAt[this.#oldest & mask]! < ANSWER_MS) return;
      this.#giveUp(this.#oldest + 1);
    }
  }

  /** Waits no longer for those before `end`. */
  #giveUp(end: number): void {
    const { memory, index, spec, pull } = this.#o;
    if (!pull) return;
    for (let local = this.#oldest; local < end; local++) {
      if (Atomics.or(memory.ledger, local * spec.publishers + index, GIVEN_UP) & (ACKED | REJECTED | GIVEN_UP)) continue;
      this.#open--;
      memory.counters[COUNTER.givenUp]!++;
    }
  }
}

function refusal(body: string): string {
  if (body === "") return "no server answers for the stream (503)";
  try {
    const { error } = JSON.parse(body) as { error?: { code: number; description: string } };
    if (error) return `${error.description} (${error.code})`;
  } catch {
    // told below
  }
  return `not an acknowledgement: ${body.slice(0, 60)}`;
}
