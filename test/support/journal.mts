import type { Site } from "./site.mts";

/** A node out of service, epoch seconds: from entering lame duck mode until its server was ready again. */
export interface Absence {
  host: string;
  from: number;
  to: number;
}

/** What nats-server wrote on a host since then (epoch ms): time in epoch seconds, and text. */
export async function journal(site: Site, host: string, since: number): Promise<{ at: number; text: string }[]> {
  const out = await site.sh(host, `journalctl -u nats-server -o short-unix --no-pager --since @${Math.floor(since / 1000)}`);
  return out.split("\n").flatMap((line) => {
    const [, at, text] = /^(\d+\.\d+) \S+ (.*)$/.exec(line) ?? [];
    return at && Number(at) * 1000 >= since ? [{ at: Number(at), text: text! }] : [];
  });
}

/** Every absence since then, of all hosts, in the order of time. All hosts have the same clock. */
export async function absences(site: Site, since: number): Promise<Absence[]> {
  const all = await Promise.all(
    site.names.map(async (host) => {
      const lines = await journal(site, host, since);
      return lines
        .filter((l) => /Entering lame duck mode/i.test(l.text))
        .map((l): Absence => ({ host, from: l.at, to: lines.find((o) => o.at > l.at && /Server is ready/.test(o.text))?.at ?? Infinity }));
    }),
  );
  return all.flat().sort((a, b) => a.from - b.from);
}

/** Pairs of absences that overlap: two nodes of three away, and no quorum. */
export const overlaps = (all: readonly Absence[]): Absence[][] =>
  all.flatMap((a, i) =>
    all
      .slice(i + 1)
      .filter((b) => b.from < a.to)
      .map((b) => [a, b]),
  );
