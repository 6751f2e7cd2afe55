import t from "tap";
import { readState, writeState } from "../../../lib/nats/backup/migration.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { request, streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { isFrozen } from "../../../lib/nats/jetstream/freeze.mts";
import { placeOf } from "../../../roles/migrate/options.mts";
import { goBack, migrate } from "../../../roles/migrate/phases.mts";
import { fill } from "../../nats/backup/fixture.mts";
import { failures, type Move, move } from "./fixture.mts";

t.setTimeout(600_000);

async function moved(m: Move): Promise<void> {
  const run = m.run();
  t.ok(await migrate(run, [m.cluster], { source: m.source, dir: m.dir, acceptMemoryLoss: false }), failures(run).join());
}
/** Gives it up. @returns what failed */
async function backs(m: Move, acceptLoss = false): Promise<string[]> {
  const run = m.run();
  await goBack(run, [m.cluster], { source: m.source, dir: m.dir, acceptLoss });
  return failures(run);
}
const closed = async (m: Move): Promise<boolean> => isFrozen((await streamInfo(m.nc, "A"))!.config);
const state = (m: Move) => readState(m.dir, placeOf(m.source));

t.test("done, and nobody has written to the cluster: the old server opens", async (t) => {
  const m = await move(t);
  await moved(m);
  t.same(await backs(m), []);
  t.notOk(await closed(m));
  t.equal(state(m), undefined, "and the folder is out of the way");
});

t.test("done, and clients have written to the cluster", async (t) => {
  const m = await move(t);
  await moved(m);
  const now = await connectApp(m.cluster.target);
  t.teardown(() => now.close());
  await fill(now, 4, () => "A.new");
  t.match(await backs(m), [/^the cluster has taken nothing since: A \(4 messages\): written to test since.*--accept-loss/]);
  t.ok(await closed(m));
  t.equal(state(m)?.stage, "done");
  t.same(await backs(m, true), []);
  t.notOk(await closed(m));
});

t.test("while streams are put back, and then the cluster doesn't answer", async (t) => {
  const m = await move(t);
  await moved(m);
  writeState(m.dir, { ...state(m)!, stage: "restoring" });
  const { nodes } = m.cluster.target;
  m.cluster.target.nodes = nodes.map((n) => ({ ...n, port: 1 }));
  t.match(await backs(m), [/can't be asked.*--accept-loss/s]);
  t.ok(await closed(m));
  // in place: what answers there isn't of the cluster
  Object.assign(m.cluster, { target: { ...m.cluster.target, name: "test", nodes } });
  t.match(await backs(m), [/^the cluster has taken nothing since: no server of test answers/]);
  t.ok(await closed(m));
});

t.test("the old server's store isn't there", async (t) => {
  const m = await move(t);
  await moved(m);
  await request(m.nc, "A", "STREAM.DELETE.A");
  t.match(await backs(m), [/^open stream A: the old server has no stream A\. put its store back: docs\/migrate\.md/]);
  t.equal(state(m)?.stage, "done", "it isn't given up");
});

t.test("no old server: a server of a cluster, or one without streams", async (t) => {
  const m = await move(t);
  await request(m.nc, "A", "STREAM.DELETE.A");
  t.match(await backs(m), [/has no stream that these credentials see, and no migration from there.*--to/]);
  const server = m.old.server("n1");
  await server.stop("SIGTERM");
  server.options.cluster = "prod";
  m.old.configure(server);
  server.start();
  await m.old.greets(server);
  t.match(await backs(m), [/there is n1 of the cluster prod, not the old server/]);
});
