import t from "tap";
import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { connectedBy } from "../../lib/nats/connected-by.mts";
import { publicKey } from "../../lib/pki/secrets.mts";
import { TestCluster, VERSIONS } from "./servers.mts";

t.setTimeout(120_000);

for (const version of VERSIONS) {
  t.test(`who is connected by a seed: ${version}`, async (t) => {
    await TestCluster.with(version, 2, async (cluster) => {
      const { target } = cluster;
      const key = (user: typeof target.app): string => ("nkeySeed" in user ? publicKey(user.nkeySeed) : "");
      const [one, two, sys] = await Promise.all([
        connectApp(target, { name: "a worker" }),
        connectApp({ ...target, nodes: target.nodes.slice(1) }, { name: "another" }),
        connectSys(target),
      ]);
      t.same(
        (await connectedBy(sys, key(target.app), ["n1", "n2"])).sort((a, b) => a.server.localeCompare(b.server)),
        [
          { server: "n1", name: "a worker", ip: "127.0.0.1" },
          { server: "n2", name: "another", ip: "127.0.0.1" },
        ],
      );
      await one.close();
      await two.close();
      t.same(await connectedBy(sys, key(target.app), ["n1", "n2"]), []);
      t.equal((await connectedBy(sys, key(target.sys), ["n1", "n2"])).length, 1, "itself");
      cluster.server("n2").signal("SIGSTOP");
      await t.rejects(
        connectedBy(sys, key(target.app), ["n1", "n2"]),
        { message: /^n2 did not tell within \d+ s who is connected$/, next: /run again/ },
        "who is silent hasn't said that nobody is",
      );
      await sys.close();
    });
  });
}
