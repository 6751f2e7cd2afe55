import type { Visitor, Walk } from "./archive.mts";
import { BadArchive } from "./s2.mts";
import type { Source } from "./source.mts";

/**
 * The archive that nats-server writes before 2.15: a tar of the stream's own files (server/filestore.go, streamSnapshot): meta.inf,
 * msgs/N.blk, obs/CONSUMER/{meta.inf,o.dat}. Blocks are plain in it, also of streams that are encrypted or compressed on the disk.
 */
export function* walkV1(source: Source, visitor: Visitor): Walk {
  let long: Record<string, string> = {};
  for (;;) {
    const header = Buffer.from(source.take(512));
    if (header.every((byte) => byte === 0)) break;
    const entry = tarEntry(header);
    const name = long["path"] ?? entry.name,
      size = Number(long["size"] ?? entry.size);
    long = {};
    const padding = (512 - (size % 512)) % 512;
    if (entry.type === "x") long = paxRecords(source.take(size).toString("utf8"));
    else if (/^msgs\/\d+\.blk$/.test(name)) yield* block(source, size, visitor);
    else if (/^msgs\/\d+\.idx$/.test(name)) deletedOf29(Buffer.from(source.take(size)), visitor);
    else if (name === "errors.txt") throw new BadArchive(`nats-server noted while it wrote: ${source.take(size).toString("utf8")}`);
    else if (/^obs\/.+\/o\.dat$/.test(name))
      visitor.consumer({ name: name.slice("obs/".length, -"/o.dat".length), ...consumerState(Buffer.from(source.take(size))) });
    else source.skip(size);
    source.skip(padding);
    yield;
  }
  while (!source.atEnd) if (source.take(1)[0] !== 0) throw new BadArchive("something follows its end");
}

function tarEntry(header: Buffer): { name: string; size: number; type: string } {
  const text = (from: number, length: number): string => header.toString("utf8", from, from + length).replace(/\0.*$/s, "");
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 32 : byte;
  if (sum !== Number.parseInt(text(148, 8), 8)) throw new BadArchive("a header in it is damaged");
  const prefix = text(345, 155);
  return { name: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100), size: Number.parseInt(text(124, 12), 8), type: text(156, 1) };
}

/** `21 mtime=1700000000.5\n`, length first. */
function paxRecords(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^\d+ ([^=\n]+)=(.*)$/gm)].map(([, key, value]) => [key!, value!]));
}

/** Records of a block: length, sequence, time, subject's length; subject; the message; a checksum. Numbers are little-endian. */
const RECORD = 22,
  LEAST = RECORD + 8;
const HEADERS = 0x8000_0000,
  ERASED = 0x8000_0000,
  TOMBSTONE = 0x4000_0000,
  SEQUENCE = 0x3fff_ffff;
const RECORDS_A_STEP = 4096;

function* block(source: Source, size: number, visitor: Visitor): Walk {
  let n = 0;
  for (let at = 0; at < size; ) {
    if (at + LEAST > size) throw new BadArchive("a block of messages ends within a record");
    const head = source.peek(RECORD);
    if (head.length < RECORD) throw new BadArchive("it ends within a record");
    const length = (head.readUInt32LE(0) & ~HEADERS) >>> 0,
      subject = head.readUInt16LE(20),
      high = head.readUInt32LE(8);
    const seq = (high & SEQUENCE) * 2 ** 32 + head.readUInt32LE(4);
    if (length < LEAST + subject || at + length > size) throw new BadArchive("a block of messages has a damaged record");
    if (high & TOMBSTONE) visitor.deleted(seq);
    else if (seq > 0) visitor.message(seq, source.peek(RECORD + subject).toString("utf8", RECORD, RECORD + subject), (high & ERASED) !== 0);
    source.skip(length);
    at += length;
    if (++n % RECORDS_A_STEP === 0) yield;
  }
}

/**
 * The index of a block of the 2.9 line, which writes no tombstones: after magic and version the varints messages, bytes, first sequence,
 * its time, last sequence, its time, number of deleted ones; a checksum; then each of these, counted from the first sequence.
 */
function deletedOf29(bytes: Buffer, visitor: Visitor): void {
  const next = varints(bytes, "a block's index is damaged");
  const [, , first, , last] = [next(), next(), next(), next(), next(), next()] as [number, number, number, number, number, number];
  const count = next();
  next.skip(8);
  for (let i = 0; i < count; i++) {
    const seq = first + next();
    if (seq <= last) visitor.deleted(seq);
  }
}

/** encodeConsumerState of server/filestore.go: after magic and version the ack floor and what was delivered, as consumer's and stream's sequence. */
function consumerState(bytes: Buffer): { ackFloor: number; delivered: number } {
  if (bytes.length < 6) return { ackFloor: 0, delivered: 0 }; // never had a message
  const next = varints(bytes, "a consumer's state is damaged");
  const [, ackFloor, , delivered] = [next(), next(), next(), next()] as [number, number, number, number];
  // Version 1 told what was delivered from the ack floor on.
  return { ackFloor, delivered: bytes[1] === 1 && delivered > 0 ? delivered + Math.max(0, ackFloor - 1) : delivered };
}

/** The varints of one of the server's small files, which begins with its magic number and a version. */
function varints(bytes: Buffer, damaged: string): (() => number) & { skip(count: number): void } {
  if (bytes[0] !== 22) throw new BadArchive(damaged);
  let at = 2;
  const next = (): number => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new BadArchive(damaged);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  return Object.assign(next, {
    skip(count: number) {
      at += count;
    },
  });
}
