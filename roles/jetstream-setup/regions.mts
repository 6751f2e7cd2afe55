import { didYouMean } from "../../lib/inventory/suggest.mts";
import { apiOf, deliverTo, goesTo } from "../cluster-config/regions.mts";
import type { Vars } from "../schema.mts";
import type { Say } from "./checks.mts";
import type { StreamSpec } from "./stream.mts";

type Source = NonNullable<StreamSpec["mirror"]>;

/** A stream as the servers of region `own` are asked for it: `region: hk` is where that region's API and deliveries are to be found. */
export function fromRegions<S extends StreamSpec>(stream: S, own: string): S {
  const placed = ({ region, consumer, ...source }: Source): Source =>
    region === undefined
      ? { ...source, ...(consumer && { consumer }) }
      : {
          ...source,
          external: { api: apiOf(region), ...(!consumer && { deliver: deliverTo(region, own) }) },
          ...(consumer && { consumer: { name: consumer.name, deliver_subject: consumer.deliver_subject ?? `${deliverTo(region, own)}.${source.name}` } }),
        };
  return { ...stream, ...(stream.mirror && { mirror: placed(stream.mirror) }), ...(stream.sources && { sources: stream.sources.map(placed) }) };
}

/** A stream's mirror and sources in other regions, with their place below `streams`. */
export const origins = (stream: StreamSpec, i: number): { source: Source & { region: string }; path: (string | number)[] }[] =>
  [
    ...(stream.mirror ? [{ source: stream.mirror, path: [i, "mirror"] }] : []),
    ...(stream.sources ?? []).map((source, k) => ({ source, path: [i, "sources", k] })),
  ].filter((o): o is { source: Source & { region: string }; path: (string | number)[] } => o.source.region !== undefined);

/** Copies come from regions to which there is a way. */
export function checkRegions(vars: Vars, own: string, say: Say): void {
  const ways = goesTo(vars).map((r) => r.name);
  vars.streams.forEach((stream, i) => {
    for (const { source, path } of origins(stream, i)) {
      if (!ways.includes(source.region))
        say(
          [...path, "region"],
          `region ${source.region} isn't one of regions: with addresses; ${ways.length ? didYouMean(source.region, ways, "those are") : "add it there"}`,
        );
      const [delivers, below] = [source.consumer?.deliver_subject, `${deliverTo(source.region, own)}.`];
      if (delivers !== undefined && !delivers.startsWith(below))
        say([...path, "consumer", "deliver_subject"], `region ${source.region} delivers here below ${below} only; write that of its consumer, or leave it out`);
    }
  });
}
