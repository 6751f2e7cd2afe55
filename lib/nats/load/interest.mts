import { now, pause } from "./clock.mts";
import type { LoadConnections } from "./types.mts";

/**
 * Makes sure that each publisher reaches each worker, whatever the nodes: subscriptions travel along the routes on their own
 * time, and a server hands a queue's messages to its own subscribers first, so the load alone might never cross a route.
 * @param base subject under which each worker listens for a moment
 * @param patience ms until a pair counts as unreachable
 * @returns the pairs of nodes between which nothing got through
 */
export async function unreachable(
  { publishers, workers }: LoadConnections,
  base: string,
  patience: number,
  signal?: AbortSignal,
): Promise<{ from: string; to: string }[]> {
  // Subscribed after the queue on the same connection: when this one is known somewhere, so is the queue.
  const ears = workers.map((w, i) =>
    w.nc.subscribe(`${base}.${i}`, {
      callback: (_, m) => {
        m.respond();
      },
    }),
  );
  const end = now() + patience;
  try {
    const pairs = await Promise.all(
      publishers.flatMap((p) =>
        workers.map(async (w, i) => {
          while (now() < end && !p.nc.isClosed() && !w.nc.isClosed()) {
            // No answer and "no responders" mean the same here: not yet.
            const reached = await p.nc.request(`${base}.${i}`, undefined, { timeout: 500 }).then(
              () => true,
              () => false,
            );
            if (reached) return [];
            await pause(10, signal);
          }
          return [{ from: p.node, to: w.node }];
        }),
      ),
    );
    return [...new Map(pairs.flat().map((pair) => [`${pair.from}\n${pair.to}`, pair])).values()];
  } finally {
    for (const ear of ears) ear.unsubscribe();
  }
}
