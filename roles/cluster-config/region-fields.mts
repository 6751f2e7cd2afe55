import * as v from "valibot";
import { address, file, key, list, port, secret, text } from "../../lib/inventory/fields.mts";

const LEAF = "https://docs.nats.io/running-a-nats-service/configuration/leafnodes";
const streamName = () => text("a stream's name", "write the name as the stream declares it", /^[^\s.*>/\\"'\0]{1,255}$/);

const region = v.strictObject({
  name: key(
    text("a region's name", "write the name of its inventory's folder", /^[A-Za-z0-9][\w-]{0,62}$/),
    "the other region: the name of its inventory's folder",
  ),
  ca: key(file(), "the other region's CA, PEM, for example ../sg/pki/ca.crt: what its servers prove themselves by"),
  nkey_seed: key(
    secret("an nkey seed of a user", "write ${NAME} and put the seed (SU…) into .env, the same in both regions", /^SU[A-Z2-7]{56}$/, "nkey"),
    "secret seed by which the copying region logs in; the same in both regions' .env. The region that is copied from needs its public half only, and gives its hosts no more",
  ),
  streams: key(v.optional(list(streamName())), "streams of this region that the other may copy", { defaultText: "none: it isn't let in" }),
  addresses: key(v.optional(list(address())), "servers of the other region, whose streams this region copies (`mirror: { name, region }`)", {
    defaultText: "none: nothing is copied from it",
  }),
  port: key(v.optional(port(), 7422), "the other region's `region_port`"),
});

export const regionDefaults = {
  regions: key(v.optional(list(region), []), "other regions that copy streams of this one, or of which this one copies streams; see docs/regions.md", {
    source: LEAF,
  }),
  region_port: key(v.optional(port(), 7422), "port for other regions' servers (leafnodes); open only where `regions` lets one in"),
};

export type Region = v.InferOutput<typeof region>;
