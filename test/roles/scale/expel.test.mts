import t from "tap";
import { connectApp, connectSys, type NatsConnection } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { consumerInfo, request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { metaGroup } from "../../../lib/nats/jetstream/peers.mts";
import { unheld } from "../../../lib/nats/jetstream/unheld.mts";
import { observe } from "../../../lib/nats/observe.mts";
import { Secret } from "../../../lib/secret.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { expel } from "../../../roles/scale/expel.mts";
import { PASSWORD, TestCluster, VERSIONS } from "../../nats/servers.mts";
import { until } from "../../nats/until.mts";

t.setTimeout(300_000);

/** What `expel` has to know of a cluster: where it is, and a user of each account. */
const clusterOf = (target: TestCluster["target"], ...accounts: string[]): Cluster =>
  ({
    target,
    connect: {},
    hosts: [{ vars: { users: accounts.map((account) => ({ name: account === "APP" ? "app" : account, account, password: new Secret(PASSWORD) })) } }],
  }) as unknown as Cluster;

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
    // The new stream's subject may still be on its way to the server that is asked.
    await until(
      () =>
        app.request(name, "precious", { timeout: 5000 }).then(
          () => true,
          () => false,
        ),
      (stored) => stored,
    );
    if ((await streamInfo(app, name))?.cluster?.leader === "n4") late = name;
  }
  t.not(late, "");
  await test.server("n4").stop("SIGUSR2");
  const cluster = clusterOf(without, "APP");
  const step = (acceptLoss: boolean) => expel({ server: "n4", runs: false, holds: [] }, { cluster, with: test.target, without, acceptLoss });
  const work = (acceptLoss: boolean): Promise<void> => step(acceptLoss).work!(() => {}, new AbortController().signal);
  t.same(await step(false).changes(), [{ attribute: "n4", current: "member", desired: "removed" }]);
  const error = await work(false).catch((e: unknown) => e);
  t.match(error, {
    message: new RegExp(`stream ${late}: the only replica is in the store of n4, and would be lost`),
    next: /systemctl start nats-server; then run again/,
  });
  t.equal((await metaGroup(sys, rest))!.size, 4, "it is still a member");
  await work(true);
  t.equal((await metaGroup(sys, rest))!.size, 3);
  t.same(await step(false).changes(), []);
  t.equal(
    (
      await until(
        () => streamInfo(app, late),
        (s) => s !== undefined && s.cluster?.leader !== "",
        20_000,
      )
    )?.state.messages,
    0,
    "made anew, and empty: that is what nats-server does, and why it is asked",
  );
});

for (const version of VERSIONS) {
  t.test(`what only the removed server has, in any account: ${version}`, async (t) => {
    const accounts = { accounts: ["BILLING"] };
    const test = await TestCluster.start(version, 3, { n1: accounts, n2: accounts, n3: accounts });
    t.teardown(() => test.stop());
    await waitUntilSafe(test.target, {}, { settleMs: 0 });
    const without = { ...test.target, nodes: test.target.nodes.filter((n) => n.name !== "n3") };
    const [app, billing, sys] = [
      await connectApp(without),
      await connectApp({ ...without, app: { user: "BILLING", password: new Secret(PASSWORD) } }),
      await connectSys(without),
    ];
    const all = new Map([
      ["APP", app],
      ["BILLING", billing],
    ]);
    t.teardown(() => Promise.all([app, billing, sys].map((nc) => nc.close())));
    const stream = (nc: NatsConnection, name: string, num_replicas: number) =>
      request(nc, name, `STREAM.CREATE.${name}`, { name, subjects: [name], num_replicas });
    const leaderIs3 = async (nc: NatsConnection, name: string, consumer?: string): Promise<boolean> =>
      (consumer ? await consumerInfo(nc, name, consumer) : await streamInfo(nc, name))?.cluster?.leader === "n3";
    // the same name in both accounts: one of them is seen on n1 and n2
    await stream(app, "BILLS", 3);
    await stream(app, "LOGS", 3);
    for (let placed = false; !placed; ) {
      await stream(billing, "BILLS", 1);
      placed = await leaderIs3(billing, "BILLS");
      if (!placed) await request(billing, "BILLS", "STREAM.DELETE.BILLS");
    }
    const there = new Set<string>();
    for (const [kind, durable] of [
      ["w", true],
      ["e", false],
    ] as const) {
      for (let i = 0; i < 6 || ![...there].some((n) => n.startsWith(kind)); i++) {
        const name = `${kind}${i}`;
        await request(app, name, `CONSUMER.CREATE.LOGS.${name}`, {
          stream_name: "LOGS",
          config: { name, ack_policy: "explicit", ...(durable ? { durable_name: name, num_replicas: 1 } : { inactive_threshold: 600e9 }) },
        });
        if (await leaderIs3(app, "LOGS", name)) there.add(name);
      }
    }
    t.same(await unheld(all, () => observe(test.target)), [], "all run");
    const lost = (...kinds: string[]): string[] =>
      [...there]
        .filter((n) => kinds.some((k) => n.startsWith(k)))
        .map((n) => `consumer LOGS > ${n} of account APP`)
        .sort();
    const found = async (): Promise<string[]> => (await unheld(all, () => observe(without))).sort();

    await test.server("n3").stop("SIGKILL");
    t.match(await found(), [...lost("w", "e"), "stream BILLS of account BILLING"].sort(), "nobody can tell yet which are durable");
    test.server("n3").start();
    await waitUntilSafe(test.target, {}, { settleMs: 0, timeoutMs: 120_000 });
    await test.server("n3").stop("SIGUSR2");
    t.same(
      await until(found, (f) => f.length === lost("w").length + 1, 60_000),
      [...lost("w"), "stream BILLS of account BILLING"].sort(),
      "one that has said good-bye",
    );

    const step = (cluster: Cluster) =>
      expel({ server: "n3", runs: false, holds: [] }, { cluster, with: test.target, without, acceptLoss: false }).work!(() => {}, new AbortController().signal);
    await t.rejects(step(clusterOf(without, "APP", "BILLING")), {
      message: /consumer LOGS > w\d of account APP.*stream BILLS of account BILLING: the only replica is in the store of n3/,
    });
    await t.rejects(
      step({ ...clusterOf(without, "APP", "NOBODY") }),
      { message: /^what the store of n3 alone holds can't be told: / },
      "who can't be asked hasn't said that there is nothing",
    );
    t.equal((await metaGroup(sys, ["n1", "n2"]))!.size, 3, "it is still a member");
  });
}
