import { statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { SavedStream } from "../../../lib/nats/backup/manifest.mts";
import { putBack, remove } from "../../../lib/nats/backup/put-back.mts";
import { save } from "../../../lib/nats/backup/save.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { TestCluster } from "../servers.mts";
import { create, fill, folder, ready } from "./fixture.mts";

t.setTimeout(1_800_000);

/** Megabytes of the stream; the long tests take 1000. */
const MB = Number(process.env["BACKUP_MB"] ?? 256);
/** What a run may need beyond what it has before it begins: the server's window of 8 MB, buffers, and what the collector leaves lying. */
const BOUND = 200e6;

for (const version of ["2.10.27", "2.15.1"]) {
  t.test(`${MB} MB of ${version} in bounded memory`, async (t) => {
    const dir = folder(t);
    await TestCluster.with(
      version,
      1,
      async (cluster) => {
        const nc = await connectApp(cluster.target);
        await ready(nc, 1);
        await create(nc, "BIG");
        // half of each message is noise, so that it can't be compressed away
        const noise = Buffer.from(Array.from({ length: 5000 }, () => Math.floor(Math.random() * 256)));
        await fill(
          nc,
          MB * 100,
          (i) => `BIG.${i % 1000}`,
          (i) => Buffer.concat([Buffer.from(noise.map((b) => b ^ (i & 255) ^ ((i * b) >> 8))), Buffer.alloc(5000, i)]),
        );
        const before = process.memoryUsage().rss;
        let most = 0;
        const timer = setInterval(() => {
          most = Math.max(most, process.memoryUsage().rss - before);
        }, 50);
        const told: string[] = [];
        const since = Date.now();
        const saved = (await save(nc, "APP", "BIG", join(dir, "BIG"), "BIG", { tell: (text) => told.push(text) })) as SavedStream;
        const between = Date.now();
        t.equal(saved.messages, MB * 100);
        t.ok(statSync(join(dir, "BIG")).size > MB * 4e5, "the noise is in the file");
        await remove(nc, "BIG");
        const half = Date.now();
        t.same(await putBack(nc, dir, saved, { replicas: 1, tell: (text) => told.push(text) }), []);
        clearInterval(timer);
        t.comment(
          `${MB} MB: file ${(saved.bytes / 1e6).toFixed(0)} MB, saved and read back in ${((between - since) / 1000).toFixed(1)} s, put back in ${((Date.now() - half) / 1000).toFixed(1)} s, at most ${(most / 1e6).toFixed(0)} MB of memory`,
        );
        t.ok(most < BOUND, `${(most / 1e6).toFixed(0)} MB`);
        t.ok(told.every((text) => /of .*B/.test(text) || /behind|replicas/.test(text)));
        t.match(told.join("\n"), /^\d.* of .* [MkG]?B\/s, \d+ s left$/m, "with rate and time left");
        await nc.close();
      },
      { n1: { maxFile: "4GB" } },
    );
  });
}
