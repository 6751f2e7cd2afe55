import type { Check } from "../../lib/nats/health.mts";
import { linkChecks, type RegionLinks } from "../../lib/nats/regions.mts";
import type { Cluster } from "../cluster.mts";
import { apiOf, goesTo, letsIn, linkAccount } from "../cluster-config/regions.mts";
import { origins } from "../jetstream-setup/regions.mts";

/** A server asks again after 2 s, then after 10 s more with each refusal. */
const PATIENCE_MS = 20_000;

/** The links to other regions, and what is copied over them; nothing where the inventory has none. */
export async function regionChecks(cluster: Cluster): Promise<Check[]> {
  const links = linksOf(cluster);
  return links ? linkChecks(cluster.target, links, cluster.connect) : [];
}

function linksOf({ hosts: [first] }: Cluster): RegionLinks | undefined {
  const { vars } = first!;
  if (!letsIn(vars).length && !goesTo(vars).length) return undefined;
  return {
    goesTo: goesTo(vars).map(({ name, addresses }) => ({ name, addresses: addresses! })),
    letsIn: letsIn(vars).map(({ name }) => ({ name, account: linkAccount(name) })),
    copies: vars.streams.flatMap((s, i) =>
      origins(s, i).map(({ source }) => ({ stream: s.name, of: source.name, region: source.region, api: apiOf(source.region) })),
    ),
    lag: vars.verify.thresholds.mirror_lag,
    patienceMs: PATIENCE_MS,
  };
}
