import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import t from "tap";
import { blockInFile } from "../../lib/resources/block-in-file.mts";
import { Disk, LocalHost, programOf } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";
import { golden } from "./golden.mts";

const BLOCK = "10.0.0.1 one\n10.0.0.2 two\n";
const MARKED = `# BEGIN peers\n${BLOCK}# END peers\n`;

t.test("program", async (t) => golden(t, "block-in-file", blockInFile({ path: "/etc/it's hosts", marker: "nats peers", block: BLOCK })));

for (const [name, argv, unusable] of shells) {
  t.test(name, { skip: unusable || notRoot }, async (t) => {
    const disk = new Disk(t);
    const host = new LocalHost(t, argv, disk);
    const path = disk.at("ho sts");
    const end = async (mode: "apply" | "check", block = BLOCK, at = path) =>
      (await host.run(programOf(mode, blockInFile({ path: at, marker: "peers", block })))).ends[0]!;

    t.test("what a file becomes, and then stays", async (t) => {
      for (const [before, after, block = BLOCK] of [
        ["", MARKED],
        ["127.0.0.1 localhost\n", `127.0.0.1 localhost\n${MARKED}`],
        ["no newline", `no newline\n${MARKED}`],
        ["a\n\n\n", `a\n\n\n${MARKED}`],
        ["a\n# BEGIN peers\nold\n# END peers\nb\n\n", `a\n${MARKED}b\n\n`],
        ["# BEGIN peers\n# END peers", MARKED],
        [`a\n${MARKED}b`, "a\n# BEGIN peers\n# END peers\nb\n", ""],
        ["# BEGIN peers of others\nx\n# END peers of others\n", `# BEGIN peers of others\nx\n# END peers of others\n${MARKED}`],
        ["é %s \\n $(x) `y` *\n", `é %s \\n $(x) \`y\` *\n# BEGIN peers\n %d é *\n\n'\n# END peers\n`, " %d é *\n\n'\n"],
      ] as const) {
        writeFileSync(path, before);
        t.equal((await end("check", block)).status, "drift", before);
        t.equal(readFileSync(path, "utf8"), before, "--check writes nothing");
        t.equal((await end("apply", block)).status, "changed", before);
        t.equal(readFileSync(path, "utf8"), after);
        t.equal((await end("apply", block)).status, "ok");
        t.equal(readFileSync(path, "utf8"), after);
      }
    });

    t.test("owner and mode stay, and nothing is left beside it", async (t) => {
      writeFileSync(path, "a\n");
      chmodSync(path, 0o4604);
      await end("apply");
      t.equal(statSync(path).mode & 0o7777, 0o4604);
      t.strictSame(readdirSync(disk.at()), ["ho sts"]);
    });

    t.test("a missing file is made", async (t) => {
      t.equal((await end("apply", BLOCK, disk.at("new"))).status, "changed");
      t.equal(readFileSync(disk.at("new"), "utf8"), MARKED);
    });

    t.test("odd markers are told, and nothing is written", async (t) => {
      for (const odd of [
        "# BEGIN peers\nx\n",
        "x\n# END peers\n",
        "# END peers\n# BEGIN peers\n",
        MARKED + MARKED,
        `# BEGIN peers\n${MARKED}`,
        `${MARKED}# END peers\n`,
      ]) {
        writeFileSync(path, odd);
        t.match((await end("apply")).failure, { what: /once and in this order/, next: /run again/ }, odd);
        t.equal(readFileSync(path, "utf8"), odd);
      }
    });

    t.test("a folder or link in its place stays there", async (t) => {
      mkdirSync(disk.at("folder"));
      symlinkSync(path, disk.at("link"));
      for (const thing of ["folder", "link"]) t.match((await end("apply", BLOCK, disk.at(thing))).failure, { what: /is not a regular file/ }, thing);
    });
  });
}
