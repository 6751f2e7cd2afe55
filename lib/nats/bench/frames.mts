/**
 * A message begins with 12 bytes, little endian: tag of the round, number, microseconds after the round's epoch at which it was due (as
 * ../load/payload.mts has it).
 */
export const HEADER = 12;

/** Digits of a message's number in its reply subject. */
export const DIGITS = 10;

/** A publish as bytes, but for what differs from message to message. */
export interface Template {
  bytes: Buffer;
  /** where the number's digits go; 0: no reply is asked for */
  digitsAt: number;
  bodyAt: number;
}

/** @param inbox begins the reply subject, its next token is the message's number, and `after` follows; empty: no reply */
export function template(subject: string, inbox: string, tag: number, payload: number, after = ""): Template {
  const head = inbox ? `PUB ${subject} ${inbox}.${"0".repeat(DIGITS)}${after} ${payload}\r\n` : `PUB ${subject} ${payload}\r\n`;
  const bytes = Buffer.concat([Buffer.from(head), Buffer.alloc(payload, "x"), Buffer.from("\r\n")]);
  bytes.writeUInt32LE(tag, head.length);
  return { bytes, digitsAt: inbox ? `PUB ${subject} ${inbox}.`.length : 0, bodyAt: head.length };
}

/** Writes number and time into a copy of a template. @param due ms after the epoch @param digits what the reply subject has, if not the number */
export function patch(buffer: Uint8Array, from: number, { digitsAt, bodyAt }: Template, number: number, due: number, digits = number): void {
  if (digitsAt) {
    let rest = digits;
    for (let i = from + digitsAt + DIGITS - 1; i >= from + digitsAt; i--) {
      const tenth = (rest / 10) | 0;
      buffer[i] = 48 + rest - 10 * tenth;
      rest = tenth;
    }
  }
  put(buffer, from + bodyAt + 4, number);
  put(buffer, from + bodyAt + 8, due * 1000);
}

function put(b: Uint8Array, at: number, value: number): void {
  b[at] = value;
  b[at + 1] = value >>> 8;
  b[at + 2] = value >>> 16;
  b[at + 3] = value >>> 24;
}

export const u32 = (b: Uint8Array, at: number): number => (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
