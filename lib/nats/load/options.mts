import { randomBytes } from "node:crypto";
import { UsageError } from "../../inventory/types.mts";
import { HEADER } from "./payload.mts";
import type { LoadConnections, LoadOptions } from "./types.mts";

/** One byte of memory is spent per message, and a u32 of microseconds must hold the run. */
const MOST_MESSAGES = 50_000_000;
const MOST_SECONDS = 3600;

export type Settled = Required<Omit<LoadOptions, "signal" | "window">> & { signal?: AbortSignal; window?: number; tag: number };

/** Fills in the defaults. @throws UsageError */
export function settle({ publishers, workers }: LoadConnections, o: LoadOptions): Settled {
  const settled = {
    rate: o.rate ?? 20_000,
    seconds: o.seconds ?? 3,
    payload: o.payload ?? 128,
    base: o.base ?? "_sampan.verify",
    id: o.id ?? randomBytes(6).toString("hex"),
    patience: o.patience ?? 10_000,
    signal: o.signal,
    window: o.window,
    tag: randomBytes(4).readUInt32LE(),
  };
  const wrong: string[] = [];
  const { rate, seconds, payload, id } = settled;
  if (!(rate > 0) || !(seconds > 0)) wrong.push(`load: rate ${rate} and seconds ${seconds}; both must be above 0`);
  if (seconds > MOST_SECONDS || rate * seconds > MOST_MESSAGES) {
    wrong.push(`load: ${rate} msg/s for ${seconds} s; keep below ${MOST_MESSAGES} messages and ${MOST_SECONDS} s`);
  }
  if (payload < HEADER + 4) wrong.push(`load: payload of ${payload} bytes; use ${HEADER + 4} or more, a message carries its number and time`);
  if (!/^[a-z0-9]+$/.test(id)) wrong.push(`load: id ${id}; use a-z and 0-9 only, it becomes part of a stream's name`);
  if (publishers.length === 0 || workers.length === 0) wrong.push("load: needs at least one publisher and one worker");
  if (wrong.length) throw new UsageError(wrong);
  return settled;
}
