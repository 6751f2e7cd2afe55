import { createInbox, type Msg } from "nats";
import { now } from "./clock.mts";
import type { LoadConnection } from "./types.mts";

/** What a pull asks for. It ends by itself after EXPIRES_MS; a server that says nothing for SILENCE_MS has gone. */
const BATCH = 64;
const EXPIRES_MS = 1000;
const SILENCE_MS = 2500;
const PAUSE_MS = 100;

export interface PullerOptions {
  stream: string;
  durable: string;
  /** each delivery; it is acknowledged right after */
  taken: (data: Uint8Array, sequence: number) => void;
}

export interface Puller {
  /** to be called now and then: asks again where nobody has answered */
  tick(): void;
  stop(): void;
}

/**
 * A pull worker for as long as it is wanted: it outlives its connection's server, the consumer's leader and the meta leader, by
 * asking again. nats.js's own consume() ends where it takes the consumer for gone.
 */
export function puller({ nc }: LoadConnection, { stream, durable, taken }: PullerOptions): Puller {
  const inbox = createInbox();
  const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`;
  const body = JSON.stringify({ batch: BATCH, expires: EXPIRES_MS * 1e6 });
  let heard = 0,
    due = 0,
    left = 0,
    asks = 0,
    stopped = false;
  const ask = (): void => {
    left = BATCH;
    heard = now();
    due = 0;
    // Numbered, so that the end of an earlier pull isn't taken for this one's.
    nc.publish(next, body, { reply: `${inbox}.${++asks}` });
  };
  const take = (message: Msg): void => {
    heard = now();
    if (!message.reply) {
      // 404, 408: nothing there, or the time is over; 409, 503 and others: there is no leader, or it is leaving.
      if (message.subject === `${inbox}.${asks}`) due = now() + (message.headers?.code === 408 || message.headers?.code === 404 ? 0 : PAUSE_MS);
    } else {
      taken(message.data, sequenceIn(message.reply));
      message.respond("+ACK");
      if (--left === 0) due = now();
    }
    if (due && due <= now() && !stopped) ask();
  };
  const subscription = nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (!error && !stopped) take(message);
    },
  });
  return {
    tick: () => {
      if (!stopped && (due ? due <= now() : now() - heard > SILENCE_MS)) ask();
    },
    stop: () => {
      stopped = true;
      subscription.unsubscribe();
    },
  };
}

/**
 * The message's place in the stream, from its reply subject: `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>…`, or, with two
 * tokens more, `$JS.ACK.<domain>.<account hash>.<stream>…` (docs.nats.io, JetStream wire API).
 */
export function sequenceIn(reply: string): number {
  const tokens = reply.split(".");
  return Number(tokens[tokens.length >= 11 ? 7 : 5]);
}
