import t from "tap";
import { connectApp, connectSys } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { metaGroup } from "../../../lib/nats/jetstream/peers.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { expel } from "../../../roles/scale/expel.mts";
import { until } from "../../nats/until.mts";
import { TestCluster } from "../../nats/servers.mts";

t.setTimeout(300_000);

t.test("a stream that somebody put on the server after it was emptied isn't thrown away with it", async (t) => {
  const test = await TestCluster.start("2.15.1", 4);
  t.teardown(() => test.stop());
  await waitUntilSafe(test.target, {}, { settleMs: 0 });
  const rest = ["n1", "n2", "n3"];
  const without = { ...test.target, nodes: test.target.nodes.filter((n) => rest.includes(n.name)) };
  const [app, sys] = [await connectApp(without), await connectSys(without)];
  t.teardown(() => Promise.all([app.close(), sys.close()]));
  let late = "";
  for (let i = 0; !late && i < 20; i++) {
    const name = `LATE${i}`;
    await request(app, name, `STREAM.CREATE.${name}`, { name, subjects: [name], num_replicas: 1 });
    await app.request(name, "precious", { timeout: 5000 });
    if ((await streamInfo(app, name))?.cluster?.leader === "n4") late = name;
  }
  t.not(late, "");
  await test.server("n4").stop("SIGUSR2");
  const cluster = { target: without, connect: {} } as unknown as Cluster;
  const step = (acceptLoss: boolean) => expel({ server: "n4", runs: false, holds: [] }, { cluster, with: test.target, without, acceptLoss });
  const work = (acceptLoss: boolean): Promise<void> => step(acceptLoss).work!(() => {}, new AbortController().signal);
  t.same(await step(false).changes(), [{ attribute: "n4", current: "member", desired: "removed" }]);
  const error = await work(false).catch((e: unknown) => e);
  t.match(error, { message: new RegExp(`stream ${late}: its only replica is in the store of n4, and would be lost`), next: /systemctl start nats-server; then run again/ });
  t.equal((await metaGroup(sys, rest))!.size, 4, "it is still a member");
  await work(true);
  t.equal((await metaGroup(sys, rest))!.size, 3);
  t.same(await step(false).changes(), []);
  t.equal((await until(() => streamInfo(app, late), (s) => s !== undefined && s.cluster?.leader !== "", 20_000))?.state.messages, 0, "made anew, and empty: that is what nats-server does, and why it is asked");
});
