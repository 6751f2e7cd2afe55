import t from "tap";
import { connectApp, connectSys } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { consumerInfo, request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { heldBy, holders, startMove, untilLeft } from "../../../lib/nats/jetstream/move.mts";
import { memberOf, metaGroup, removeMember } from "../../../lib/nats/jetstream/peers.mts";
import { observe } from "../../../lib/nats/observe.mts";
import { TestCluster, VERSIONS } from "../servers.mts";
import { until } from "../until.mts";

t.setTimeout(600_000);

const only = (cluster: TestCluster, ...names: string[]) => ({ ...cluster.target, nodes: cluster.target.nodes.filter((n) => names.includes(n.name)) });

for (const version of VERSIONS) {
  t.test(version, async (t) => {
    const cluster = await TestCluster.start(version, 4);
    t.teardown(() => cluster.stop());
    await waitUntilSafe(cluster.target, {}, { settleMs: 0 });
    const [sys, app] = [await connectSys(cluster.target), await connectApp(cluster.target)];
    t.teardown(() => Promise.all([sys.close(), app.close()]));
    const create = async (name: string, num_replicas: number, storage = "file") => {
      await request(app, name, `STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], num_replicas, storage });
      await request(app, name, `CONSUMER.CREATE.${name}.w`, { stream_name: name, config: { durable_name: "w", ack_policy: "explicit" } });
      for (let i = 0; i < 100; i++) await app.request(`${name}.x`, "x", { timeout: 5000 });
    };
    const stream = async (name: string) => (await observe(cluster.target, { connection: sys })).streams.find((s) => s.name === name)!;

    for (const [name, replicas, storage] of [
      ["SOLO", 1, "file"],
      ["MEM", 1, "memory"],
      ["LOGS", 3, "file"],
    ] as const) {
      await t.test(`${name}: ${replicas} ${replicas > 1 ? "replicas" : "replica"} of ${storage} leave a server while messages come in`, async (t) => {
        await create(name, replicas, storage);
        const from = (await stream(name)).leader;
        let stop = false,
          acked = 100;
        const writing = (async () => {
          while (!stop) {
            const { seq } = await app.request(`${name}.y`, "y", { timeout: 2000 }).then(
              (m) => m.json<{ seq?: number }>(),
              () => ({ seq: undefined }),
            );
            if (seq) acked++;
          }
        })();
        await startMove(sys, { account: "APP", name }, from);
        const there = await untilLeft(cluster.target, sys, app, { account: "APP", name }, from, { timeoutMs: 60_000 });
        stop = true;
        await writing;
        t.equal(holders(there).length, replicas);
        t.notOk(holders(there).includes(from));
        t.ok((await streamInfo(app, name))!.state.messages >= acked, "nothing acknowledged is lost");
        t.ok(await consumerInfo(app, name, "w"), "its consumer answers");
      });
    }

    await t.test("a member that has no name any more, as everybody who knew it has restarted, is removed by its id", async (t) => {
      for (const s of heldBy(await observe(cluster.target), "n4")) {
        await startMove(sys, s, "n4");
        await untilLeft(cluster.target, sys, app, s, "n4", { timeoutMs: 60_000 });
      }
      await cluster.server("n4").stop();
      const rest = ["n1", "n2", "n3"];
      for (const name of rest) {
        await cluster.server(name).stop("SIGTERM");
        cluster.server(name).start();
        await until(
          () => metaGroup(sys, rest).catch(() => undefined),
          (g) => g !== undefined && observed(g.members, rest),
          60_000,
        );
      }
      const group = (await until(
        () => metaGroup(sys, rest),
        (g) => g !== undefined,
        30_000,
      ))!;
      t.equal(group.size, 4, "it still counts");
      t.ok(memberOf(group, "n4"), "and is found", { group });
      await removeMember(sys, "n4", rest);
      t.same((await metaGroup(sys, rest))!.members.map((m) => m.name).sort(), rest);
      await removeMember(sys, "n4", rest);
      await waitUntilSafe(only(cluster, ...rest), {}, { settleMs: 0, timeoutMs: 60_000 });
    });

    await t.test("a move that no other server is fit for is refused with the server's words", async (t) => {
      await t.rejects(startMove(sys, { account: "APP", name: "LOGS" }, "n1"), /stream LOGS: .*\(JetStream error \d+\)/);
      t.same(holders(await stream("LOGS")).sort(), ["n1", "n2", "n3"]);
    });
  });
}

const observed = (members: readonly { name: string; offline: boolean }[], names: readonly string[]): boolean =>
  names.every((name) => members.some((m) => m.name === name && !m.offline));
