/** One frame of a host's stream: kind and fields. Which kinds there are is said by `emit` calls in preamble.sh. */
export interface Frame {
  kind: string;
  fields: string[];
}

/**
 * Takes frames out of a byte stream. Anything between frames (a login banner, a stray line of a login script) is passed over.
 * A frame is `\nNONCE KIND LEN LEN…\n` and then that many bytes.
 */
export class FrameReader {
  #buffer: Buffer = Buffer.alloc(0);
  readonly #start: Buffer;
  #noise = "";
  constructor(nonce: string) {
    this.#start = Buffer.from(`\n${nonce} `);
  }

  /** what stood between frames, and the rest that is none yet: helps to explain a login shell that can't run sh */
  get noise(): string {
    return this.#noise + this.#buffer.toString("utf8", 0, 2000);
  }

  push(chunk: Buffer): Frame[] {
    this.#buffer = this.#buffer.length ? Buffer.concat([this.#buffer, chunk]) : chunk;
    const frames: Frame[] = [];
    for (;;) {
      const found = this.#next();
      if (!found) return frames;
      frames.push(found);
    }
  }

  #next(): Frame | undefined {
    const at = this.#buffer.indexOf(this.#start);
    if (at < 0) {
      const keep = Math.max(0, this.#buffer.length - this.#start.length);
      this.#note(this.#buffer.subarray(0, keep));
      this.#buffer = this.#buffer.subarray(keep);
      return undefined;
    }
    const from = at + this.#start.length;
    const lineEnd = this.#buffer.indexOf(10, from);
    if (lineEnd < 0) return undefined;
    const [kind = "", ...lengths] = this.#buffer.toString("latin1", from, lineEnd).split(" ");
    const sizes = lengths.map(Number);
    const end = lineEnd + 1 + sizes.reduce((a, b) => a + b, 0);
    if (this.#buffer.length < end) return undefined;
    this.#note(this.#buffer.subarray(0, at));
    let offset = lineEnd + 1;
    const fields = sizes.map((size) => this.#buffer.toString("utf8", offset, (offset += size)));
    this.#buffer = this.#buffer.subarray(end);
    return { kind, fields };
  }

  #note(bytes: Buffer): void {
    if (this.#noise.length < 2000) this.#noise += bytes.toString("utf8", 0, 2000);
  }
}
