import t from "tap";
import { judge } from "../../../lib/nats/load/judge.mts";
import { pushTest } from "../../../lib/nats/load/push.mts";
import { type Bed, bed, LIGHT } from "./cluster.mts";

let b: Bed;
// A server with another cluster name is refused by the others' routes.
t.before(async () => {
  b = await bed("2.15.1", { n3: { cluster: "elsewhere" } });
});
t.teardown(async () => b?.stop());

t.test("nodes without a route between them are named, though each serves its own clients", async (t) => {
  const r = await pushTest(await b.open(3), { ...LIGHT, patience: 1000 });
  t.equal(r.lost, 0);
  t.same(r.unreachable.map((p) => `${p.from} ${p.to}`).sort(), ["n1 n3", "n2 n3", "n3 n1", "n3 n2"]);
  t.same(
    judge(r)
      .lines.filter((l) => l.status === "failed")
      .map((l) => l.check),
    ["push: reach"],
  );
});
