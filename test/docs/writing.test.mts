import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { inventoryDir } from "../../lib/lab/paths.mts";
import { root, skip, testLab } from "../lab/fixture.mts";

t.setTimeout(600_000);

/** docs/writing.md, put into a copy of this tree as a reader would. */
function followed(): string {
  const copy = mkdtempSync(join(tmpdir(), "sampan-writing-"));
  for (const part of ["lib", "roles", "playbooks", "package.json", "package-lock.json", "tsconfig.json"])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  mkdirSync(join(copy, "node_modules"));
  for (const name of spawnSync("ls", ["-A", join(root, "node_modules")], { encoding: "utf8" })
    .stdout.split("\n")
    .filter((n) => n && n !== ".cache")) {
    symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
  }
  const page = readFileSync(join(root, "docs/writing.md"), "utf8");
  for (const [, file, text] of page.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```$/gm)) {
    mkdirSync(dirname(join(copy, file!)), { recursive: true });
    writeFileSync(join(copy, file!), text!);
    if (file!.startsWith("playbooks/")) chmodSync(join(copy, file!), 0o755);
  }
  for (const [, patch] of page.matchAll(/^```diff\n([\s\S]*?)^```$/gm)) edit(copy, patch!);
  return copy;
}

/** The page's differences have no line numbers: each piece replaces the text it takes away, which must be there once. */
function edit(copy: string, patch: string): void {
  const file = join(copy, /^\+\+\+ b\/(.*)$/m.exec(patch)![1]!);
  let text = readFileSync(file, "utf8");
  for (const piece of patch.split(/^@@\n/m).slice(1)) {
    const lines = piece.trimEnd().split("\n");
    const pick = (sign: string): string =>
      lines
        .filter((l) => l.startsWith(sign))
        .map((l) => l.slice(1))
        .join("\n");
    if (text.split(pick("-")).length !== 2) throw new Error(`docs/writing.md changes a text that ${file} doesn't have once: ${pick("-")}`);
    text = text.replace(pick("-"), () => pick("+"));
  }
  writeFileSync(file, text);
}

t.test("the worked example of docs/writing.md does what the page says", { skip }, async (t) => {
  const copy = followed();
  t.teardown(() => rmSync(copy, { recursive: true, force: true }));
  const lab = testLab(t, "docs");
  await lab.up({ nodes: 1 });

  t.test("its types are right", async (t) => {
    const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["--noEmit", "-p", copy], { cwd: copy, encoding: "utf8" });
    t.equal(status, 0, stdout);
  });

  const page = readFileSync(join(root, "docs/writing.md"), "utf8");
  const commands = [...page.matchAll(/^\$ (\.\/playbooks\/house\.mts .*?) {2,}exit status (\d): (.*)$/gm)];
  t.equal(commands.length, 4, "the page shows four commands");
  for (const [, command, status, what] of commands) {
    const [program, ...args] = command!.replace("inventory/lab", inventoryDir(lab.region)).split(" ");
    const run = spawnSync(join(copy, program!), args, { cwd: copy, encoding: "utf8" });
    t.equal(run.status, Number(status), `${command}: ${what}\n${run.stdout}${run.stderr}`);
  }
  const { stdout } = await lab.exec("nats-node-1", ["readlink", "/etc/localtime"]);
  t.equal(stdout.trim(), "/usr/share/zoneinfo/Asia/Hong_Kong");
});
