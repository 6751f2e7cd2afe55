import t from "tap";
import { runBench } from "../../../lib/nats/bench/run.mts";
import { settleBench } from "../../../lib/nats/bench/spec.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { manager } from "../../../lib/nats/load/temporary-stream.mts";
import { TestCluster } from "../servers.mts";

t.setTimeout(300_000);

t.test("a measurement that doesn't fit beside what users' streams hold isn't begun", async (t) => {
  const cluster = await TestCluster.start("2.15.1", 1, { n1: { maxFile: "64MB" } });
  t.teardown(() => cluster.stop());
  const nc = await connectApp(cluster.target);
  t.teardown(() => nc.close());
  const jsm = await manager(nc);
  // Without max_bytes nothing of it is reserved.
  await jsm.streams.add({ name: "USERS", subjects: ["users"] });
  const spec = settleBench({ seconds: 1, warmUp: 1, pull: { rate: 1000, payload: 8000, replicas: 1, partitions: 1, publishers: 1, workers: 1 } });
  for (let i = 0; i < 30; i++) await nc.request("users", new Uint8Array(900_000), { timeout: 20_000 });
  await t.rejects(runBench(cluster.target, spec), {
    message: /^the streams of the measurement may take \d+ MiB on n1, and of its jetstream\.max_file \d+ MiB are free beside what is there$/,
    next: /--seconds/,
  });
  const names: string[] = [];
  for await (const name of jsm.streams.names()) names.push(name);
  t.same(names, ["USERS"]);
  await jsm.streams.purge("USERS");
  t.equal((await runBench(cluster.target, spec)).rounds[0]!.flows[0]!.lost, 0);
});
