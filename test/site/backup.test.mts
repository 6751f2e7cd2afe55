import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Manifest } from "../../lib/nats/backup/manifest.mts";
import { request, streamInfo } from "../../lib/nats/jetstream/api.mts";
import { skip } from "../lab/fixture.mts";
import { consumer, create, fill, work } from "../nats/backup/fixture.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";
import { Writer } from "../support/writer.mts";

t.setTimeout(1_200_000);

t.test("backup and restore of a running cluster", { skip }, async (t) => {
  const site = await siteLab(t, "backup");
  await site.rollout();
  const nc = await site.app(t);
  const dir = mkdtempSync(join(tmpdir(), "sampan-backup-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const to = join(dir, "first");
  await create(nc, "JOBS", { retention: "workqueue", num_replicas: 3 });
  await consumer(nc, "JOBS", "workers");
  await fill(
    nc,
    2000,
    (i) => `JOBS.${i % 5}`,
    () => "x".repeat(1000),
  );
  await work(nc, "JOBS", "workers", 500);
  const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;

  t.test("--check says what it would save, and makes nothing", async (t) => {
    const check = await site.play("backup.mts", "--to", to, "--check").result;
    exits(t, check, 2);
    t.ok(check.deviations.includes(`${site.target.name}: stream JOBS drift`));
    t.same(readdirSync(dir), []);
  });

  t.test("under running writes; killed, and run again", async (t) => {
    const writer = new Writer(t, nc);
    const killed = site.play("backup.mts", "--to", to);
    await killed.until((e) => e.type === "task_end" && e.task === "stream JOBS", "a saved stream");
    killed.signal("SIGKILL");
    await killed.result;
    t.notOk(existsSync(to), "what isn't complete has no name of its own");
    const run = await site.play("backup.mts", "--to", to).result;
    exits(t, run, 0);
    t.same(readdirSync(dir), ["first"], "and nothing is left of the killed one");
    const { streams, servers } = manifest(to);
    t.same(
      streams.map((s) => s.name),
      ["JOBS", "LOGS"],
    );
    t.same(servers, Object.fromEntries(site.names.map((n) => [n, "2.15.1"])));
    t.match(streams[0], { messages: 1500, first: 501, last: 2000, consumers: [{ name: "workers", ackFloor: 500 }] });
    for (const file of readdirSync(to)) t.equal(statSync(join(to, file)).mode & 0o777, 0o600, file);
    t.equal(statSync(to).mode & 0o777, 0o700);
    t.same(await writer.lost(), []);
    t.ok(streams[1]!.messages > 0 && streams[1]!.messages <= writer.acked.length, "what was there at its moment");
  });

  t.test("verified without a server; damage is found", async (t) => {
    exits(t, await site.play("backup.mts", "--verify", to).result, 0);
    const [file] = manifest(to).streams.map((s) => join(to, s.file));
    const whole = readFileSync(file!);
    truncateSync(file!, whole.length - 1);
    const cut = await site.play("backup.mts", "--verify", to).result;
    exits(t, cut, 1);
    t.match(cut.ends("failed")[0]?.failure?.what, /stream JOBS: it ends within/);
    const before = (await streamInfo(nc, "JOBS"))!.state;
    const refused = await site.play("restore.mts", "--from", to, "--stream", "JOBS", "--replace").result;
    exits(t, refused, 1);
    t.same((await streamInfo(nc, "JOBS"))!.state, before, "and with a damaged file nothing is touched");
    writeFileSync(file!, whole);
  });

  t.test("what is there is kept, unless it is to be replaced", async (t) => {
    await fill(nc, 10, () => "JOBS.later");
    const run = await site.play("restore.mts", "--from", to, "--stream", "JOBS").result;
    exits(t, run, 1);
    t.match(run.ends("failed")[0]?.failure, { what: /JOBS is there already: 1,510 messages, 501 to 2010/, next: /--replace/ });
    const check = await site.play("restore.mts", "--from", to, "--stream", "JOBS", "--replace", "--check").result;
    exits(t, check, 2);
    t.equal((await streamInfo(nc, "JOBS"))?.state.messages, 1510);
    const replaced = await site.play("restore.mts", "--from", to, "--stream", "JOBS", "--replace").result;
    exits(t, replaced, 0);
    t.equal((await streamInfo(nc, "JOBS"))?.state.messages, 1500);
    const side = readdirSync(dir).find((name) => /-JOBS-before-restore$/.test(name))!;
    t.match(manifest(join(dir, side)).streams, [{ name: "JOBS", messages: 1510, last: 2010 }], "the stream as it was is beside the backup");
    t.match(
      replaced
        .of("warning")
        .map((w) => w.text)
        .join("\n"),
      new RegExp(`kept in .*${side}`),
    );
  });

  t.test("into a cluster that has lost them; killed in the middle, and run again", async (t) => {
    for (const name of ["JOBS", "LOGS"]) await request(nc, name, `STREAM.DELETE.${name}`);
    const killed = site.play("restore.mts", "--from", to);
    await killed.until((e) => e.type === "task_start" && e.task === "stream JOBS", "the first stream");
    await new Promise((resolve) => setTimeout(resolve, 150));
    killed.signal("SIGKILL");
    await killed.result;
    const run = await site.play("restore.mts", "--from", to).result;
    exits(t, run, 0);
    t.ok(
      run.ends("ok").some((e) => e.role === "verify"),
      "it ends with verify",
    );
    for (const saved of manifest(to).streams) {
      const { state, config, cluster } = (await streamInfo(nc, saved.name))!;
      t.same(
        [state.messages, state.first_seq, state.last_seq, config.num_replicas, cluster?.replicas?.length],
        [saved.messages, saved.first, saved.last, 3, 2],
        saved.name,
      );
    }
    const again = await site.play("restore.mts", "--from", to).result;
    exits(t, again, 0);
    t.same(again.deviations, [], "once more: all is as it was saved");
  });
});
