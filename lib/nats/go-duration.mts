import { durationNs } from "../inventory/units.mts";

/** Milliseconds of a duration that a server wrote, e.g. a route's rtt `259µs`. NaN when it is none. */
export const goDurationMs = (text: string): number => (durationNs(text) ?? NaN) / 1e6;

/** Nanoseconds as Go text, at its shortest: 120000000000 → `2m`, 1500000000 → `1.5s`. */
export function goDurationText(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e9) return ns % 1e6 === 0 ? `${ns / 1e6}ms` : ns % 1e3 === 0 ? `${ns / 1e3}µs` : `${ns}ns`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = (ns % 60e9) / 1e9;
  return `${hours ? `${hours}h` : ""}${minutes ? `${minutes}m` : ""}${seconds ? `${seconds}s` : ""}`;
}
