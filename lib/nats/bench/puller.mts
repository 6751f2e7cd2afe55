import { now } from "../load/clock.mts";
import { COUNTER } from "./memory.mts";
import type { PullSpec } from "./types.mts";
import type { Frame } from "./wire.mts";
import { notes, type Taker, type TakerOptions } from "./worker.mts";

/** A pull ends by itself after EXPIRES_MS; a server that says nothing for SILENCE_MS has gone. */
const EXPIRES_MS = 1000;
const SILENCE_MS = 2500;
const PAUSE_MS = 100;

const ACK = Buffer.from(" 4\r\n+ACK\r\n");
const PUB = Buffer.from("PUB ");

export interface PullerOptions extends TakerOptions {
  stream: string;
  durable: string;
  pull: PullSpec;
  inbox: string;
}

/**
 * A worker that shares a durable: it keeps two requests for `batch` messages open, so that one is being filled while it works on the
 * other. It asks again when its server, or the consumer's leader, has gone.
 */
export function puller(o: PullerOptions): Taker {
  const { link, memory, pull, stream, durable, inbox } = o;
  const { counters } = memory;
  const note = notes(o);
  const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`;
  const body = JSON.stringify({ batch: pull.batch, expires: EXPIRES_MS * 1e6 });
  /** of the open requests: how many messages are still to come, the oldest first */
  let open: { id: number; left: number }[] = [];
  let asks = 0;
  let heard = now();
  let pausedUntil = 0;
  let unacked: Buffer | undefined;
  let sinceAck = 0;

  const ask = (): void => {
    if (!link.up || pausedUntil > now()) return;
    while (open.length < 2) {
      open.push({ id: ++asks, left: pull.batch });
      link.text(`PUB ${next} ${inbox}.${asks} ${body.length}\r\n${body}\r\n`);
    }
  };
  const acknowledge = (data: Uint8Array, from: number, to: number): void => {
    const length = to - from;
    const at = link.room(PUB.length + length + ACK.length);
    link.buffer.set(PUB, at);
    link.buffer.set(data.subarray(from, to), at + PUB.length);
    link.buffer.set(ACK, at + PUB.length + length);
  };
  const acknowledgeAll = (): void => {
    if (unacked) acknowledge(unacked, 0, unacked.length);
    unacked = undefined;
    sinceAck = 0;
  };
  const status = ({ data, subjectFrom, subjectTo, headerFrom, bodyFrom }: Frame): void => {
    const id = Number(data.toString("latin1", subjectFrom + inbox.length + 1, subjectTo));
    const code = data.toString("latin1", headerFrom + 9, Math.min(headerFrom + 12, bodyFrom));
    // 404, 408: nothing there, or its time is over. 409, 503 and others: there is no leader, or it is leaving.
    if (code !== "404" && code !== "408") pausedUntil = link.at + PAUSE_MS;
    open = open.filter((r) => r.id !== id);
    acknowledgeAll();
    ask();
  };
  const sid = link.subscribe(`${inbox}.*`, (frame) => {
    heard = link.at;
    if (frame.replyTo === 0) return status(frame);
    if (isRepeated(frame)) counters[COUNTER.redelivered]!++;
    note(frame);
    if (pull.ack === "explicit") acknowledge(frame.data, frame.replyFrom, frame.replyTo);
    else if (pull.ack === "all") {
      sinceAck++;
      if (sinceAck === pull.batch) acknowledge(frame.data, frame.replyFrom, frame.replyTo);
      // Copied, as what was received is only there during the call.
      unacked = sinceAck === pull.batch ? undefined : Buffer.from(frame.data.subarray(frame.replyFrom, frame.replyTo));
      sinceAck %= pull.batch;
    }
    const [first] = open;
    if (first && --first.left <= 0) {
      open.shift();
      ask();
    }
  });
  link.changed = (up) => {
    open = [];
    if (up) ask();
  };
  return {
    tick: (at) => {
      if (at - heard > SILENCE_MS) {
        open = [];
        heard = at;
      }
      if (open.length < 2) ask();
      link.flush();
    },
    stop: () => {
      acknowledgeAll();
      link.unsubscribe(sid);
      link.changed = () => {};
    },
  };
}

const DOT = 46;
const ONE = 49;

/**
 * Whether the server has delivered it before, from its reply subject: `$JS.ACK.<stream>.<consumer>.<delivered>.…`, or, with two tokens
 * more, `$JS.ACK.<domain>.<account hash>.<stream>.<consumer>.<delivered>.…` (docs.nats.io, JetStream wire API).
 */
function isRepeated({ data, replyFrom, replyTo }: Frame): boolean {
  let dots = 0;
  let fifth = 0;
  let seventh = 0;
  for (let i = replyFrom; i < replyTo; i++) {
    if (data[i] !== DOT) continue;
    dots++;
    if (dots === 4) fifth = i + 1;
    if (dots === 6) seventh = i + 1;
  }
  const at = dots >= 10 ? seventh : fifth;
  return !(data[at] === ONE && data[at + 1] === DOT);
}
