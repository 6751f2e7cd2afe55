import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import t from "tap";
import { directory } from "../../lib/resources/directory.mts";
import { Disk, LocalHost, programOf } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";
import { golden } from "./golden.mts";

t.setTimeout(600_000);

t.test("program", async (t) => golden(t, "directory", directory({ path: "/etc/it's here", owner: "root", group: "nats", mode: 0o750 })));

for (const [name, argv, unusable] of shells) {
  t.test(name, { skip: unusable || notRoot }, async (t) => {
    const disk = new Disk(t);
    const host = new LocalHost(t, argv, disk);
    const apply = async (path: string, mode = 0o750) => (await host.run(programOf("apply", directory({ path, mode })))).ends[0]!;
    const bits = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

    t.test("made with the folders above it, once", async (t) => {
      t.equal((await apply(disk.at("a", "b c"))).status, "changed");
      t.strictSame([bits(disk.at("a")), bits(disk.at("a", "b c"))], ["755", "750"]);
      t.equal((await apply(disk.at("a", "b c"))).status, "ok");
    });

    t.test("owner and group by number converge", async (t) => {
      const given = directory({ path: disk.at("n"), owner: "4711", group: "0" });
      t.strictSame(
        [(await host.run(programOf("apply", given))).ends[0]!.status, (await host.run(programOf("apply", given))).ends[0]!.status],
        ["changed", "ok"],
      );
      t.strictSame([statSync(disk.at("n")).uid, statSync(disk.at("n")).gid], [4711, 0]);
    });

    t.test("setuid, setgid and sticky bits go and come as declared", async (t) => {
      mkdirSync(disk.at("s"));
      chmodSync(disk.at("s"), 0o7777);
      for (const mode of [0o750, 0o2770, 0o1777, 0o5, 0]) {
        t.equal((await apply(disk.at("s"), mode)).status, "changed");
        t.equal(bits(disk.at("s")), mode.toString(8));
      }
    });

    t.test("what it holds is left alone", async (t) => {
      mkdirSync(disk.at("full"), { mode: 0o700 });
      writeFileSync(disk.at("full", "x"), "kept", { mode: 0o600 });
      t.equal((await apply(disk.at("full"))).status, "changed");
      t.strictSame([readFileSync(disk.at("full", "x"), "utf8"), bits(disk.at("full", "x"))], ["kept", "600"]);
    });

    t.test("something else in its place stays there", async (t) => {
      writeFileSync(disk.at("file"), "kept");
      symlinkSync("nowhere", disk.at("dangling"));
      symlinkSync(disk.at("a"), disk.at("link"));
      for (const thing of ["file", "dangling", "link"])
        t.match((await apply(disk.at(thing))).failure, { what: /is not a directory \((regular file|symbolic link)\)/, next: /move it away/ }, thing);
      t.equal(readFileSync(disk.at("file"), "utf8"), "kept");
    });
  });
}
