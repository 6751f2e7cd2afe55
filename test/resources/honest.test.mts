import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import t from "tap";
import type { Resource } from "../../lib/engine/resource.mts";
import { absent } from "../../lib/resources/absent.mts";
import { directory } from "../../lib/resources/directory.mts";
import { file } from "../../lib/resources/file.mts";
import { symlink } from "../../lib/resources/symlink.mts";
import { quote, sh } from "../../lib/sh.mts";
import { Disk, LocalHost, programOf, type TaskEnd } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";

t.setTimeout(600_000);
const RUNS = Number(process.env["HONEST_RUNS"] ?? 60);
const CONTENT = "first: 1\nsecond: 'é'\n";

// --- what may lie on a host before: shell text that makes it so -----------------------------------------------------------------
const name = fc.constantFrom("plain", "with space", "it's", "-dash", "香港", "back\\slash");
const content = fc.constantFrom(CONTENT, CONTENT.trimEnd(), CONTENT.replaceAll("\n", "\r\n"), "", "other\n", "x".repeat(5000));
const mode = fc.constantFrom("644", "640", "600", "0", "755", "4755", "2755", "1777");
const owner = fc.constantFrom("root:root", "nobody:root", "root:nogroup", "12345:54321");
const what = fc.oneof(
  { weight: 1, arbitrary: fc.constant(":") },
  { weight: 4, arbitrary: content.map((text) => sh`printf %s ${text} >"$p"`.text) },
  { weight: 2, arbitrary: fc.constantFrom('mkdir "$p"', 'mkdir "$p"; echo kept >"$p/inside"') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'ln -s nowhere "$p"',
      'ln -s "$p" "$p"',
      'echo far >../away; ln -s ../away "$p"',
      'mkdir ../dir; ln -s ../dir "$p"',
      sh`printf %s ${CONTENT} >../same; ln -s ../same "$p"`.text,
      'ln -s target "$p"',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('mkfifo "$p"', 'mknod "$p" c 1 3') },
);
const rights = fc.tuple(owner, mode).map(([o, m]) => `if [ -e "$p" ] && [ ! -L "$p" ]; then chown ${o} "$p"; chmod ${m} "$p"; fi`);
const leftover = fc.constantFrom(":", ":", sh`echo half >"./.sampan.\${p#./}.new"`.text, 'mkdir "./.sampan.${p#./}.new"', 'ln -s nowhere "$p.sampan.new"');
const trouble = fc.oneof(
  { weight: 4, arbitrary: fc.constant("none") },
  { weight: 3, arbitrary: fc.constantFrom("immutable", "immutable folder", "read-only", "full", "no folder", "folder is a file") },
);

const rightsWanted = {
  owner: fc.constantFrom("root", "nobody"),
  group: fc.constantFrom("root", "nogroup"),
  mode: fc.constantFrom(0o644, 0o600, 0o755, 0o2750, 0),
};
const wanted: fc.Arbitrary<(path: string) => Resource> = fc.oneof(
  fc
    .record({ content: fc.constantFrom(CONTENT, "", "no newline", "é".repeat(20_000)), ...rightsWanted })
    .map((spec) => (path: string) => file({ path, ...spec })),
  fc.record(rightsWanted).map((spec) => (path: string) => directory({ path, ...spec })),
  fc.constantFrom("target", "/no where/it's", "../dir", "-n").map((target) => (path: string) => symlink({ path, target })),
  fc.constant((path: string) => absent({ path })),
);

