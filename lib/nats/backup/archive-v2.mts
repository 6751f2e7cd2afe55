import type { Visitor, Walk } from "./archive.mts";
import { BadArchive } from "./s2.mts";
import type { Source } from "./source.mts";

export const MAGIC = "NATSARC1";
const RECORDS_A_STEP = 4096;

interface State {
  messages: number;
  first_seq: number;
  last_seq: number;
  consumer_count: number;
}
interface Consumer {
  config?: { name?: string; durable_name?: string };
  state?: { ack_floor?: { stream_seq?: number }; delivered?: { stream_seq?: number } };
}

/**
 * The archive that nats-server writes from 2.15 on (server/stream_backup.go): state.json, the consumers, then message by message, and
 * an empty entry at the end. An entry is: length of its name, time, sequence, length of headers and payload, all varints; name; bytes.
 */
export function* walkV2(source: Source, visitor: Visitor): Walk {
  source.skip(MAGIC.length);
  for (let n = 1; ; n++) {
    const named = source.uvarint();
    source.uvarint();
    const seq = source.uvarint();
    const size = source.uvarint() + source.uvarint();
    const name = source.take(named).toString("utf8");
    if (n === 1) {
      if (name !== "state.json") throw new BadArchive("it doesn't begin with the stream's state");
      visitor.state(JSON.parse(source.take(size).toString("utf8")) as State);
    } else if (seq > 0) {
      visitor.message(seq, name, false);
      source.skip(size);
    } else if (name.startsWith("consumers/")) {
      const { state } = JSON.parse(source.take(size).toString("utf8")) as Consumer;
      visitor.consumer({ name: name.slice("consumers/".length), ackFloor: state?.ack_floor?.stream_seq ?? 0, delivered: state?.delivered?.stream_seq ?? 0 });
    } else if (name === "" && size === 0) {
      if (!source.atEnd) throw new BadArchive("something follows its end");
      return;
    } else {
      throw new BadArchive(`it has an entry "${name}" of unknown kind`);
    }
    if (n % RECORDS_A_STEP === 0) yield;
  }
}
