/** CRC-32 with Castagnoli's polynomial (RFC 3720, appendix B.4), eight bytes a step; node's zlib has only the other polynomial. */
const TABLES = Array.from({ length: 8 }, () => new Int32Array(256));
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

for (let i = 0; i < 256; i++) {
  let c = i;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  T0[i] = c;
}
for (let i = 0; i < 256; i++) {
  for (let t = 1; t < 8; t++) TABLES[t]![i] = (TABLES[t - 1]![i]! >>> 8) ^ T0[TABLES[t - 1]![i]! & 0xff]!;
}

/** @returns the checksum of bytes[from, to) as an unsigned number */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let c = -1,
    i = from;
  for (const end = to - 7; i < end; i += 8) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c =
      T7[c & 0xff]! ^
      T6[(c >>> 8) & 0xff]! ^
      T5[(c >>> 16) & 0xff]! ^
      T4[c >>> 24]! ^
      T3[bytes[i + 4]!]! ^
      T2[bytes[i + 5]!]! ^
      T1[bytes[i + 6]!]! ^
      T0[bytes[i + 7]!]!;
  }
  for (; i < to; i++) c = T0[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}
