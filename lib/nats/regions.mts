import { isIP } from "node:net";
import { connectSys } from "./connect.mts";
import { goDurationMs } from "./go-duration.mts";
import { type Check, finding } from "./health/check.mts";
import { type Answer, ask, type Jsz, type Leafz, type OriginInfo } from "./system.mts";
import type { ClusterTarget, ConnectOptions } from "./target.mts";

/** What a cluster has to do with other regions. */
export interface RegionLinks {
  /** regions of which it copies streams, by name: each of its servers has a connection there */
  goesTo: readonly { name: string; addresses: readonly string[] }[];
  /** regions that may copy its streams, and the account in which they are */
  letsIn: readonly { name: string; account: string }[];
  /** streams that copy one of another region, with the API prefix by which the servers know it */
  copies: readonly { stream: string; of: string; region: string; api: string }[];
  /** messages that a copy may be behind, at most */
  lag: number;
  /** how long a link or a copy that has just been made may take to come up, ms */
  patienceMs: number;
}

const POLL_MS = 1000;
/** A live link is heard every second, also when nothing is stored. */
const SILENT_MS = 30_000;

/** Looks at the links to other regions and at what is copied over them; with patience, as servers try again after some seconds only. @throws NatsConnectError */
export async function linkChecks(target: ClusterTarget, links: RegionLinks, options: ConnectOptions = {}): Promise<Check[]> {
  const nc = await connectSys(target, options);
  try {
    const names = target.nodes.map((n) => n.name);
    for (const until = Date.now() + links.patienceMs; ; await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
      const [leafz, jsz] = await Promise.all([ask(nc, "LEAFZ", names), links.copies.length ? ask(nc, "JSZ", names) : []]);
      const checks = linkFindings(links, leafz, jsz);
      if (Date.now() > until || checks.every((c) => c.status !== "failed")) return checks;
    }
  } finally {
    await nc.close();
  }
}

/** Pure. */
export function linkFindings(links: Omit<RegionLinks, "patienceMs">, leafz: readonly Answer<Leafz>[], jsz: readonly Answer<Jsz>[]): Check[] {
  return [...outward(links, leafz), ...inward(links, leafz), ...copied(links, jsz)];
}

/** By the address; where that is a name, by not being at another region's address. */
function outward({ goesTo }: Pick<RegionLinks, "goesTo">, leafz: readonly Answer<Leafz>[]): Check[] {
  return goesTo.map(({ name, addresses }) => {
    const elsewhere = goesTo.filter((r) => r.name !== name).flatMap((r) => r.addresses);
    const named = addresses.some((a) => !isIP(a));
    const here = ({ data }: Answer<Leafz>) => data.leafs?.find((l) => l.is_spoke && (addresses.includes(l.ip) || (named && !elsewhere.includes(l.ip))));
    const without = leafz.filter((a) => !here(a)).map((a) => a.server.name);
    const rtts = leafz.flatMap((a) => goDurationMs(here(a)?.rtt ?? "")).filter(Number.isFinite);
    return finding("region.link", "link to another region", name, {
      failed: without.map((server) => `${server} has no connection to it`),
      ok: `${leafz.length} of ${leafz.length} servers${rtts.length ? `, round trip ${Math.max(...rtts).toFixed(1)} ms at most` : ""}`,
      next: `See that ${name} runs and lets this region in (regions: there, the same seed in both .env, each other's ca:), and this server's log for "leafnode"`,
    });
  });
}

function inward({ letsIn }: Pick<RegionLinks, "letsIn">, leafz: readonly Answer<Leafz>[]): Check[] {
  return letsIn.map(({ name, account }) => {
    const count = leafz.reduce((sum, { data }) => sum + (data.leafs ?? []).filter((l) => l.account === account).length, 0);
    return finding("region.let-in", "region that copies from here", name, {
      warning: count ? [] : [`${name} isn't connected: its copies don't get on`],
      ok: `${count} of its servers connected`,
      next: `Look at ${name}: ./playbooks/verify.mts -i inventory/${name}`,
    });
  });
}

function copied({ copies, lag: most }: Pick<RegionLinks, "copies" | "lag">, jsz: readonly Answer<Jsz>[]): Check[] {
  return copies.map(({ stream, of, region, api }) => {
    const info = jsz
      .flatMap(({ data, server }) =>
        (data.account_details ?? []).flatMap((a) =>
          (a.stream_detail ?? []).filter((s) => s.name === stream && (s.cluster?.leader ?? server.name) === server.name),
        ),
      )
      .flatMap((s): OriginInfo[] => [...(s.mirror ? [s.mirror] : []), ...(s.sources ?? [])])
      .find((o) => o.name === of && o.external?.api === api);
    const ms = (info?.active ?? -1) / 1e6;
    const failed = !info
      ? ["no server says that it copies"]
      : [
          ...(info.error ? [info.error.description] : []),
          ...(ms < 0 ? [`nothing has come from ${region} yet`] : ms > SILENT_MS ? [`nothing was heard of ${region} for ${Math.round(ms / 1000)} s`] : []),
          ...(info.lag > most ? [`${info.lag} messages behind, at most ${most}`] : []),
        ];
    return finding("region.copy", "copy of another region's stream", `${stream} of ${region}/${of}`, {
      failed,
      ok: `${info?.lag ?? 0} behind, heard ${Math.max(0, ms / 1000).toFixed(1)} s ago`,
      next: `See that ${region} is up and the link to it stands; a copy catches up by itself. If it is only slow, look at the bandwidth between the regions, or set verify.thresholds.mirror_lag`,
    });
  });
}
