import type { NatsConnection } from "nats";
import type { ClusterState } from "../state.mts";
import { consumerNames, request, streamNames } from "./api.mts";
import type { Config } from "./desired.mts";

/** Streams asked about at the same time. */
const AT_ONCE = 16;

/**
 * Streams and durables that the meta group knows and no server holds that answers: their only replicas are on servers that are down, and
 * when one of those is removed they are made anew, empty. Of consumers that nobody tells anything of but their names (a
 * server has gone without a word, less than some three minutes ago) ephemeral ones count too.
 * @param accounts a connection to each account, by its name
 * @param look a look at all servers that run; taken after the names were asked for
 * @param consumers whether consumers are asked for too (default true)
 * @returns `stream S`, `consumer S > C`
 * @throws Error with the account that couldn't be asked
 */
export async function unheld(accounts: ReadonlyMap<string, NatsConnection>, look: () => Promise<ClusterState>, consumers = true): Promise<string[]> {
  const first = await known(accounts, consumers);
  const { streams } = await look();
  const held = new Set(streams.flatMap((s) => [key(s.account, s.name), ...s.consumers.map((c) => key(s.account, s.name, c.name))]));
  const lost = first.filter((k) => !held.has(k.key) && (k.consumer === undefined || held.has(key(k.account, k.stream))));
  if (!lost.length) return [];
  // Not what went in between.
  const still = new Set((await known(accounts, consumers)).map((k) => k.key));
  const text = ({ account, stream, consumer }: Known): string =>
    `${consumer === undefined ? `stream ${stream}` : `consumer ${stream} > ${consumer}`}${accounts.size > 1 ? ` of account ${account}` : ""}`;
  const there = lost.filter((k) => still.has(k.key));
  const ephemeral = await ephemerals(accounts, there);
  return there.filter((k) => !ephemeral(k)).map(text);
}

interface Known {
  account: string;
  stream: string;
  consumer?: string;
  key: string;
}
const key = (...names: string[]): string => names.join(" ");

/** What the meta group has. */
async function known(accounts: ReadonlyMap<string, NatsConnection>, consumers: boolean): Promise<Known[]> {
  const all: Known[] = [];
  for (const [account, nc] of accounts) {
    try {
      const streams = await streamNames(nc);
      for (let i = 0; i < streams.length; i += AT_ONCE) {
        const some = await Promise.all(
          streams
            .slice(i, i + AT_ONCE)
            .map(
              async (stream): Promise<Known[]> => [
                { account, stream, key: key(account, stream) },
                ...(consumers ? await consumerNames(nc, stream) : []).map((consumer) => ({ account, stream, consumer, key: key(account, stream, consumer) })),
              ],
            ),
        );
        all.push(...some.flat());
      }
    } catch (error) {
      throw new Error(`account ${account}: ${(error as Error).message}`, { cause: error });
    }
  }
  return all;
}

/** Which of these consumers are surely not durable. A page of the list holds those of servers known to be off by their configuration, and leaves the silent ones out. */
async function ephemerals(accounts: ReadonlyMap<string, NatsConnection>, lost: readonly Known[]): Promise<(k: Known) => boolean> {
  const durables = new Map<string, Set<string> | undefined>();
  for (const { account, stream, consumer } of lost) {
    if (consumer !== undefined && !durables.has(key(account, stream))) durables.set(key(account, stream), await listed(accounts.get(account)!, stream));
  }
  return ({ account, stream, consumer }) => consumer !== undefined && durables.get(key(account, stream))?.has(consumer) === false;
}

/** The names of a stream's durables; undefined when the list isn't complete. */
async function listed(nc: NatsConnection, stream: string): Promise<Set<string> | undefined> {
  const configs: Config[] = [];
  for (let offset = 0, total = 1; offset < total; ) {
    const page = await request<{ total: number; limit: number; consumers: { config: Config }[] | null }>(
      nc,
      `consumers of ${stream}`,
      `CONSUMER.LIST.${stream}`,
      { offset },
    );
    configs.push(...(page.consumers ?? []).map((c) => c.config));
    ({ total } = page);
    offset += Math.max(1, page.limit);
    if (configs.length < Math.min(offset, total)) return undefined;
  }
  return new Set(configs.flatMap((c) => (typeof c.durable_name === "string" ? [c.durable_name] : [])));
}
