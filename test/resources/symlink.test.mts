import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import t from "tap";
import { symlink } from "../../lib/resources/symlink.mts";
import { Disk, LocalHost, programOf } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";
import { golden } from "./golden.mts";

t.setTimeout(600_000);

t.test("program", async (t) => golden(t, "symlink", symlink({ path: "/usr/local/bin/nats-server", target: "/opt/nats-server/2.15.1/it's" })));

for (const [name, argv, unusable] of shells) {
  t.test(name, { skip: unusable || notRoot }, async (t) => {
    const disk = new Disk(t);
    const host = new LocalHost(t, argv, disk);
    const apply = async (path: string, target: string) => (await host.run(programOf("apply", symlink({ path, target })))).ends[0]!;

    t.test("made with its folder, switched, then ok; also between folders and to odd names", async (t) => {
      mkdirSync(disk.at("v1"));
      mkdirSync(disk.at("v2"));
      for (const target of [disk.at("v1"), disk.at("v2"), "nowhere", "-n", "it's a name", "../x"]) {
        t.equal((await apply(disk.at("bin", "cur rent"), target)).status, "changed", target);
        t.equal(readlinkSync(disk.at("bin", "cur rent")), target);
        t.equal((await apply(disk.at("bin", "cur rent"), target)).status, "ok");
      }
      t.strictSame([readdirSync(disk.at("bin")), readdirSync(disk.at("v1")), readdirSync(disk.at("v2"))], [["cur rent"], [], []]);
    });

    t.test("where it led before is kept, and stays when nothing is switched", async (t) => {
      const to = async (target: string) =>
        (await host.run(programOf("apply", symlink({ path: disk.at("kept"), target, former: disk.at("state", "former") })))).ends[0]!.status;
      t.equal(await to("one"), "changed");
      t.notOk(existsSync(disk.at("state", "former")), "there was nothing before");
      for (const [target, status] of [
        ["two", "changed"],
        ["two", "ok"],
      ] as const) {
        t.equal(await to(target), status);
        t.equal(readFileSync(disk.at("state", "former"), "utf8"), "one\n");
      }
    });

    t.test("a file makes room, a folder doesn't", async (t) => {
      writeFileSync(disk.at("file"), "");
      t.equal((await apply(disk.at("file"), "target")).status, "changed");
      mkdirSync(disk.at("folder"));
      t.match((await apply(disk.at("folder"), "target")).failure, { what: /is a directory where a link should be/, next: /move it away/ });
    });

    t.test("what a killed run left is no hindrance", async (t) => {
      symlinkSync("old", disk.at("x.sampan.new"));
      t.equal((await apply(disk.at("x"), "target")).status, "changed");
      t.notOk(readdirSync(disk.at()).some((f) => f.includes("sampan")));
    });
  });
}
