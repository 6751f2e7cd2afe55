import { join } from "node:path";
import t from "tap";
import { compare, outlived } from "../../../lib/nats/backup/compare.mts";
import type { SavedStream } from "../../../lib/nats/backup/manifest.mts";
import { save } from "../../../lib/nats/backup/save.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { request } from "../../../lib/nats/jetstream/api.mts";
import { TestCluster, VERSIONS } from "../servers.mts";
import { create, fill, folder, ready } from "./fixture.mts";

t.setTimeout(300_000);

const HOUR = 3_600_000;

for (const version of VERSIONS) {
  t.test(`what age may take away, and what it may not: ${version}`, async (t) => {
    const dir = folder(t);
    await TestCluster.with(version, 1, async (cluster) => {
      const nc = await connectApp(cluster.target);
      await ready(nc, 1);
      await create(nc, "A", { max_age: HOUR * 1e6, duplicate_window: 0 });
      await fill(nc, 50, () => "A.x");
      const saved = (await save(nc, "APP", "A", join(dir, "a"), "a")) as SavedStream;
      /** the same as if it had been saved some time ago */
      const ago = (first: number, last: number): SavedStream => ({
        ...saved,
        state: { ...saved.state, first_ts: new Date(Date.now() - first).toISOString(), last_ts: new Date(Date.now() - last).toISOString() },
      });
      const wrong = async (expected: SavedStream): Promise<string[]> => (await compare(nc, "A", expected)).wrong;

      t.same(await wrong(saved), []);
      await request(nc, "A", "STREAM.PURGE.A", { seq: 21 });
      t.match(await wrong(saved), [/messages: 30 instead of 50/], "the oldest of them isn't an hour old");
      t.same(await compare(nc, "A", ago(2 * HOUR, 0)), { wrong: [], notes: ["20 messages had outlived the stream's max_age"] });
      await request(nc, "A", "STREAM.MSG.DELETE.A", { seq: 40 });
      t.match(await wrong(ago(2 * HOUR, 0)), [/messages: 29 instead of 50/], "age takes none from the middle");
      await request(nc, "A", "STREAM.PURGE.A");
      t.match(await wrong(ago(2 * HOUR, HOUR / 2)), [/messages: 0 instead of 50/], "the newest weren't that old");
      t.same((await compare(nc, "A", ago(3 * HOUR, 2 * HOUR))).notes, ["50 messages had outlived the stream's max_age"]);

      t.notOk(outlived(ago(2 * HOUR, HOUR / 2)));
      t.ok(outlived(ago(3 * HOUR, 2 * HOUR)));
      t.notOk(outlived({ ...ago(3 * HOUR, 2 * HOUR), config: { ...saved.config, max_age: 0 } }), "without max_age nothing does");
      await nc.close();
    });
  });
}
