import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";

/** How long a reading may stay without a message, ms. */
const PATIENCE_MS = 10_000;

/**
 * Reads a whole stream from its beginning to where it ends now. Nobody may be publishing any more.
 * @returns the first sequence number that it held: what is older has aged out
 * @throws when it can't be read to its end
 */
export async function readBack(nc: NatsConnection, stream: string, found: (data: Uint8Array, sequence: number) => void): Promise<{ firstSequence: number }> {
  const jsm = await jetstreamManager(nc, { timeout: PATIENCE_MS, checkAPI: false });
  const { state } = await jsm.streams.info(stream);
  const consumer = await jetstream(nc, { timeout: PATIENCE_MS }).consumers.get(stream, { deliver_policy: "all" });
  for (let last = state.first_seq - 1; state.messages > 0 && last < state.last_seq; ) {
    let pending = -1;
    for await (const message of await consumer.fetch({ max_messages: 2000, expires: PATIENCE_MS })) {
      found(message.data, message.seq);
      last = message.seq;
      pending = message.info.pending;
      // Its end may have been removed since.
      if (pending === 0) return { firstSequence: state.first_seq };
    }
    if (pending < 0) throw new Error(`${stream} stopped answering at message ${last} of ${state.last_seq}`);
  }
  return { firstSequence: state.first_seq };
}
