import { BadArchive, type S2File } from "./s2.mts";

/** The plain bytes of a compressed file as a stream of records: asked for by length, given without copying where they lie together. */
export class Source {
  readonly #file: S2File;
  #buffer = Buffer.allocUnsafe(4 << 20);
  #at = 0;
  #end = 0;

  constructor(file: S2File) {
    this.#file = file;
  }

  /** The next bytes, good until the next call. @throws BadArchive when the file has fewer */
  take(count: number): Buffer {
    if (!this.#have(count)) throw new BadArchive("it ends within a record");
    this.#at += count;
    return this.#buffer.subarray(this.#at - count, this.#at);
  }

  /** Passes over bytes, however many. */
  skip(count: number): void {
    for (let left = count; left > 0; ) {
      const step = Math.min(left, 1 << 20);
      this.take(step);
      left -= step;
    }
  }

  /** The next bytes without taking them; fewer at the end of the file. */
  peek(count: number): Buffer {
    this.#have(count);
    return this.#buffer.subarray(this.#at, Math.min(this.#at + count, this.#end));
  }

  /** An unsigned number in Go's varint form; beyond 2^53 as close as a number gets. */
  uvarint(): number {
    const bytes = this.peek(10);
    let value = 0,
      i = 0;
    for (; i < bytes.length; i++) {
      value += (bytes[i]! & 0x7f) * 2 ** (7 * i);
      if (bytes[i]! < 0x80) {
        this.#at += i + 1;
        return value;
      }
    }
    throw new BadArchive(bytes.length < 10 ? "it ends within a record" : "it has a number that is none");
  }

  get atEnd(): boolean {
    return !this.#have(1);
  }

  #have(count: number): boolean {
    while (this.#end - this.#at < count) {
      const piece = this.#file.next();
      if (piece === undefined) return false;
      if (this.#at > 0) {
        this.#buffer.copyWithin(0, this.#at, this.#end);
        this.#end -= this.#at;
        this.#at = 0;
      }
      if (this.#buffer.length < this.#end + piece.length) {
        const larger = Buffer.allocUnsafe(2 * (this.#end + piece.length));
        this.#buffer.copy(larger, 0, 0, this.#end);
        this.#buffer = larger;
      }
      piece.copy(this.#buffer, this.#end);
      this.#end += piece.length;
    }
    return true;
  }
}
