import type { NatsConnection } from "nats";
import { atLeast } from "../roll.mts";
import { consumers, request, type StreamInfo, streamInfo } from "./api.mts";
import type { Config } from "./desired.mts";

/** The subject in place of a stream's own while nobody may write to it: publishers then get no acknowledgement, and try again. */
const FROZEN = "sampan.frozen.";
/** The same of a copy that isn't proved yet. It holds nothing that isn't elsewhere too. */
const RESTORING = "sampan.restoring.";
/** Where a frozen stream keeps its own subjects (nats-server 2.10 and later know metadata). */
const KEPT = "sampan.subjects";

type StreamConfig = StreamInfo["config"];

/** Whether a stream takes messages from publishers at all: a mirror and a stream of sources only don't, nor does a sealed one. */
export const writable = (config: Config): boolean => !config.mirror && !config.sealed && Array.isArray(config.subjects) && config.subjects.length > 0;

const marked = (config: Config, mark: string): boolean =>
  Array.isArray(config.subjects) && config.subjects.length === 1 && String(config.subjects[0]).startsWith(mark);
export const isFrozen = (config: Config): boolean => marked(config, FROZEN);
export const isRestoring = (config: Config): boolean => marked(config, RESTORING);

/** The configuration that a copy has until it is proved. */
export const restoring = (config: StreamConfig): StreamConfig => (writable(config) ? { ...config, subjects: [`${RESTORING}${config.name}`] } : config);

/** A frozen stream's configuration as it was before, if it tells; any other as it is. */
export function unfrozen(config: StreamConfig): StreamConfig {
  const { [KEPT]: kept, ...metadata } = (config.metadata ?? {}) as Record<string, string>;
  if (!isFrozen(config) || kept === undefined) return config;
  const { metadata: _, ...rest } = config;
  return { ...rest, subjects: JSON.parse(kept) as string[], ...(Object.keys(metadata).length > 0 && { metadata }) };
}

/**
 * Takes its subjects away from a stream: no message can get in any more, while all that was acknowledged is there and consumers go on.
 * @returns the configuration before. Servers before 2.10 don't keep it: there the caller must have noted it
 */
export async function freeze(nc: NatsConnection, name: string): Promise<StreamConfig | undefined> {
  const config = (await streamInfo(nc, name))?.config;
  if (!config || !writable(config) || isFrozen(config)) return config && unfrozen(config);
  const metadata = atLeast(nc.info?.version ?? "", 2, 10) && { metadata: { ...ownMetadata(config), [KEPT]: JSON.stringify(config.subjects) } };
  await request(nc, `stream ${name}`, `STREAM.UPDATE.${name}`, { ...config, subjects: [`${FROZEN}${name}`], ...metadata });
  return config;
}

/** Gives a stream a configuration, as after `freeze` or `restoring`. */
export async function open(nc: NatsConnection, config: StreamConfig): Promise<void> {
  await request(nc, `stream ${config.name}`, `STREAM.UPDATE.${config.name}`, {
    ...config,
    ...(config.metadata !== undefined && { metadata: ownMetadata(config) }),
  });
}

/** Without the server's own, which it sets anew. */
export const ownMetadata = (config: Config): Record<string, string> =>
  Object.fromEntries(Object.entries((config.metadata ?? {}) as Record<string, string>).filter(([key]) => !key.startsWith("_nats.")));

/** What would change if anybody wrote, read with acknowledgements, or deleted. */
export async function motion(nc: NatsConnection, name: string): Promise<string> {
  const state = (await streamInfo(nc, name))?.state;
  const all = (await consumers(nc, name)).map((c) => [c.name, c.delivered, c.ack_floor, c.num_ack_pending] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([state?.messages, state?.first_seq, state?.last_seq, all]);
}

const STILL_MS = 1000;

/** Waits until nothing has moved for a second. @returns how it stands; undefined when it still moves in the end */
export async function untilStill(nc: NatsConnection, name: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<string | undefined> {
  const until = Date.now() + (options.timeoutMs ?? 60_000);
  for (let before = await motion(nc, name); ; ) {
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    options.signal?.throwIfAborted();
    const now = await motion(nc, name);
    if (now === before) return now;
    if (Date.now() > until) return undefined;
    before = now;
  }
}