for (const [shell, argv, unusable] of shells.filter(([s]) => s !== "bash --posix")) {
  t.test(shell, { skip: unusable || notRoot }, async (t) => {
    const disk = new Disk(t);
    // a file system of its own, so that it can be full or read-only, and a place beside it where links lead
    const host = new LocalHost(
      t,
      argv,
      disk,
      `mkdir ${quote(disk.at("fs"))} ${quote(disk.at("img"))} && mount --bind ${quote(disk.at("img"))} ${quote(disk.at("fs"))}`,
    );
    await host.exchange("emit up\n", ["up"]);
    const inside = (script: string): string => {
      const { stdout, stderr, status } = spawnSync("nsenter", ["-m", "-t", String(host.child.pid), "sh", "-s"], {
        input: `cd ${quote(disk.at("fs"))} && {\n${script}\n}`,
        encoding: "utf8",
      });
      assert.equal(status, 0, `${script}: ${stderr}`);
      return stdout;
    };
    /** everything but access times */
    const tree = (): string => inside("find . -printf '%p %y %m %U:%G %s %T@ %C@ %l\\n' | sort; find . -type f -exec sha256sum {} +");
    const bare = (listing: string): string[] => listing.split("\n").filter((l) => /sampan/.test(l));
    const [fs, img] = [quote(disk.at("fs")), quote(disk.at("img"))];
    const reset = (): void => {
      inside(`cd /; mount -o remount,bind,rw ${fs} 2>/dev/null; while umount -l ${fs} 2>/dev/null; do :; done
      chattr -R -i ${img} 2>/dev/null; rm -rf ${img}; mkdir ${img}; mount --bind ${img} ${fs}`);
    };
    const one = async (mode: "apply" | "check", resource: Resource): Promise<TaskEnd> => (await host.run(programOf(mode, resource))).ends.at(-1)!;

    await fc.assert(
      fc.asyncProperty(name, what, rights, leftover, trouble, wanted, async (leaf, make, chown, left, problem, make_) => {
        reset();
        const state = `p=./${quote(leaf)}; mkdir -p box; cd box; ${make}; ${chown}; ${left}`;
        inside(
          {
            none: state,
            immutable: `${state}; [ ! -f "$p" ] || [ -L "$p" ] || chattr +i "$p"`,
            "immutable folder": `${state}; chattr +i .`,
            "read-only": `${state}; cd /; mount -o remount,bind,ro ${fs}`,
            full: `mount -t tmpfs -o size=64k tmpfs ${fs}; cd ${fs}; ${state}; cat /dev/zero >fill 2>/dev/null || :`,
            "no folder": ":",
            "folder is a file": "echo file >box",
          }[problem]!,
        );
        const resource = make_(`${disk.at("fs")}/box/${leaf}`);

        const before = tree();
        const checked = await one("check", resource);
        assert.equal(tree(), before, "--check has written");
        assert.ok(["ok", "drift", "failed"].includes(checked.status), checked.status);

        const applied = await one("apply", resource);
        const after = tree();
        if (checked.status === "ok") {
          assert.equal(applied.status, "ok");
          assert.equal(after, before, "ok, but something has changed");
          return;
        }
        assert.ok(["changed", "failed"].includes(applied.status), `--check says ${checked.status}, apply says ${applied.status}`);
        if (applied.status === "failed") {
          assert.match(applied.failure!.what, /^[^\n]+$/);
          assert.ok(applied.failure!.next);
          assert.ok(applied.failure!.what.length > 30 || applied.failure!.output, "no reason");
          // same type, text and rights as before; a folder's times may have moved
          const kept = (listing: string): string[] =>
            listing
              .split("\n")
              .filter((l) => !/sampan/.test(l))
              .map((l) => l.replace(/ \d+(\.\d+)? \d+\.\d+ \d+\.\d+ ?/, " "));
          assert.deepEqual(kept(after), kept(before), "failed, but something has changed");
          assert.ok(bare(after).length <= bare(before).length, "a failed run left something");
          return;
        }
        assert.equal(
          bare(after).filter(
            (l) =>
              !bare(before)
                .map((b) => b.split(" ")[0])
                .includes(l.split(" ")[0]),
          ).length,
          0,
          "something was left",
        );
        const again = await one("apply", resource);
        assert.equal(again.status, "ok", JSON.stringify(again));
        assert.equal(tree(), after, "the second run has changed something");
      }),
      { numRuns: RUNS },
    );
    reset();
    inside(`cd /; umount -l ${fs}`);
    t.pass(`${RUNS} states`);
  });
}
