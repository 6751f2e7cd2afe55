// What ways of publishing give on this machine: three real servers, R3 on file, 128 bytes, three connections. tsx ingest.mts [SECONDS [PARTITIONS]]
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { startFastIngest } from "@nats-io/jetstream/internal";
import type { NatsConnection } from "nats";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { openLoad } from "../../../lib/nats/load/open.mts";
import { TestCluster } from "../servers.mts";

const [seconds = "3", partitions = "1"] = process.argv.slice(2);
const payload = new Uint8Array(128).fill(120);

/** Publishes until `end`. @returns how many are acknowledged */
type Way = (nc: NatsConnection, subject: string, end: number) => Promise<number>;

const single =
  (open: number): Way =>
  async (nc, subject, end) => {
    let acked = 0;
    const js = jetstream(nc);
    const one = async (): Promise<void> => {
      for (; performance.now() < end; acked++) await js.publish(subject, payload);
    };
    await Promise.all(Array.from({ length: open }, one));
    return acked;
  };

const atomic =
  (size: number): Way =>
  async (nc, subject, end) => {
    let acked = 0;
    const js = jetstream(nc);
    const batches = async (): Promise<void> => {
      while (performance.now() < end) {
        const batch = await js.startBatch(subject, payload);
        for (let i = 2; i < size; i++) batch.add(subject, payload);
        const { count } = await batch.commit(subject, payload);
        acked += count;
      }
    };
    await Promise.all([batches(), batches()]);
    return acked;
  };

const fast =
  (ackInterval: number): Way =>
  async (nc, subject, end) => {
    const batch = await startFastIngest(nc, subject, payload, { ackInterval, allowGaps: false });
    while (performance.now() < end) await batch.add(subject, payload);
    // Its promise may be told "batch closed" by the answer that ends it; done() has the count in any case.
    batch.end().catch(() => {});
    const { count } = await batch.done();
    return count;
  };

const WAYS: [what: string, way: Way][] = [
  ["single, 340 open on each connection", single(340)],
  ["atomic batches of 100, two at once", atomic(100)],
  ["atomic batches of 1000, two at once", atomic(1000)],
  ["fast ingest, acknowledged every 100", fast(100)],
  ["fast ingest, acknowledged every 500", fast(500)],
];

const cluster = await TestCluster.start("2.15.1", 3);
try {
  await waitUntilSafe(cluster.target, {}, { settleMs: 0, timeoutMs: 60_000 });
  const load = await openLoad(cluster.target, { workers: 1 });
  const jsm = await jetstreamManager(load.publishers[0]!.nc);
  const names = Array.from({ length: Number(partitions) }, (_, i) => `S${i}`);
  for (const [what, way] of WAYS) {
    for (const name of names)
      await jsm.streams.add({ name, subjects: [name], num_replicas: 3, max_bytes: 300_000_000, allow_atomic: true, allow_batched: true });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const began = performance.now();
    const counts = await Promise.all(load.publishers.map(({ nc }, i) => way(nc, names[i % names.length]!, began + 1000 * Number(seconds))));
    const acked = counts.reduce((a, b) => a + b, 0);
    const rate = Math.round((1000 * acked) / (performance.now() - began));
    const infos = await Promise.all(names.map((name) => jsm.streams.info(name)));
    const stored = infos.reduce((sum, { state }) => sum + state.last_seq, 0);
    console.log(`${what.padEnd(40)} ${String(rate).padStart(7)} msg/s   acknowledged ${acked}, stored ${stored}`);
    for (const name of names) await jsm.streams.delete(name);
  }
  await load.close();
} finally {
  await cluster.stop();
}
