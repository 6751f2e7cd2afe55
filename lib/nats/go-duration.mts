const UNITS: Record<string, number> = { ns: 1, us: 1e3, "µs": 1e3, "μs": 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/**
 * Nanoseconds of a duration as Go writes it (time.ParseDuration): `1h30m`, `2.5s`, `259µs`. nats-server's configuration also knows
 * days (`7d`) and, like `nats` CLI, sampan takes them.
 * @returns undefined when the text is none
 */
export function goDurationNs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join("") !== text.trim()) return text.trim() === "0" ? 0 : undefined;
  return Math.round(parts.reduce((sum, [, n, unit]) => sum + Number(n) * (unit === "d" ? 86400e9 : UNITS[unit!]!), 0));
}

/** Milliseconds of a duration that a server wrote. */
export const goDurationMs = (text: string): number => (goDurationNs(text) ?? NaN) / 1e6;

/** The shortest Go text of nanoseconds: 120000000000 → `2m`, 1500000000 → `1.5s`. */
export function goDurationText(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e9) return ns % 1e6 === 0 ? `${ns / 1e6}ms` : ns % 1e3 === 0 ? `${ns / 1e3}µs` : `${ns}ns`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = (ns % 60e9) / 1e9;
  return `${hours ? `${hours}h` : ""}${minutes ? `${minutes}m` : ""}${seconds ? `${seconds}s` : ""}`;
}
