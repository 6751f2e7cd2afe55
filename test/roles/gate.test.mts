import t from "tap";
import { clusterGate } from "../../roles/gate.mts";
import { TestCluster } from "../nats/servers.mts";
import { clusterWith } from "./jetstream-setup/fixture.mts";

t.setTimeout(300_000);
const gateOf = (running: TestCluster, name: string) => {
  const cluster = clusterWith({ ...running.target, name }, "");
  const gate = clusterGate([cluster], new AbortController().signal);
  return (host: string): Promise<void> => gate.before(cluster.hosts.find((h) => h.name === host)!, () => {});
};

t.test("a cluster that the inventory names anew isn't rolled: the first node would be parted from the others", async (t) => {
  await TestCluster.with("2.15.1", 3, async (running) => {
    await t.rejects(gateOf(running, "renamed")("n1"), {
      message: /one of 3 servers of cluster test, and the inventory says renamed/,
      next: /cluster\.name: test again; or run site\.mts --all-at-once/,
    });
  });
});

t.test("a node that is alone under another name may be brought back", async () => {
  await TestCluster.with("2.15.1", 3, async (running) => gateOf(running, "test")("n1"), { n1: { cluster: "elsewhere" } });
});
