import t from "tap";
import { readState, writeState } from "../../../lib/nats/backup/migration.mts";
import { streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { isFrozen, open, unfrozen } from "../../../lib/nats/jetstream/freeze.mts";
import { placeOf } from "../../../roles/migrate/options.mts";
import { migrate } from "../../../roles/migrate/phases.mts";
import { create, fill } from "../../nats/backup/fixture.mts";
import { failures, type Move, move } from "./fixture.mts";

t.setTimeout(600_000);

/** As an app does that makes sure of its streams, and publishes. */
async function reopens({ nc }: Move): Promise<void> {
  await open(nc, unfrozen((await streamInfo(nc, "A"))!.config));
  await fill(nc, 3, () => "A.late");
}
const stage = (m: Move): string | undefined => readState(m.dir, placeOf(m.source))?.stage;
const inPlace = { host: "n1", unit: "nats-server" };

t.test("new hosts: a client opens a stream of the old server while the cluster gets it", async (t) => {
  const m = await move(t);
  m.on(
    (e) => e.type === "task_end" && e.task === "stream A" && e.role === "restore",
    () => reopens(m),
  );
  const run = m.run();
  t.notOk(await migrate(run, [m.cluster], { source: m.source, dir: m.dir, acceptMemoryLoss: false }));
  t.match(failures(run), [/^the old server has taken nothing since: A of the old server changed after it was saved.*--back/]);
  t.equal(stage(m), "restoring", "and it isn't done");
  const again = m.run();
  t.notOk(await migrate(again, [m.cluster], { source: m.source, dir: m.dir, acceptMemoryLoss: false }), "nor by another run");
  t.match(failures(again), [/^the old server has taken nothing since: A /]);
});

t.test("new hosts: through, with a stream in memory that stays behind", async (t) => {
  const m = await move(t);
  await create(m.nc, "M", { storage: "memory" });
  await fill(m.nc, 5, () => "M.x");
  const run = m.run();
  t.ok(await migrate(run, [m.cluster], { source: m.source, dir: m.dir, acceptMemoryLoss: true }), failures(run).join());
  t.equal(stage(m), "done");
  t.ok(isFrozen((await streamInfo(m.nc, "A"))!.config));
});

t.test("in place, killed before the old server stopped: it is asked again", async (t) => {
  const m = await move(t);
  await t.rejects(
    migrate(
      Object.assign(m.run(), {
        hosts: () => {
          throw new Error("killed");
        },
      }),
      [m.cluster],
      { source: m.source, dir: m.dir, acceptMemoryLoss: false, inPlace },
    ),
    /killed/,
  );
  t.equal(stage(m), "stopping");
  await t.rejects(migrate(m.run(), [m.cluster], { source: m.source, dir: m.dir, acceptMemoryLoss: false }), /give --in-place HOST as before, or --back/);

  await reopens(m);
  const run = m.run();
  t.notOk(await migrate(run, [m.cluster], { source: m.source, dir: m.dir, acceptMemoryLoss: false, inPlace }));
  t.match(failures(run), [/^the old server has taken nothing since: A /]);
  t.notOk(run.events.some((e) => e.type === "phase_start" && e.phase === "restore"));
});

t.test("in place, the old server is gone, and then the cluster is where it was", async (t) => {
  const m = await move(t);
  const options = { source: m.source, dir: m.dir, acceptMemoryLoss: false };
  await t.rejects(
    migrate(
      Object.assign(m.run(), {
        hosts: () => {
          throw new Error("killed");
        },
      }),
      [m.cluster],
      { ...options, inPlace },
    ),
    /killed/,
  );
  await m.old.server("n1").stop("SIGTERM");
  const looks = async (): Promise<unknown> => {
    const run = Object.assign(m.run(), {
      hosts: () => {
        throw new Error("killed");
      },
    });
    await migrate(run, [m.cluster], { ...options, inPlace }).catch(() => undefined);
    return run.events.find((e) => e.type === "task_end" && e.task.startsWith("the old server"));
  };
  t.match(await looks(), { status: "ok", reason: "it is stopped" });
  const server = m.old.server("n1");
  server.options.cluster = "test";
  m.old.configure(server);
  server.start();
  await m.old.greets(server);
  t.match(await looks(), { status: "ok", reason: "a server of the cluster is in its place" });
  writeState(m.dir, { ...readState(m.dir, placeOf(m.source))!, stage: "restoring" });
  const forgot = m.run();
  t.notOk(await migrate(forgot, [m.cluster], options));
  t.match(failures(forgot), [/there is n1 of a cluster, not the old server\. give --in-place HOST as before/]);
});
