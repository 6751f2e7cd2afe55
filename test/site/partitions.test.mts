import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "nats";
import t, { type Test } from "tap";
import { partitionFor } from "../../lib/nats/jetstream/partitions.mts";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(1_200_000);

const vars = (partitions: string): string => `verify: { rate: 1000, seconds: 1, settle: 1s }
streams:
  - name: LOGS
    subjects: ["logs.>"]
    ${partitions}
    consumers: [{ durable_name: pull-worker, max_ack_pending: 50000 }]
`;

/** Publishes under ten keys without a pause, each message until some stream has it, and knows which. */
class Publisher {
  readonly acked = new Map<string, Set<string>>();
  readonly refusals: string[] = [];
  #count = 0;
  #stopping = false;
  readonly #nc: NatsConnection;
  readonly #done: Promise<void>;

  constructor(t: Test, nc: NatsConnection) {
    this.#nc = nc;
    t.teardown(() => {
      this.#stopping = true;
    });
    this.#done = this.#publish();
  }

  async #publish(): Promise<void> {
    for (; !this.#stopping; this.#count++) {
      const id = `${this.#count}`;
      for (;;) {
        const stream = await this.#nc.request(`logs.k${this.#count % 10}.x`, id, { timeout: 2000 }).then(
          (m) => m.json<{ stream?: string; seq?: number }>(),
          (e: Error) => ({ stream: undefined, seq: undefined, e: this.refusals.push(e.message) }),
        );
        if (stream.seq) {
          this.acked.set(stream.stream!, (this.acked.get(stream.stream!) ?? new Set()).add(id));
          break;
        }
        if (this.#stopping) return;
        await sleep(50);
      }
      await sleep(20);
    }
  }

  /** Ends it. @returns what was acknowledged and isn't in the stream that acknowledged it */
  async lost(): Promise<string[]> {
    this.#stopping = true;
    await this.#done;
    const missing: string[] = [];
    for (const [stream, ids] of this.acked) {
      const { state } = (await this.#nc.request(`$JS.API.STREAM.INFO.${stream}`, undefined, { timeout: 20_000 })).json<{ state: { last_seq: number } }>();
      const there = new Set<string>();
      for (let seq = 1; seq <= state.last_seq; seq++) {
        const { message } = (await this.#nc.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify({ seq }), { timeout: 20_000 })).json<{
          message?: { data: string };
        }>();
        if (message) there.add(Buffer.from(message.data, "base64").toString());
      }
      missing.push(...[...ids].filter((id) => !there.has(id)).map((id) => `${stream}: ${id}`));
    }
    return missing;
  }
}

t.test("a stream becomes partitions and gets more of them, while messages come in", { skip }, async (t) => {
  const site = await siteLab(t, "parts");
  site.vars(vars("max_age: 24h"));
  await site.rollout();
  const publisher = new Publisher(t, await site.app(t));

  /** At the moment of a reload a server may have no way to a stream, whatever was changed; never for longer, and a publisher knows. */
  const unheard = (t: Test): void => {
    t.same(
      publisher.refusals.splice(0).filter((words) => !/no responders/.test(words)),
      [],
    );
  };

  t.test("from a single stream: foreseen, and done", async (t) => {
    site.vars(vars("partitions: 3"));
    const foreseen = await site.run("--check");
    exits(t, foreseen, 2);
    t.match(
      foreseen
        .of("warning")
        .map((w) => w.text)
        .join("\n"),
      /stream LOGS stays beside its partitions with what it holds/,
    );
    t.ok(foreseen.deviations.some((d) => d.endsWith("stream LOGS-2 drift")));
    exits(t, await site.run(), 0);
    await sleep(1000);
    t.same([...publisher.acked.keys()].sort(), ["LOGS", "LOGS-0", "LOGS-1", "LOGS-2"]);
    unheard(t);
  });

  t.test("a second run changes nothing, and --check finds nothing", async (t) => {
    const again = await site.run();
    exits(t, again, 0);
    t.same(again.deviations, []);
    t.match(
      again
        .of("warning")
        .map((w) => w.text)
        .join("\n"),
      /no messages left aside: LOGS: it is from before it had partitions and holds \d+ messages, \d+ of them still due to its consumers/,
    );
    const check = await site.run("--check");
    exits(t, check, 0);
    t.same(check.deviations, []);
  });

  t.test("four instead of three", async (t) => {
    site.vars(vars("partitions: 4"));
    const run = await site.run();
    exits(t, run, 0);
    const order = run.ends("changed").map((e) => `${e.phase} ${e.task}`);
    t.equal(order.indexOf("partitions stream LOGS-3") < order.findIndex((o) => o.includes("handler")), true, "the stream comes before the mapping");
    await sleep(1000);
    t.ok(publisher.acked.get("LOGS-3")?.size, "it gets messages");
    unheard(t);
  });

  t.test("fewer, or none: refused before any host is touched", async (t) => {
    for (const [said, words] of [
      ["partitions: 2", /stream LOGS has 4 partitions on the servers and the inventory declares 2: LOGS-2, LOGS-3 would get no message any more/],
      ["max_age: 24h", /declares it without any/],
    ] as const) {
      site.vars(vars(said));
      for (const args of [[], ["--check"]]) {
        const run = await site.run(...args);
        exits(t, run, 1);
        t.match(
          run.ends("failed").map((e) => e.failure!.what),
          [words],
        );
        t.equal(run.ends("changed").length, 0);
      }
    }
  });

  t.test("no message was lost, each lies where its key belongs", async (t) => {
    t.same(await publisher.lost(), []);
    const last = Math.max(...[...publisher.acked.values()].flatMap((ids) => [...ids].map(Number)));
    t.ok(publisher.acked.get(`LOGS-${partitionFor([`k${last % 10}`], 4)}`)?.has(`${last}`));
  });
});
