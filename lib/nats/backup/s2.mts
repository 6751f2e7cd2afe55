import { readSync } from "node:fs";
import { crc32c } from "./crc32c.mts";

/** The file isn't what nats-server wrote: cut short, changed, or something else altogether. */
export class BadArchive extends Error {}

/** Frame types of the snappy framing format, which S2 shares. */
const COMPRESSED = 0x00,
  PLAIN = 0x01,
  IDENTIFIER = 0xff,
  FIRST_SKIPPABLE = 0x80;
const HEADER = 4,
  CHECKSUM = 4,
  MAGIC = /^(S2sTwO|sNaPpY)$/;
const WINDOW = 1 << 20;

/**
 * Reads a file compressed with S2, whose every frame has a checksum of its content. Synchronous, as there are many small frames;
 * the caller takes pauses.
 */
export class S2File {
  readonly #fd: number;
  readonly #onRaw: (bytes: Buffer) => void;
  #raw = Buffer.allocUnsafe(2 * WINDOW);
  #at = 0;
  #end = 0;
  #started = false;
  /** bytes of the file that were read so far */
  position = 0;

  /** @param onRaw given every byte of the file once, e.g. for a checksum; the buffer is used again afterwards */
  constructor(fd: number, onRaw: (bytes: Buffer) => void = () => {}) {
    this.#fd = fd;
    this.#onRaw = onRaw;
  }

  /** @returns the plain bytes of the next frame, good until the next call; undefined at the end of the file. @throws BadArchive */
  next(): Buffer | undefined {
    for (;;) {
      if (!this.#have(1)) {
        if (!this.#started) throw new BadArchive("it is empty");
        return undefined;
      }
      if (!this.#have(HEADER)) throw new BadArchive("it ends within a frame");
      const type = this.#raw[this.#at]!,
        length = this.#raw.readUIntLE(this.#at + 1, 3);
      if (!this.#have(HEADER + length)) throw new BadArchive("it ends within a frame");
      const from = this.#at + HEADER,
        to = from + length;
      this.#at = to;
      if (type === IDENTIFIER) {
        if (!MAGIC.test(this.#raw.toString("latin1", from, to))) throw new BadArchive("it isn't compressed with S2");
        this.#started = true;
        continue;
      }
      if (!this.#started) throw new BadArchive("it isn't compressed with S2");
      if (type !== COMPRESSED && type !== PLAIN) {
        if (type >= FIRST_SKIPPABLE) continue;
        throw new BadArchive(`it has a frame of unknown type ${type}`);
      }
      if (length < CHECKSUM) throw new BadArchive("it has a frame without checksum");
      const data = type === PLAIN ? this.#raw.subarray(from + CHECKSUM, to) : decodeBlock(this.#raw.subarray(from + CHECKSUM, to));
      if (masked(crc32c(data)) !== this.#raw.readUInt32LE(from))
        throw new BadArchive(`the checksum of a frame is wrong, at byte ${this.position - (this.#end - to)}`);
      return data;
    }
  }

  /** Makes `count` bytes available from #at on; false when the file has fewer. */
  #have(count: number): boolean {
    while (this.#end - this.#at < count) {
      if (this.#at > 0) {
        this.#raw.copyWithin(0, this.#at, this.#end);
        this.#end -= this.#at;
        this.#at = 0;
      }
      if (this.#raw.length < count + WINDOW) {
        const larger = Buffer.allocUnsafe(count + 2 * WINDOW);
        this.#raw.copy(larger, 0, 0, this.#end);
        this.#raw = larger;
      }
      const read = readSync(this.#fd, this.#raw, this.#end, WINDOW, null);
      if (read === 0) return false;
      this.#onRaw(this.#raw.subarray(this.#end, this.#end + read));
      this.#end += read;
      this.position += read;
    }
    return true;
  }
}

/** Of the framing format: a checksum of data that holds checksums shouldn't look like one. */
const masked = (crc: number): number => ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0;

let plain = Buffer.allocUnsafe(WINDOW);

/** One block: the plain length, then literals and copies of what came before. @throws BadArchive */
function decodeBlock(src: Buffer): Buffer {
  const bad = (): never => {
    throw new BadArchive("a frame can't be decompressed");
  };
  let s = 0,
    length = 0,
    shift = 0;
  for (;;) {
    const byte = src[s++] ?? bad();
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
    if ((shift += 7) > 28) bad();
  }
  // 8 MB is a frame's most: 3 bytes of length, and S2's largest block is 4 MB
  if (length > 16 * WINDOW) bad();
  if (plain.length < length) plain = Buffer.allocUnsafe(length);
  const out = plain;
  let d = 0,
    offset = 1;
  while (s < src.length) {
    const tag = src[s++]!;
    let n = tag >> 2;
    if ((tag & 3) === 0) {
      if (n >= 60) {
        const bytes = n - 59;
        if (s + bytes > src.length) bad();
        n = src.readUIntLE(s, bytes);
        s += bytes;
      }
      n += 1;
      if (s + n > src.length || d + n > length) bad();
      if (n > 24) src.copy(out, d, s, s + n);
      else for (let i = 0; i < n; i++) out[d + i] = src[s + i]!;
      s += n;
      d += n;
      continue;
    }
    if ((tag & 3) === 1) {
      const found = ((tag & 0xe0) << 3) | (src[s++] ?? bad());
      n &= 7;
      if (found !== 0) offset = found;
      else if (n >= 5) {
        // S2's own: the last offset again, with a longer length in 1, 2 or 3 bytes
        const bytes = n - 4;
        if (s + bytes > src.length) bad();
        n = src.readUIntLE(s, bytes) + [4, 1 << 8, 1 << 16][bytes - 1]!;
        s += bytes;
      }
      n += 4;
    } else {
      const bytes = (tag & 3) === 2 ? 2 : 4;
      if (s + bytes > src.length) bad();
      offset = src.readUIntLE(s, bytes);
      s += bytes;
      n += 1;
    }
    if (offset === 0 || offset > d || d + n > length) bad();
    if (offset >= n && n > 24) out.copyWithin(d, d - offset, d - offset + n);
    else for (let i = 0; i < n; i++) out[d + i] = out[d + i - offset]!;
    d += n;
  }
  if (d !== length) bad();
  return out.subarray(0, length);
}
