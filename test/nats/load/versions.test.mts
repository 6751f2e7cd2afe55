import t from "tap";
import { judge } from "../../../lib/nats/load/judge.mts";
import { pullTest } from "../../../lib/nats/load/pull.mts";
import { pushTest } from "../../../lib/nats/load/push.mts";
import { type Bed, bed, jetstreamReady, LIGHT } from "./cluster.mts";

t.setTimeout(600_000);
let b: Bed;
t.before(async () => {
  b = await bed("2.10.27");
  await jetstreamReady(b.stranger);
});
t.teardown(async () => b?.stop());

t.test("2.10.27: push passes", async (t) => {
  t.ok(judge(await pushTest(await b.open(6), LIGHT)).passed);
});
t.test("2.10.27: pull passes", async (t) => {
  t.ok(judge(await pullTest(await b.open(3), { ...LIGHT, replicas: 3 })).passed);
});
