import { setTimeout as sleep } from "node:timers/promises";
import { headers, type NatsConnection } from "nats";

/** How long a server may need to hear of a stream's leader, ms. */
const PATIENCE_MS = 3000;

/**
 * The stream in which a message to this subject would be stored, by the servers' own word; undefined when no stream takes it. Nothing is
 * stored: a publish that expects another stream is refused, and the refusal names the stream.
 * @throws Error when there is no answer, as of a stream with no_ack
 */
export async function landing(nc: NatsConnection, subject: string, signal?: AbortSignal): Promise<string | undefined> {
  const expect = headers();
  expect.set("Nats-Expected-Stream", "_none_");
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(100, undefined, { signal })) {
    try {
      return (await nc.request(subject, undefined, { headers: expect, timeout: 1000 })).json<{ stream?: string }>().stream;
    } catch (error) {
      const nobody = error instanceof Error && /no ?responders/i.test(`${error.name} ${error.message}`);
      if (Date.now() > until) {
        if (nobody) return undefined;
        throw error;
      }
    }
  }
}
