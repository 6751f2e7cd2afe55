import { copyFileSync, createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readContents } from "../../../lib/nats/backup/contents.mts";
import { BackupFolder, free, prune } from "../../../lib/nats/backup/folder.mts";
import type { SavedStream } from "../../../lib/nats/backup/manifest.mts";
import { clear, putBack, remove } from "../../../lib/nats/backup/put-back.mts";
import { BadArchive } from "../../../lib/nats/backup/s2.mts";
import { save } from "../../../lib/nats/backup/save.mts";
import { SubjectTally, subjectDifferences } from "../../../lib/nats/backup/subjects.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { streamInfo } from "../../../lib/nats/jetstream/api.mts";
import { freeze, isFrozen, isRestoring, open, restoring, unfrozen, untilStill } from "../../../lib/nats/jetstream/freeze.mts";
import { restore } from "../../../lib/nats/jetstream/restore.mts";
import { TestCluster, VERSIONS } from "../servers.mts";
import { consumer, create, fill, folder, ready, work } from "./fixture.mts";

t.setTimeout(600_000);

for (const version of VERSIONS) {
  t.test(`under traffic, damaged, interrupted: ${version}`, async (t) => {
    const dir = folder(t);
    await TestCluster.with(version, 3, async (cluster) => {
      const nc = await connectApp(cluster.target),
        other = await connectApp(cluster.target);
      await ready(nc, 3);
      await create(nc, "BUSY", { num_replicas: 3, retention: "workqueue" });
      await consumer(nc, "BUSY", "workers");
      await fill(
        nc,
        400,
        (i) => `BUSY.${i % 9}`,
        () => "y".repeat(2000),
      );

      await t.test("a snapshot under writes and acknowledgements holds all that was there before and not acknowledged since", async (t) => {
        let writing = true,
          written = 400;
        const writer = (async () => {
          while (writing) {
            await fill(other, 1, (i) => `BUSY.${i}`);
            written++;
          }
        })();
        const worker = (async () => {
          for (let i = 0; i < 30; i++) await work(other, "BUSY", "workers", 10);
        })();
        const saved = (await save(nc, "APP", "BUSY", join(dir, "busy"), "busy")) as SavedStream;
        await worker;
        writing = false;
        await writer;
        const now = (await streamInfo(nc, "BUSY"))!.state;
        t.equal(now.last_seq, written);
        t.ok(saved.last >= 400 && saved.last <= written, `${saved.last}`);
        t.ok(saved.messages >= saved.last - 300 && saved.first <= now.first_seq, "what wasn't acknowledged by the end is in it");
        await remove(nc, "BUSY");
        await putBack(nc, dir, { ...saved, file: "busy" }, { replicas: 3 });
        t.equal((await streamInfo(nc, "BUSY"))!.state.last_seq, saved.last, "and it can be put back");
      });

      await create(nc, "WHOLE", { num_replicas: 3 });
      await fill(
        nc,
        500,
        (i) => `WHOLE.${i % 4}`,
        (i) => "z".repeat((i * 37) % 3000),
      );
      await consumer(nc, "WHOLE", "reader");
      await work(nc, "WHOLE", "reader", 50);
      const saved = (await save(nc, "APP", "WHOLE", join(dir, "whole"), "whole")) as SavedStream;
      const range = { first: saved.state.first_seq, last: saved.state.last_seq };

      await t.test("any damage is found by reading", async (t) => {
        const whole = readFileSync(join(dir, "whole"));
        const missed: string[] = [];
        const tried = async (what: string, bytes: Buffer): Promise<void> => {
          writeFileSync(join(dir, "damaged"), bytes);
          const found = await readContents(join(dir, "damaged"), { range }).catch((error: unknown) => {
            if (!(error instanceof BadArchive)) throw error;
            return undefined;
          });
          // Padding and unread fields of the archive may change without harm to what it holds.
          if (found && (found.messages !== saved.messages || found.subjects.digest !== saved.subjects.digest)) missed.push(what);
          if (found && what.startsWith("cut")) missed.push(what);
        };
        for (let i = 0; i < 150; i++) {
          const at = Math.floor((i / 150) * whole.length);
          const flipped = Buffer.from(whole);
          flipped[at]! ^= 1 << (i % 8);
          await tried(`byte ${at} flipped`, flipped);
          if (at > 0) await tried(`cut at ${at}`, whole.subarray(0, at));
        }
        await tried("cut of the last byte", whole.subarray(0, -1));
        t.same(missed, []);
        await t.rejects(readContents(join(dir, "damaged"), { range }), /it ends within/);
        writeFileSync(join(dir, "damaged"), "");
        await t.rejects(readContents(join(dir, "damaged"), { range }), /it is empty/);
        writeFileSync(join(dir, "damaged"), "PK\u0003\u0004 a zip file, say");
        await t.rejects(readContents(join(dir, "damaged"), { range }), /it isn't compressed with S2|it ends within/);
      });

      await t.test("a restore that breaks off leaves nothing in the way", async (t) => {
        await remove(nc, "WHOLE");
        const stop = new AbortController();
        const head = { config: restoring({ ...saved.config, num_replicas: 3 }), state: saved.state };
        const half = (async function* () {
          yield* createReadStream(join(dir, "whole"), { end: 5000 }) as AsyncIterable<Buffer>;
          stop.abort(new Error("cut"));
          yield Buffer.alloc(10);
        })();
        await t.rejects(restore(other, head, half, { signal: stop.signal }), /cut/);
        t.same(await putBack(nc, dir, { ...saved, file: "whole" }, { replicas: 3 }), [], "it waits until the server has dropped the half");
        t.equal((await streamInfo(nc, "WHOLE"))?.state.messages, 500);
      });

      await t.test("a truncated file is refused by the server too, and the name gets free again", async (t) => {
        await remove(nc, "WHOLE");
        copyFileSync(join(dir, "whole"), join(dir, "short"));
        truncateSync(join(dir, "short"), 4000);
        await t.rejects(putBack(nc, dir, { ...saved, file: "short" }, { replicas: 3 }));
        await clear(nc, "WHOLE").catch(() => undefined);
        t.same(await putBack(nc, dir, { ...saved, file: "whole" }, { replicas: 3 }), []);
      });

      await t.test("a closed stream acknowledges nothing, keeps all, and opens again", async (t) => {
        const before = (await streamInfo(nc, "WHOLE"))!;
        await freeze(nc, "WHOLE");
        await freeze(nc, "WHOLE"); // again, as a run that goes on does
        const closed = (await streamInfo(nc, "WHOLE"))!;
        t.ok(isFrozen(closed.config));
        await t.rejects(nc.request("WHOLE.1", "lost?", { timeout: 500 }), "no publisher hears that it is stored");
        await work(nc, "WHOLE", "reader", 10);
        t.type(await untilStill(nc, "WHOLE"), "string");
        t.same((await streamInfo(nc, "WHOLE"))!.state.last_seq, before.state.last_seq);
        t.same(unfrozen(closed.config)["subjects"], ["WHOLE.>"], "it tells its subjects itself");
        await open(nc, unfrozen(closed.config));
        await fill(nc, 1, () => "WHOLE.1");
        t.same((await streamInfo(nc, "WHOLE"))!.config["subjects"], before.config["subjects"]);
        t.notOk(isRestoring((await streamInfo(nc, "WHOLE"))!.config));
      });
      await Promise.all([nc.close(), other.close()]);
    });
  });
}

t.test("a backup's folder appears complete or not at all", async (t) => {
  const parent = folder(t),
    manifest = { format: 1 as const, made: "", cluster: "c", servers: {}, streams: [], unsaved: [] };
  const to = join(parent, "2026-01-01T000000Z");
  const one = new BackupFolder(to);
  writeFileSync(one.path("a"), "");
  t.notOk(existsSync(to));
  t.throws(() => free(to), /another run is writing/, "not two at once");
  one.abandon();
  t.same(readdirSync(parent), []);
  // of a process that was killed: its number is nobody's
  mkdirSync(`${to}.partial`);
  writeFileSync(join(`${to}.partial`, "owner"), `${(await import("../../../lib/engine/lock.mts")).ORIGIN.replace(/\d+$/, "4194303")}`);
  const two = new BackupFolder(to);
  two.complete(manifest);
  t.same(readdirSync(parent), ["2026-01-01T000000Z"]);
  t.throws(() => new BackupFolder(to), /is there already/);
  for (const name of ["2026-01-02T000000Z", "2026-01-03T000000Z"]) new BackupFolder(join(parent, name)).complete(manifest);
  mkdirSync(join(parent, "mine"));
  t.same(prune(parent, 2, "2026-01-03T000000Z"), { gone: ["2026-01-01T000000Z"], spared: [] });
  t.same(readdirSync(parent).sort(), ["2026-01-02T000000Z", "2026-01-03T000000Z", "mine"], "the newest, and what isn't a backup");
});

t.test("older backups are taken away only where the new one has all that they have", async (t) => {
  const parent = folder(t),
    day = (n: number): string => `2026-01-0${n}T000000Z`;
  const stream = (name: string, last = 10, account = "APP"): SavedStream => ({
    account,
    name,
    file: `${name}.snapshot`,
    sha256: "0".repeat(64),
    bytes: 1,
    format: 2,
    config: { name, num_replicas: 3 },
    state: { messages: last, bytes: 1, first_seq: 1, last_seq: last },
    messages: last,
    first: 1,
    last,
    deleted: 0,
    subjects: { digest: "" },
    consumers: [],
  });
  const write = (n: number, streams: SavedStream[], cluster = "c"): void =>
    new BackupFolder(join(parent, day(n))).complete({ format: 1, made: "", cluster, servers: {}, streams, unsaved: [] });
  write(1, [stream("A"), stream("B")]);
  write(2, [stream("A")]);
  t.match(prune(parent, 1, day(2)), { gone: [], spared: [{ name: day(1), why: /hasn't all of B$/ }] }, "a stream is missing");
  write(3, []);
  t.match(
    prune(parent, 1, day(3)),
    {
      gone: [],
      spared: [
        { name: day(1), why: /A, B/ },
        { name: day(2), why: /A/ },
      ],
    },
    "an emptied cluster",
  );
  write(4, [stream("A", 0), stream("B", 12)]);
  t.match(prune(parent, 1, day(4)), { gone: [day(3)], spared: [{ name: day(1), why: /of A$/ }, { name: day(2) }] }, "a stream that was made anew");
  write(5, [stream("A", 11), stream("B", 11, "OTHER")]);
  t.match(prune(parent, 1, day(5)), { gone: [day(2)], spared: [{ name: day(1), why: /of B$/ }, { name: day(4) }] }, "of another account");
  write(6, [stream("A", 11), stream("B", 11)], "other");
  t.match(prune(parent, 1, day(6)), { gone: [], spared: [{ why: /cluster c/ }, { why: /cluster c/ }, { why: /cluster c/ }] });
  for (const n of [1, 4, 5, 6]) rmSync(join(parent, day(n)), { recursive: true });
  // The clock was set back: what was just written looks like the oldest.
  write(8, [stream("A")]);
  write(9, [stream("A")]);
  write(7, [stream("A")]);
  t.same(prune(parent, 2, day(7)), { gone: [day(8)], spared: [] });
  t.same(readdirSync(parent), [day(7), day(9)]);
  writeFileSync(join(parent, day(9), "manifest.json"), "{}");
  t.match(prune(parent, 1, day(7)), { gone: [], spared: [{ name: day(9), why: /is damaged/ }] });
});

t.test("counts by subject: equal in any order, in bounded memory", async (t) => {
  const forth = new SubjectTally(),
    back = new SubjectTally();
  for (let i = 0; i < 200_000; i++) forth.add(`s.${i % 70_000}`);
  for (let i = 199_999; i >= 0; i--) back.add(`s.${i % 70_000}`);
  t.equal(forth.result.digest, back.result.digest);
  t.same(subjectDifferences(forth.result, back.result), []);
  back.add("s.1");
  t.same(subjectDifferences(forth.result, back.result), ["the counts of single subjects differ"]);
  const few = new SubjectTally(),
    more = new SubjectTally();
  few.add("a", 3);
  more.add("a", 2);
  more.add("b", 1);
  t.same(subjectDifferences(few.result, more.result), ["a: 3 instead of 2", "b: 0 instead of 1"]);
});
