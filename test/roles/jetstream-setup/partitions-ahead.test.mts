import t from "tap";
import { observe } from "../../../lib/nats/observe.mts";
import type { ClusterTarget } from "../../../lib/nats/target.mts";
import { Secret } from "../../../lib/secret.mts";
import { doubts } from "../../../roles/jetstream-setup/partitions-ahead.mts";
import { TestCluster } from "../../nats/servers.mts";
import { clusterWith } from "./fixture.mts";

t.setTimeout(120_000);

t.test("what a run is told before servers hear of their mappings", async (t) => {
  await TestCluster.with("2.15.1", 1, async ({ target }) => {
    const vars = (yaml: string) => clusterWith(target, yaml).hosts[0]!.vars;
    const partitioned = vars("streams:\n  - { name: LOGS, subjects: [logs.>], partitions: 2, num_replicas: 1 }\n");
    const look = (sys: ClusterTarget["sys"]) => observe({ ...target, sys }, { quick: true });
    const seen = await look(target.sys);
    t.same(doubts(seen, partitioned, []), []);
    t.match(doubts(seen, partitioned, ["n2", "n3"]), [/^n2, n3 keep the former mapping, as --limit leaves them out: one key/]);
    const unseen = await look({ user: "nobody", password: new Secret("a password that nobody has") });
    const [told, ...more] = doubts(unseen, partitioned, []);
    t.match(told, /^servers run, but their system account can't be asked, so nobody knows whether .* the partitions of LOGS: .*refused the credential/s);
    t.notMatch(told, /nobody has/);
    t.same(more, []);
    t.same(doubts(unseen, vars("streams: []\n"), []), [], "nothing to be wrong about");
  });
});
