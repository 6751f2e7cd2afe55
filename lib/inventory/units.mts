/**
 * Sizes as nats-server's own configuration reads them: k, m, g, t, p, e are powers of 1000; kb/ki/kib and so on powers of
 * 1024; any case; whole numbers only (nats-server conf/parse.go).
 * @returns bytes, or undefined when the text is no size
 */
export function sizeBytes(text: string | number): number | undefined {
  if (typeof text === "number") return Number.isSafeInteger(text) && text >= 0 ? text : undefined;
  const found = /^(\d+)\s*(?:([kmgtpe])(b|ib?)?)?$/i.exec(text.trim());
  if (!found) return undefined;
  const power = found[2] ? "kmgtpe".indexOf(found[2].toLowerCase()) + 1 : 0;
  return Number(found[1]) * (found[3] ? 1024 : 1000) ** power;
}

const NANOSECONDS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/**
 * Durations as Go writes them: 30s, 1h30m, 1.5h, 250ms; "0" alone needs no unit (Go time.ParseDuration). No days, as in Go.
 * @returns nanoseconds, or undefined when the text is no duration
 */
export function durationNs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g)) sum += Number(amount) * NANOSECONDS[unit!]!;
  return Math.round(sum);
}

/** For values that the inventory has validated: bytes. @throws on anything else, which is a programming error */
export function bytes(text: string | number): number {
  return known(sizeBytes(text), text, "size");
}

/** For values that the inventory has validated: milliseconds. @throws on anything else, which is a programming error */
export function milliseconds(text: string): number {
  return known(durationNs(text), text, "duration") / 1e6;
}

function known(value: number | undefined, text: string | number, what: string): number {
  if (value === undefined) throw new Error(`not a ${what}: ${text}`);
  return value;
}

/** Kernel CPU lists: `0,2-7`; strides (`0-31:1/2`) and sizes are not. @returns sorted CPU numbers, or undefined */
export function cpuNumbers(list: string): number[] | undefined {
  const cpus = new Set<number>();
  for (const part of list.split(",")) {
    const found = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part);
    if (!found) return undefined;
    const first = Number(found[1]),
      last = Number(found[2] ?? found[1]);
    if (last < first) return undefined;
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** The reverse: 1, 2, 3, 5 → `1-3,5`. */
export function cpuText(cpus: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const cpu of [...cpus].sort((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && last[1] === cpu - 1) last[1] = cpu;
    else parts.push([cpu, cpu]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}
