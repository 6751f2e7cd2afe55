import { didYouMean } from "../../lib/inventory/suggest.mts";
import { apiOf, deliverTo, goesTo } from "../cluster-config/regions.mts";
import type { Vars } from "../schema.mts";
import type { Say } from "./checks.mts";
import type { StreamSpec } from "./stream.mts";

type Source = NonNullable<StreamSpec["mirror"]>;

/** A stream as the servers of region `own` are asked for it: `region: hk` is where that region's API and deliveries are to be found. */
export function fromRegions<S extends StreamSpec>(stream: S, own: string): S {
  const placed = ({ region, ...source }: Source): Source =>
    region === undefined ? source : { ...source, external: { api: apiOf(region), deliver: deliverTo(region, own) } };
  return { ...stream, ...(stream.mirror && { mirror: placed(stream.mirror) }), ...(stream.sources && { sources: stream.sources.map(placed) }) };
}

/** A stream's mirror and sources in other regions, with their place below `streams`. */
export const origins = (stream: StreamSpec, i: number): { source: Source & { region: string }; path: (string | number)[] }[] =>
  [
    ...(stream.mirror ? [{ source: stream.mirror, path: [i, "mirror"] }] : []),
    ...(stream.sources ?? []).map((source, k) => ({ source, path: [i, "sources", k] })),
  ].filter((o): o is { source: Source & { region: string }; path: (string | number)[] } => o.source.region !== undefined);

/** Copies come from regions to which there is a way. */
export function checkRegions(vars: Vars, say: Say): void {
  const ways = goesTo(vars).map((r) => r.name);
  vars.streams.forEach((stream, i) => {
    for (const { source, path } of origins(stream, i)) {
      if (!ways.includes(source.region))
        say(
          [...path, "region"],
          `region ${source.region} isn't one of regions: with addresses; ${ways.length ? didYouMean(source.region, ways, "those are") : "add it there"}`,
        );
      if (source.consumer) say([...path, "consumer"], "consumer doesn't go with region, which lets nothing but its own consumers be made; remove it");
    }
  });
}
