/** Bytes for people: 1.2 GB. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  for (const [i, unit] of ["kB", "MB", "GB", "TB"].entries()) {
    const value = bytes / 1000 ** (i + 1);
    if (value < 999.5 || unit === "TB") return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
  }
  return "";
}

const leftText = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

/** How often progress is told, ms. */
const EVERY_MS = 500;

/** Tells how far something is, with its rate and the time left: `412 MB of 1.0 GB, 85 MB/s, 7 s left`. */
export function pace(tell: (text: string) => void, total: number): (done: number) => void {
  const started = performance.now();
  let told = started;
  return (done) => {
    const now = performance.now();
    if (now - told < EVERY_MS) return;
    told = now;
    const rate = (done / (now - started)) * 1000;
    const left = total > done && rate > 0 ? `, ${leftText((total - done) / rate)} left` : "";
    tell(`${sizeText(done)} of ${sizeText(Math.max(total, done))}, ${sizeText(rate)}/s${left}`);
  };
}

/** Counts what compressed bytes hold, frame by frame as they pass, without decompressing them. */
export class PlainSize {
  plain = 0;
  #head: number[] = [];
  #skip = 0;

  push(bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length; ) {
      const passed = Math.min(this.#skip, bytes.length - at);
      at += passed;
      this.#skip -= passed;
      if (at >= bytes.length) break;
      this.#head.push(bytes[at++]!);
      this.#look();
    }
    return this.plain;
  }

  /** A frame's type, length (3 bytes), checksum (4 bytes); of a compressed one the plain length as a varint. */
  #look(): void {
    const [type, a, b, c] = this.#head as [number, number, number, number];
    if (this.#head.length < 4) return;
    const length = a | (b << 8) | (c << 16);
    if (type === 0 && length > 4) {
      const varint = this.#head.slice(8);
      if (varint.length === 0 || (varint.at(-1)! >= 0x80 && varint.length < 5)) return;
      this.plain += varint.reduce((sum, byte, i) => sum + (byte & 0x7f) * 2 ** (7 * i), 0);
    } else if (type === 1) {
      this.plain += Math.max(0, length - 4);
    }
    this.#skip = length - (this.#head.length - 4);
    this.#head = [];
  }
}
