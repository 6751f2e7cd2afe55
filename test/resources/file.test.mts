import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import t from "tap";
import { artifact, file } from "../../lib/resources/file.mts";
import { Secret } from "../../lib/secret.mts";
import { sh } from "../../lib/sh.mts";
import { Disk, LocalHost, programOf, sha256 } from "../engine/local-host.mts";
import { notRoot, shells } from "../engine/shells.mts";
import { golden } from "./golden.mts";

t.setTimeout(600_000);

t.test("programs", async (t) => {
  golden(
    t,
    "file",
    file({ path: "/etc/it's here.conf", content: "a: 'b'\n$x `y` \\ é\n", owner: "nats", group: "nats", mode: 0o640, needs: ["directory /etc"] }),
  );
  golden(t, "file-validated", file({ path: "/etc/a.conf", content: "a\n", validate: (staged) => sh`a-tool -t ${staged}` }));
  golden(t, "artifact", artifact({ path: "/opt/x/bin", payload: { sha256: "0".repeat(64), size: 5, path: "/cache/bin" } }));
  const secret = file({ path: "/etc/secret", content: new Secret("hunter2"), mode: 0o600 });
  t.equal(secret.content, undefined);
  t.notMatch(`${secret.apply.shown}${secret.check.text}${secret.check.shown}`, "hunter2");
});

for (const [name, argv, unusable] of shells) {
  t.test(name, { skip: unusable || notRoot }, async (t) => {
    const disk = new Disk(t);
    const host = new LocalHost(t, argv, disk);
    const path = disk.at("a file");
    const end = async (mode: "apply" | "check", spec: Omit<Parameters<typeof file>[0], "path">) =>
      (await host.run(programOf(mode, file({ path, ...spec })))).ends[0]!;

    t.test("text of every kind arrives byte for byte", async (t) => {
      for (const content of ["", "\n", "no newline", "a\r\nb\r\n", "é 香港 🚤\n", "'\"\\$`!%s\\n\n\n\n", "-n", "x".repeat(300_000)]) {
        t.match(await end("apply", { content, mode: 0o640 }), { status: /changed|ok/, failure: undefined });
        t.equal(readFileSync(path, "utf8") === content, true, JSON.stringify(content.slice(0, 20)));
      }
      t.equal(statSync(path).mode & 0o7777, 0o640);
    });

    t.test("the diff shows what is there and what will be", async (t) => {
      writeFileSync(path, "one\ntwo\n");
      const { status, diff, changes } = await end("check", { content: "one\n2\n" });
      t.equal(status, "drift");
      t.match(diff, /-two\n\+2/);
      t.match(
        changes.find((c) => c.attribute === "content"),
        { current: /^sha256 [0-9a-f]{64}$/ },
      );
      writeFileSync(path, Buffer.from([0, 255, 10, 0]));
      t.match((await end("check", { content: "text\n" })).diff, /\+text/, "bytes that are no text don't break it");
      writeFileSync(path, "y".repeat(300_000));
      t.equal((await end("check", { content: "text\n" })).status, "drift", "too long for a diff");
    });

    t.test("owner and group by number, with or without a name, converge", async (t) => {
      for (const [owner, group] of [
        ["0", "0"],
        ["4711", "4712"],
      ] as const) {
        await end("apply", { content: "x", owner, group });
        t.strictSame([statSync(path).uid, statSync(path).gid].map(String), [owner, group]);
        t.equal((await end("apply", { content: "x", owner, group })).status, "ok");
      }
      t.match(await end("check", { content: "x", owner: "4711", group: "13" }), { status: "drift", changes: [{ attribute: "group", desired: "13" }] });
      await end("apply", { content: "x" });
    });

    t.test("a secret's text is in no event", async (t) => {
      writeFileSync(path, "old-secret-text\n");
      const ended = await end("apply", { content: new Secret("new-secret-text\n"), mode: 0o600 });
      t.equal(ended.status, "changed");
      t.notMatch(JSON.stringify(ended), /secret-text/);
      const refused = await end("apply", { content: new Secret("third-secret-text"), validate: () => sh`false` });
      t.equal(refused.status, "failed");
      t.notMatch(JSON.stringify(refused), /secret-text/);
    });

    t.test("refused text never takes the place, and nothing is left", async (t) => {
      writeFileSync(path, "good\n");
      const refused = await end("apply", { content: "bad\n", validate: (staged) => sh`grep -q good ${staged} || { echo "line 1: bad" >&2; exit 3; }` });
      t.match(refused.failure, { what: /refused by its validating command/, next: /correct/, output: /line 1: bad/ });
      t.equal(readFileSync(path, "utf8"), "good\n");
      t.strictSame(readdirSync(disk.at()), ["a file"]);
      t.equal((await end("apply", { content: "good again\n", validate: (staged) => sh`grep -q good ${staged}` })).status, "changed");
    });

    t.test("a wider mode is never there, not even for a moment", async (t) => {
      const seen = await end("apply", { content: "s\n", mode: 0o600, validate: (staged) => sh`[ "$(stat -c %a ${staged})" = 600 ]` });
      t.equal(seen.status, "changed");
    });

    t.test("an owner that doesn't exist: fails, the old text stays", async (t) => {
      writeFileSync(path, "old\n");
      t.match(await end("apply", { content: "new\n", owner: "no-such-user" }), { status: "failed", failure: { output: /no-such-user/ } });
      t.equal(readFileSync(path, "utf8"), "old\n");
      t.strictSame(readdirSync(disk.at()), ["a file"]);
    });

    t.test("folders in the way", async (t) => {
      mkdirSync(disk.at("folder"));
      t.match((await host.run(programOf("apply", file({ path: disk.at("folder"), content: "" })))).ends[0]!.failure, {
        what: /is a directory where a file should be/,
      });
      t.match((await host.run(programOf("apply", file({ path: disk.at("no", "file"), content: "" })))).ends[0]!.failure, {
        what: /the folder .* does not exist/,
      });
      symlinkSync(disk.at("folder"), disk.at("link"));
      t.equal((await host.run(programOf("apply", file({ path: disk.at("link"), content: "" })))).ends[0]!.status, "changed", "a link to a folder makes room");
      t.strictSame(readdirSync(disk.at("folder")), []);
    });

    t.test("an artifact is pushed once", async (t) => {
      let pushes = 0;
      const push = host.push;
      host.push = (...a) => {
        pushes++;
        push(...a);
      };
      writeFileSync(disk.at("source"), "bytes\n");
      const wanted = artifact({ path: disk.at("deep", "er", "x"), payload: { sha256: sha256("bytes\n"), size: 6, path: disk.at("source") } });
      for (const status of ["changed", "ok"]) t.equal((await host.run(programOf("apply", wanted))).ends[0]!.status, status);
      t.equal(pushes, 1);
      t.ok(existsSync(disk.at("deep", "er", "x")));
    });
  });
}
