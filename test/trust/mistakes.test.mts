import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { account } from "../hosts/accounts.mts";
import { root, skip } from "../lab/fixture.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

/** A command of a machine on which little is installed. */
const bare = (path: string, command: string) => spawnSync("/bin/sh", [join(root, command)], { cwd: "/", encoding: "utf8", env: { PATH: path } });

t.test("Node.js is missing or too old: one line, status 3", async (t) => {
  const bin = mkdtempSync(join(tmpdir(), "sampan-node-"));
  t.teardown(() => rmSync(bin, { recursive: true, force: true }));
  spawnSync("ln", ["-s", "/usr/bin/dirname", bin]);
  for (const command of ["playbooks/../lib/boot.sh", "lib/setup.sh"]) {
    rmSync(join(bin, "node"), { force: true });
    t.match(bare(bin, command), {
      status: 3,
      stdout: "",
      stderr: /^sampan: node is not installed; install Node\.js 20\.11 or later \(\S+\); then run again\n$/,
    });
    for (const version of ["12.22.9", "18.19.0", "20.9.0", "20.10.0"]) {
      writeFileSync(join(bin, "node"), `#!/bin/sh\necho v${version}\n`, { mode: 0o755 });
      t.match(bare(bin, command), {
        status: 3,
        stdout: "",
        stderr: `sampan: ${bin}/node is Node.js ${version}, which is too old; install Node.js 20.11 or later`,
      });
    }
  }
  for (const version of ["20.11.0", "20.19.1", "22.0.0", "24.1.0", "100.0.0"]) {
    writeFileSync(join(bin, "node"), `#!/bin/sh\n[ "$1" = --version ] && echo v${version} || echo started\n`, { mode: 0o755 });
    t.same(bare(bin, "lib/boot.sh").stdout, "started\n", version);
  }
});

