import { compare } from "../../lib/nats/backup/compare.mts";
import type { SavedStream } from "../../lib/nats/backup/manifest.mts";
import { isMarked } from "../../lib/nats/backup/put-back.mts";
import type { NatsConnection } from "../../lib/nats/connect.mts";
import { consumers, type StreamInfo, streamInfo } from "../../lib/nats/jetstream/api.mts";
import type { Config } from "../../lib/nats/jetstream/desired.mts";
import { isFrozen, isRestoring } from "../../lib/nats/jetstream/freeze.mts";

/** What stands under the name of a stream that is to be put back. `free`: nothing, or nothing of value. */
export type Present =
  /** `consumers`: durable ones that the backup doesn't have, to be made anew */
  { kind: "free"; leftover: boolean; text: string; consumers?: Config[] } | { kind: "same" } | { kind: "other"; info: StreamInfo; text: string };

export async function present(nc: NatsConnection, saved: SavedStream): Promise<Present> {
  const info = await streamInfo(nc, saved.name);
  if (!info) return { kind: "free", leftover: false, text: "absent" };
  if (isMarked(info.config, saved)) return { kind: "same" };
  if (isRestoring(info.config)) return { kind: "free", leftover: true, text: "a restore that broke off" };
  // Nobody ever wrote to it, as after a rollout that declares it.
  if (info.state.last_seq === 0 && saved.last > 0) {
    const own = (await consumers(nc, saved.name))
      .map((c) => c.config)
      .filter((c) => c["durable_name"] && !saved.consumers.some((s) => s.name === c["durable_name"]));
    const more = own.length > 0 ? `; its consumer ${own.map((c) => String(c["durable_name"])).join(", ")} stays` : "";
    return { kind: "free", leftover: true, text: `declared, never written to${more}`, consumers: own };
  }
  const { messages, first_seq, last_seq } = info.state;
  if (!isFrozen(info.config) && (await compare(nc, saved.name, saved)).wrong.length === 0) return { kind: "same" };
  return { kind: "other", info, text: `${messages.toLocaleString("en-US")} messages, ${first_seq} to ${last_seq}` };
}
