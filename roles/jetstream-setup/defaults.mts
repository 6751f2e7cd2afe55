import * as v from "valibot";
import { key, list } from "../../lib/inventory/fields.mts";
import { stream } from "./stream.mts";

export const defaults = {
  streams: key(
    v.optional(list(stream), []),
    "streams and their consumers, by nats-server's own field names; the same on all hosts of a cluster. What exists on the servers but isn't listed is left alone",
    { source: "https://docs.nats.io/nats-concepts/jetstream/streams" },
  ),
};
