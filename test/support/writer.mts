import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "nats";
import type { Test } from "tap";

interface Ack {
  seq?: number;
  error?: { description: string };
}

/** Writes into the stream LOGS without a pause, as a customer would, through whatever happens: each message until it is acknowledged. */
export class Writer {
  readonly acked: { id: string; seq: number }[] = [];
  /** why publishes had to be repeated, each time */
  readonly failures: string[] = [];
  readonly #nc: NatsConnection;
  readonly #done: Promise<void>;
  #stopping = false;

  constructor(t: Test, nc: NatsConnection) {
    this.#nc = nc;
    t.teardown(() => {
      this.#stopping = true;
    });
    this.#done = this.#write();
  }

  async #write(): Promise<void> {
    const { headers } = await import("nats");
    for (let i = 0; !this.#stopping; i++) {
      const id = `${Date.now()}-${i}`;
      const h = headers();
      h.set("Nats-Msg-Id", id);
      while (!this.#stopping) {
        const ack = await this.#nc.request("logs.test", id, { timeout: 2000, headers: h }).then(
          (m) => m.json<Ack>(),
          (e: Error): Ack => ({ error: { description: e.message } }),
        );
        if (ack.seq !== undefined) {
          this.acked.push({ id, seq: ack.seq });
          break;
        }
        if (!this.#stopping) this.failures.push(ack.error?.description ?? "no sequence");
        await sleep(100);
      }
      await sleep(40);
    }
  }

  /** Ends the writing. @returns the ids that were acknowledged and are no longer there */
  async lost(): Promise<string[]> {
    this.#stopping = true;
    await this.#done;
    const missing: string[] = [];
    for (let i = 0; i < this.acked.length; i += 100) {
      await Promise.all(
        this.acked.slice(i, i + 100).map(async ({ id, seq }) => {
          const { message } = (await this.#nc.request("$JS.API.STREAM.MSG.GET.LOGS", JSON.stringify({ seq }), { timeout: 20_000 })).json<{
            message?: { data: string };
          }>();
          if (!message || Buffer.from(message.data, "base64").toString() !== id) missing.push(id);
        }),
      );
    }
    return missing;
  }
}
