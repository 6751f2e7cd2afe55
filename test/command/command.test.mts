import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";

t.setTimeout(600_000);

const sampan = join(root, "bin/sampan");
const names = readdirSync(join(root, "playbooks")).map((f) => f.replace(/\.mts$/, ""));
const home = mkdtempSync(join(tmpdir(), "sampan-command-"));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
mkdirSync(join(home, "inventory"));
for (const region of ["hk", "sg"])
  cpSync(join(root, "inventory/hk"), join(home, "inventory", region), { recursive: true, filter: (f) => !/\/(\.env|pki|known_hosts)$/.test(f) });
writeFileSync(join(home, "inventory/sg/hosts.yml"), "edge:\n  hosts: { sg-1: , sg-2: }\n");
rmSync(join(home, "inventory/sg/group_vars"), { recursive: true, force: true });
mkdirSync(join(home, "inventory/sg/group_vars"));
writeFileSync(join(home, "inventory/sg/group_vars/edge.yml"), "cluster: { name: edge-sg }\n");

function run(args: readonly string[], command = sampan) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: home, encoding: "utf8" });
  return { status, stdout, stderr };
}
const complete = (...words: string[]): string[] =>
  run(["complete", ...words])
    .stdout.split("\n")
    .filter(Boolean);

t.test("alone it lists all playbooks, a line each", async (t) => {
  for (const args of [[], ["help"], ["--help"]]) {
    const { status, stdout } = run(args);
    t.equal(status, 0);
    for (const name of names) t.match(stdout, new RegExp(`^  ${name} +\\S+ \\S+`, "m"), name);
  }
});

t.test("a playbook's --help, from any folder and through a link, says how it was called", async (t) => {
  const link = join(home, "linked");
  symlinkSync(sampan, link);
  for (const command of [sampan, link]) {
    const { status, stdout } = run(["verify", "--help"], command);
    t.equal(status, 0);
    t.match(stdout, /^sampan verify: looks at/);
    t.match(stdout, "  sampan verify -i inventory/hk --check ");
  }
  t.match(run(["verify.mts", "--help"]).stdout, /^sampan verify: /);
  t.match(run(["lab", "--help"]).stdout, /^sampan lab: .*\n\nUsage: sampan lab up\|down/);
  t.match(run(["region", "--help"]).stdout, /^sampan region: [^]*\n {2}sampan region new sg --host /);
  t.match(run(["demo", "--help"]).stdout, /^sampan demo: /);
});

t.test("every playbook has a --help that begins with what it is for, and does nothing else", async (t) => {
  for (const name of names) {
    const { status, stdout, stderr } = run([name, "--help"]);
    t.same({ status, stderr }, { status: 0, stderr: "" }, name);
    t.match(stdout, new RegExp(name), name);
    t.ok(
      stdout.split("\n").every((line) => line.length <= 240),
      `${name}: no endless line`,
    );
  }
});

t.test("what it passes on: arguments as they are, and the exit status", async (t) => {
  t.match(run(["site", "-i", "no where"]), { status: 3, stderr: "-i no where: no such folder" });
  t.match(run(["site", "--limit", "nats-node-1"]), { status: 3, stderr: "inventory/hk/.env: is missing" });
});

t.test("a playbook that isn't there", async (t) => {
  t.same(run(["sit"]), { status: 3, stdout: "", stderr: 'sampan: there is no playbook "sit"; did you mean site?\n' });
  t.same(run(["../lib/boot"]).status, 3);
  t.same(run(["frobnicate"]), { status: 3, stdout: "", stderr: 'sampan: there is no playbook "frobnicate"; sampan alone lists them\n' });
  t.same(run(["completion", "cmd"]), { status: 3, stdout: "", stderr: 'sampan: completion takes one of bash, zsh, fish, not "cmd"\n' });
});

t.test("completion: playbooks, flags, inventories, hosts and groups, roles", async (t) => {
  t.same(complete("ver"), ["verify"]);
  t.same(complete("").sort(), [...names, "completion", "help"].sort());
  t.same(complete("site", "--lim"), ["--limit"]);
  t.ok(complete("drill", "--").includes("--rounds"), "a playbook's own flags");
  t.same(complete("site", "-i", ""), ["inventory/hk", "inventory/sg"]);
  t.same(
    complete("site", "-l", "nats-node-1,!nats-node-"),
    [1, 2, 3].map((n) => `nats-node-1,!nats-node-${n}`),
    "without an .env",
  );
  t.same(complete("site", "-i", "inventory/sg", "--limit", ""), ["sg-1", "sg-2", "all", "edge"]);
  t.same(complete("site", "-i", "inventory/none", "--limit", ""), []);
  t.same(complete("site", "--role", "cl"), ["cluster-config"]);
  t.same(complete("site", "--report", ""), [], "the shell completes file names");
  t.same(complete("completion", ""), ["bash", "zsh", "fish"]);
});

t.test("completion: what follows a flag or a verb", async (t) => {
  t.same(complete("bench", "--mode", ""), ["push", "pull", "mixed"]);
  t.same(complete("bench", "--rate", ""), ["max"]);
  t.ok(complete("drill", "--fault", "kill-").includes("kill-node"));
  t.same(complete("bench", "-i", "inventory/sg", "--from", "sg"), ["sg-1", "sg-2"], "hosts only");
  t.same(complete("scale", "--inventory=inventory/sg", "--remove", "sg-1,sg"), ["sg-1,sg-1", "sg-1,sg-2"]);
  t.same(complete("site", "-i", "inventory/sg", "--cluster", ""), ["edge-sg"], "without an .env");
  t.same(complete("site", "--inventory=inventory/s"), ["--inventory=inventory/sg"]);
  t.same(complete("site", "--inventory", "=", "inventory/s"), ["inventory/sg"], "as bash parts it");
  t.same(complete("site", "--inventory", "="), ["inventory/hk", "inventory/sg"]);
  t.same(complete("site", "--inventory", "=", "inventory/sg", "--limit", "ed"), ["edge"]);
  t.same(complete("lab", ""), ["up", "down", "status", "ssh"]);
  t.same(complete("region", ""), ["new", "check"]);
  t.same(complete("region", "check", ""), ["hk", "sg"]);
  t.same(complete("site", ""), []);
});
