/** Figures that keep their width, whatever they count. */

/** 950 → `950`, 12345 → `12.3k`, 5 million → `5.0M`; null → `-` */
export const count = (n: number | null): string => (n === null ? "-" : scaled(n, 1000, ["", "k", "M", "G", "T"]));

/** Per second: small ones keep a digit, so that a trickle isn't nothing. */
export const rate = (n: number | null): string => (n === null ? "-" : n > 0 && n < 10 ? n.toFixed(1) : count(Math.round(n)));

/** In powers of 1024, as nats-server counts: 10737418240 → `10.0G` */
export const size = (n: number | null): string => (n === null ? "-" : scaled(n, 1024, ["B", "K", "M", "G", "T", "P"]));

function scaled(n: number, base: number, units: readonly string[]): string {
  let value = n,
    i = 0;
  while (value >= (i === 0 ? base : 999.5) && i < units.length - 1) {
    value /= base;
    i++;
  }
  return i === 0 ? `${Math.round(value)}${units[0]}` : `${value < 99.95 ? value.toFixed(1) : Math.round(value)}${units[i]}`;
}

/** How long ago: `45s`, `12m`, `3h05m`, `12d4h` */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000)),
    m = Math.floor(s / 60),
    h = Math.floor(m / 60),
    d = Math.floor(h / 24);
  if (m < 1) return `${s}s`;
  if (h < 1) return `${m}m`;
  return d < 1 ? `${h}h${String(m % 60).padStart(2, "0")}m` : `${d}d${h % 24}h`;
}

export const milliseconds = (ms: number | null): string => (ms === null ? "-" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
