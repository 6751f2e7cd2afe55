import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { artifact } from "../../lib/resources/file.mts";
import { quote } from "../../lib/sh.mts";
import { Disk, flag, LocalHost, programOf, sha256, step, summary } from "./local-host.mts";
import { notRoot, shells } from "./shells.mts";

t.setTimeout(600_000);

for (const [name, argv, unusable] of shells) {
  t.test(name, { skip: unusable || notRoot }, async (t) => {
    t.test("the lock: held, its holder told, free when the shell ends, and when it is killed", async (t) => {
      const disk = new Disk(t);
      const first = new LocalHost(t, argv, disk);
      t.equal((await first.lock("alice since noon")).kind, "ready");
      t.strictSame(await new LocalHost(t, argv, disk).lock("bob"), { kind: "locked", fields: ["alice since noon", "busy", ""] });
      t.equal(disk.holder, "alice since noon", "the refused one leaves it alone");
      t.equal(await first.close(), 0);
      t.equal(disk.holder, "");
      const second = new LocalHost(t, argv, disk);
      t.equal((await second.lock("bob")).kind, "ready");
      second.child.kill("SIGKILL");
      await second.ended;
      t.equal((await new LocalHost(t, argv, disk).lock("carol")).kind, "ready");
    });

    t.test("a failing, skipping or hung-up step doesn't give the lock away, a stray process of it doesn't keep it", async (t) => {
      const disk = new Disk(t);
      const host = new LocalHost(t, argv, disk);
      await host.lock("alice");
      await host.run(programOf("apply", step("skip", "skip no"), step("stray", "sleep 30 >/dev/null 2>&1 3>&- &"), step("bad", "cannot why")));
      t.equal(disk.holder, "alice");
      t.equal((await new LocalHost(t, argv, disk).lock("bob")).kind, "locked");
      await host.close();
      t.equal((await new LocalHost(t, argv, disk).lock("bob")).kind, "ready");
    });

    t.test("a folder that can't be written is said", async (t) => {
      const disk = new Disk(t);
      const host = new LocalHost(t, argv, disk, "mount -o remount,bind,ro /run/sampan");
      t.strictSame(await host.lock("alice"), { kind: "locked", fields: ["can't write /run/sampan/lock", ""] });
      t.equal(await host.ended, 1);
    });

    t.test("nobody reads any more: the step in hand finishes, later ones don't run, the lock is free", async (t) => {
      const disk = new Disk(t);
      const host = new LocalHost(t, argv, disk);
      await host.lock("alice");
      const slow = flag(disk.at("slow"), `sleep 0.5; echo much; : >${quote(disk.at("slow"))}`);
      void host.run(programOf("apply", slow, flag(disk.at("later"))), (f) => {
        if (f.kind === "d1") host.child.stdout!.destroy();
      });
      await new Promise((resolve) => host.child.on("exit", resolve));
      t.ok(existsSync(disk.at("slow")));
      t.notOk(existsSync(disk.at("later")));
      t.equal(disk.holder, "");
      t.equal((await new LocalHost(t, argv, disk).lock("bob")).kind, "ready");
    });

    t.test("TERM: the command in hand finishes, then the shell goes", async (t) => {
      const disk = new Disk(t);
      const host = new LocalHost(t, argv, disk);
      await host.lock("alice");
      const slow = flag(disk.at("slow"), `sleep 0.5; : >${quote(disk.at("slow"))}`);
      await host.run(programOf("apply", slow, flag(disk.at("later"))), (f) => {
        if (f.kind === "d1") setTimeout(() => host.child.kill("SIGTERM"), 200);
      });
      t.equal(await host.ended, 143);
      t.strictSame([existsSync(disk.at("slow")), existsSync(disk.at("later")), disk.holder], [true, false, ""]);
    });

    t.test("the shell of a run that has ended unheard makes room: idle, in a step, and only for who knows its origin", async (t) => {
      const disk = new Disk(t);
      const take = (host: LocalHost, ended: string) => host.exchange(`sp_lock bob new ${ended}\nemit ready\n`, ["locked", "ready"]);
      const idle = new LocalHost(t, argv, disk);
      await idle.exchange("sp_lock alice boot/1/77\nemit ready\n", ["ready"]);
      t.strictSame(await take(new LocalHost(t, argv, disk), "boot/1/78"), { kind: "locked", fields: ["alice", "busy", "boot/1/77"] });
      const busy = new LocalHost(t, argv, disk);
      t.equal((await take(busy, "boot/1/77")).kind, "ready");
      t.equal(disk.holder, "bob");
      const slow = flag(disk.at("slow"), `sleep 2; : >${quote(disk.at("slow"))}`);
      const applying = new Promise<void>(
        (resolve) =>
          void busy.run(programOf("apply", slow, flag(disk.at("later"))), (f) => {
            if (f.kind === "d1") setTimeout(resolve, 200);
          }),
      );
      await applying;
      t.equal((await take(new LocalHost(t, argv, disk), "new")).kind, "ready");
      t.strictSame([existsSync(disk.at("slow")), existsSync(disk.at("later"))], [true, false], "the step in hand has finished, no other has begun");
    });

    t.test("a push: the right bytes, wrong bytes, none; and what a killed run left", async (t) => {
      const disk = new Disk(t);
      const host = new LocalHost(t, argv, disk);
      const path = join(disk.path, "payload");
      const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256));
      writeFileSync(path, bytes);
      const wanted = artifact({ path: disk.at("bin", "it's here"), payload: { sha256: sha256(bytes), size: bytes.length, path }, mode: 0o700 });
      mkdirSync(disk.at("bin"));
      const staged = disk.at("bin", ".sampan.it's here.new");
      writeFileSync(staged, "half");
      writeFileSync(`${staged}.part`, "half");
      writeFileSync(`${staged}.part.whole`, "");
      t.strictSame(
        (await host.run(programOf("apply", wanted))).ends.map((e) => e.status),
        ["changed"],
      );
      t.ok(readFileSync(disk.at("bin", "it's here")).equals(bytes));
      t.strictSame(readdirSync(disk.at("bin")), ["it's here"], "no leftover");

      writeFileSync(disk.at("bin", "it's here"), "old");
      host.push = (_program, _sha, part) => {
        writeFileSync(part, "wrong bytes");
        writeFileSync(`${part}.whole`, "");
      };
      const { ends } = await host.run(programOf("apply", wanted));
      t.match(ends[0]!.failure, { what: /wrong sha256/, next: /run again/ });
      t.equal(readFileSync(disk.at("bin", "it's here"), "utf8"), "old");
      t.strictSame(readdirSync(disk.at("bin")), ["it's here"], "no leftover of wrong bytes");

      let asked = false;
      host.push = () => {
        asked = true;
        host.child.stdout!.destroy();
      };
      void host.run(programOf("apply", wanted));
      await new Promise((resolve) => host.child.on("exit", resolve));
      t.ok(asked, "the connection is lost while it waits for bytes: it doesn't wait for ever");
    });

    t.test("a step's own exit doesn't end the program's shell; its background output doesn't disturb", async (t) => {
      const disk = new Disk(t);
      const host = new LocalHost(t, argv, disk);
      const { ends } = await host.run(programOf("apply", step("exits", "exit 0"), step("traps", "trap 'echo x' EXIT; :"), step("last", ":")));
      t.strictSame(summary(ends), ["exits ok", "traps ok", "last ok"]);
      await sleep(10);
      t.equal(await host.close(), 0);
    });
  });
}
