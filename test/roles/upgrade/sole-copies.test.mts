import t from "tap";
import { request } from "../../../lib/nats/jetstream/api.mts";
import { observe } from "../../../lib/nats/observe.mts";
import { soleCopies } from "../../../roles/upgrade/sole-copies.mts";
import { bed, jetstreamReady } from "../../nats/load/cluster.mts";

t.setTimeout(300_000);

t.test("streams and durable consumers that one server holds alone are named, with their node", async (t) => {
  const b = await bed();
  t.teardown(async () => b.stop());
  await jetstreamReady(b.stranger);
  const stream = (name: string, num_replicas: number) => request(b.stranger, name, `STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], num_replicas });
  const consumer = (of: string, config: { name: string; [field: string]: unknown }) =>
    request(b.stranger, of, `CONSUMER.CREATE.${of}.${config.name}`, { stream_name: of, config: { ack_policy: "explicit", ...config } });
  await stream("SAFE", 3);
  await stream("ALONE", 1);
  await consumer("SAFE", { name: "fine", durable_name: "fine" });
  await consumer("SAFE", { name: "single", durable_name: "single", num_replicas: 1 });
  await consumer("SAFE", { name: "passing", inactive_threshold: 60e9 });
  await consumer("ALONE", { name: "with-it", durable_name: "with-it" });
  const found = soleCopies(await observe(b.cluster.target));
  t.match(found, [
    { asset: "stream ALONE with with-it", node: /^n[123]$/ },
    { asset: "consumer SAFE > single", node: /^n[123]$/ },
  ]);
  t.equal(found.length, 2);
});
