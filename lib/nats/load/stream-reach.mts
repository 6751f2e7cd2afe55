import { headers } from "nats";
import { now, pause } from "./clock.mts";
import type { LoadConnection, LoadConnections } from "./types.mts";

/**
 * Waits until the new stream and its durable answer on every connection: a server says "no responders" until it has heard of
 * them from the leader, and that is no fault of the cluster. Stores and takes nothing.
 * @throws naming the node whose clients can't reach them
 */
export async function streamReach(
  { publishers, workers }: LoadConnections,
  o: { stream: string; durable: string; subject: string; patience: number; signal?: AbortSignal },
): Promise<void> {
  const end = now() + o.patience;
  const expect = headers();
  // A publish that expects another stream is refused, so it proves the way and leaves nothing behind.
  expect.set("Nats-Expected-Stream", "_none_");
  const until = async ({ node, nc }: LoadConnection, what: string, ask: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      const failure = await ask().then(
        () => undefined,
        (error: Error) => error,
      );
      if (!failure) return;
      if (now() > end || nc.isClosed()) throw new Error(`${what} doesn't answer clients of ${node}: ${failure.message}`, { cause: failure });
      await pause(10, o.signal);
    }
  };
  const next = `$JS.API.CONSUMER.MSG.NEXT.${o.stream}.${o.durable}`;
  await Promise.all([
    ...publishers.map((p) => until(p, o.stream, () => p.nc.request(o.subject, undefined, { headers: expect, timeout: 1000 }))),
    ...workers.map((w) => until(w, `${o.stream} > ${o.durable}`, () => w.nc.request(next, '{"batch":1,"no_wait":true}', { timeout: 1000 }))),
  ]);
}