t.test("mistakes at a real host: one thing is told, with what to do, and nothing is done", { skip }, async (t) => {
  const site = await siteLab(t, "mistakes", 2);
  const [one, two] = site.hosts.map((h) => h.address) as [string, string];
  const wrongKey = join(site.inventory, "wrong_key");
  spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", wrongKey]);
  const openKey = join(site.inventory, "open_key");
  cpSync(join(site.inventory, "id_ed25519"), openKey);
  chmodSync(openKey, 0o644);
  await site.sh("nats-node-1", account("pat", { password: "secret" }));
  const untouched = async (): Promise<void> =>
    void t.same(await site.everywhere("ls -d /var/log/sampan /etc/nats 2>/dev/null || echo untouched"), ["untouched", "untouched"]);

  for (const [what, args, why, next] of [
    ["a wrong key", [`ssh.identity_file=${wrongKey}`], `${one} refuses the login of user root with the key ${wrongKey}`, /ssh-copy-id -i \S+ root@/],
    [
      "a key that others can read",
      [`ssh.identity_file=${openKey}`],
      `ssh refuses the key file ${openKey}: its permissions are too open`,
      `run: chmod 600 ${openKey}`,
    ],
    ["a wrong user", ["ssh.user=nobody"], `${one} refuses the login of user nobody with the key`, /authorized_keys.*user and identity_file/],
    ["a closed port", ["ssh.port=2222"], `nothing listens on ${one} port 2222`, /sshd runs there and that `ssh: \{ port \}` is right/],
    [
      "a host that is down",
      [`ssh.options.HostName=${one.replace(/\d+$/, "250")}`, "ssh.connect_timeout=2"],
      /doesn't answer|no route/,
      /host is up|check the address/,
    ],
    ["sudo that asks for a password", ["ssh.user=pat", "become=true"], `sudo on ${one} asks for a password`, /--ask-become-pass.*NOPASSWD/],
  ] as const)
    t.test(what, async (t) => {
      const run = await site.run("--limit", "nats-node-1", ...args.flatMap((a) => ["-e", a]));
      t.equal(run.status, 4, run.told);
      const told = run.of("host_unreachable");
      t.match(told, [{ lane: "nats-node-1", failure: { what: why, next } }]);
      t.equal(told.length, 1);
      t.same(run.of("task_end"), [], "and nothing of what follows from it");
      await untouched();
    });

  t.test("a changed host key, and an unknown one", async (t) => {
    const file = join(site.inventory, "known_hosts"),
      known = readFileSync(file, "utf8");
    t.teardown(() => writeFileSync(file, known));
    const [, second = ""] = known.split("\n");
    writeFileSync(file, known.replace(/^.*\n/, `${one} ${second.split(" ").slice(1).join(" ")}\n`));
    const changed = await site.show("--limit", "nats-node-1", "--accept-new-host-keys");
    t.equal(changed.status, 4);
    t.match(changed.stdout, `the host key of ${one} has changed: another machine may be answering in its place`);
    t.match(changed.stdout, `ssh-keygen -R '${one}' -f ${file}`);
    t.notMatch(changed.stdout, "Offending", "not in ssh's words as well");
    writeFileSync(file, "");
    const unknown = await site.show("--limit", "nats-node-1");
    t.equal(unknown.status, 4);
    t.match(unknown.stdout, /host key of \S+ is not in \S+known_hosts\n +next +compare its fingerprint \(.*\), then run again with --accept-new-host-keys/);
    t.same(unknown.stdout.match(/^failed /gm)?.length, 1);
    await untouched();
  });

  for (const mode of [[], ["--check"]])
    t.test(`two hosts that are one machine${mode.join("")}: found when it answers`, async (t) => {
      mkdirSync(join(site.inventory, "host_vars"), { recursive: true });
      writeFileSync(join(site.inventory, "host_vars/nats-node-2.yml"), `ssh: { options: { HostName: ${one} } }\n`);
      t.teardown(() => rmSync(join(site.inventory, "host_vars"), { recursive: true }));
      const run = await site.show(...mode);
      t.equal(run.status, 3, run.told);
      t.same(run.stderr, `nats-node-2 (${two}) is the same machine as nats-node-1 (${one}); give each host of hosts.yml its own address\n`);
      await untouched();
    });

  t.test("what is wrong with the command or the inventory: no host is asked, and nothing is written", async (t) => {
    const env = join(site.inventory, ".env");
    rmSync(env, { force: true });
    const inventory = (name: string): string => join(site.inventory, name).replace(/^\//, "");
    for (const [what, args, line] of [
      ["two hosts with one address", ["-e", `address=${one}`], `-e address=${one}: address ${one} is also that of nats-node-1; give each host its own\n`],
      ["a typo in a key", ["-e", "max_paylod=1MB"], '-e max_paylod=1MB: unknown key "max_paylod"; did you mean "max_payload"?\n'],
      ["a typo in a host", ["--limit", "nats-nod-1"], '--limit "nats-nod-1": no host or group "nats-nod-1"; did you mean "nats-node-1"?\n'],
      ["a task that isn't there", ["--start-at-task", "nothing"], '--start-at-task "nothing" names no task; --list-tasks shows them\n'],
      ["a report into nowhere", ["--report", `${wrongKey}/x.html`], "its folder can't be written"],
    ] as const)
      t.test(what, async (t) => {
        const run = await site.show(...args);
        t.equal(run.status, 3, run.told);
        t.match(run.stderr, line);
        t.equal(run.stderr.trim().split("\n").length, 1, "one line");
        t.notOk(existsSync(env), "no seeds were made");
      });
    t.test("no .env", async (t) => {
      writeFileSync(join(site.inventory, ".env.example"), "MAX=\nMOST=\n");
      site.vars("max_payload: ${MAX}\nmax_connections: ${MOST}\n");
      t.teardown(() => site.vars(""));
      const run = await site.show();
      t.equal(run.status, 3);
      t.same(
        run.stderr,
        `${inventory(".env")}: is missing, and the inventory takes values from it (\${NAME}); run: cp ${inventory(".env.example")} ${inventory(".env")} && chmod 600 ${inventory(".env")}, and fill them in\n`,
      );
    });
    await untouched();
  });
});
