import { BACKDATED_MS } from "../pki/backdate.mts";

/** Seconds of difference that may be the connection's own: what was sent may wait on a slow line. */
const TOLERATED = 60;

/** What is to be said of a host's clock, `skew` seconds ahead of ours (negative: behind); undefined when nothing is. */
export function clockWarning(host: string, skew: number): string | undefined {
  if (Math.abs(skew) <= TOLERATED) return undefined;
  const early = skew < -BACKDATED_MS / 1000 ? "; certificates made now are not yet valid there, so that its server will find no peers" : "";
  return `the clock of ${host} is ${spoken(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead of"} this machine's${early}: set the wrong one right (with systemd: timedatectl set-ntp true)`;
}

function spoken(seconds: number): string {
  const units: [string, number][] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ];
  const [unit, size] = units.find(([, size]) => seconds >= 2 * size) ?? units[2]!;
  const count = Math.round(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
