import { jetstreamManager } from "@nats-io/jetstream";
import { connectApp, type NatsConnection } from "../../../lib/nats/connect.mts";
import { type OpenLoad, openLoad } from "../../../lib/nats/load/open.mts";
import { TestCluster } from "../servers.mts";

/** Small and slow enough for any machine: tests here are about accounts, not speed. */
export const LIGHT = { rate: 2000, seconds: 0.5 };

export interface Bed {
  cluster: TestCluster;
  /** a client that isn't the load's */
  stranger: NatsConnection;
  open(workers: number): Promise<OpenLoad>;
  stop(): Promise<void>;
}

/** Three real servers with JetStream up. */
export async function bed(version = "2.15.1", options: Parameters<typeof TestCluster.start>[2] = {}): Promise<Bed> {
  const cluster = await TestCluster.start(version, 3, options);
  const opened: OpenLoad[] = [];
  let stranger: NatsConnection | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(opened.map(async (o) => o.close()));
    await stranger?.close();
    await cluster.stop();
  };
  try {
    stranger = await connectApp(cluster.target);
    return {
      cluster,
      stranger,
      stop,
      open: async (workers) => {
        const load = await openLoad(cluster.target, { workers });
        opened.push(load);
        return load;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until the meta group has its leader and all three servers take replicas: until an R3 stream can be made. */
export async function jetstreamReady(nc: NatsConnection): Promise<void> {
  await eventually(async () => {
    // Without a meta leader a server doesn't answer at all: ask again soon.
    const jsm = await jetstreamManager(nc, { timeout: 1000, checkAPI: false });
    await jsm.streams.add({ name: "READY", subjects: ["ready"], num_replicas: 3 });
    await jsm.streams.delete("READY");
    return true;
  });
}

/** Tries until it gives something; thirty seconds. */
export async function eventually<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 30_000; ; ) {
    try {
      const value = await attempt();
      if (value !== undefined) return value;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    if (Date.now() > end) throw new Error("gave up after 30 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
