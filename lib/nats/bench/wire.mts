/** A message as it lies in what was received; valid only during the call. Positions are into `data`. */
export interface Frame {
  data: Buffer;
  sid: number;
  subjectFrom: number;
  subjectTo: number;
  /** both 0 without a reply subject */
  replyFrom: number;
  replyTo: number;
  headerFrom: number;
  bodyFrom: number;
  bodyTo: number;
}

export interface WireEvents {
  message(frame: Frame): void;
  /** INFO, with its JSON */
  info(json: string): void;
  ping(): void;
  pong(): void;
  /** -ERR, without its quotes */
  error(text: string): void;
}

const CR = 13;
const SPACE = 32;

/**
 * Reads NATS' client protocol (docs.nats.io, "Client Protocol") from pieces of any size, without an object per message: the load
 * generator must cost less than the servers it loads, and nats.js takes several times as long for a message.
 */
export class Wire {
  readonly #events: WireEvents;
  readonly #frame: Frame = { data: Buffer.alloc(0), sid: 0, subjectFrom: 0, subjectTo: 0, replyFrom: 0, replyTo: 0, headerFrom: 0, bodyFrom: 0, bodyTo: 0 };
  readonly #starts = new Int32Array(6);
  readonly #ends = new Int32Array(6);
  #rest: Buffer | undefined;

  constructor(events: WireEvents) {
    this.#events = events;
  }

  /** @throws on what is no NATS protocol */
  feed(chunk: Buffer): void {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let at = 0;
    while (at < data.length) {
      const next = this.#one(data, at);
      if (next < 0) {
        this.#rest = at === 0 ? data : data.subarray(at);
        return;
      }
      at = next;
    }
  }

  /** @returns where the next one begins, -1 when this one isn't whole yet */
  #one(data: Buffer, at: number): number {
    switch (data[at]) {
      case 0x4d: // MSG
        return this.#message(data, at + 4, false);
      case 0x48: // HMSG
        return this.#message(data, at + 5, true);
      default:
        return this.#line(data, at);
    }
  }

  #line(data: Buffer, at: number): number {
    const end = data.indexOf("\r\n", at);
    if (end < 0) return -1;
    const line = data.toString("latin1", at, end);
    if (line === "PING") this.#events.ping();
    else if (line === "PONG") this.#events.pong();
    else if (line.startsWith("INFO ")) this.#events.info(data.toString("utf8", at + 5, end));
    else if (line.startsWith("-ERR")) this.#events.error(line.slice(5).replaceAll("'", ""));
    else if (line !== "+OK") throw new Error(`not the NATS protocol: ${line.slice(0, 40)}`);
    return end + 2;
  }

  #message(data: Buffer, at: number, withHeaders: boolean): number {
    const starts = this.#starts;
    const ends = this.#ends;
    let words = 0;
    let i = at;
    const { length } = data;
    for (starts[0] = i; i < length; i++) {
      const c = data[i]!;
      if (c === SPACE) {
        ends[words++] = i;
        starts[words] = i + 1;
      } else if (c === CR) {
        ends[words++] = i;
        break;
      }
    }
    const bodyAt = i + 2;
    if (bodyAt > length) return -1;
    const total = number(data, starts[words - 1]!, ends[words - 1]!);
    const next = bodyAt + total + 2;
    if (next > length) return -1;
    const frame = this.#frame;
    const headers = withHeaders ? number(data, starts[words - 2]!, ends[words - 2]!) : 0;
    const withReply = words === (withHeaders ? 5 : 4);
    frame.data = data;
    frame.subjectFrom = starts[0];
    frame.subjectTo = ends[0]!;
    frame.sid = number(data, starts[1]!, ends[1]!);
    frame.replyFrom = withReply ? starts[2]! : 0;
    frame.replyTo = withReply ? ends[2]! : 0;
    frame.headerFrom = bodyAt;
    frame.bodyFrom = bodyAt + headers;
    frame.bodyTo = bodyAt + total;
    this.#events.message(frame);
    return next;
  }
}

/** Decimal digits. */
export function number(data: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + data[i]! - 48;
  return value;
}
