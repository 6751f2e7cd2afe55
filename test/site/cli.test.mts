import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { root } from "../lab/fixture.mts";

t.setTimeout(600_000);

const dir = mkdtempSync(join(tmpdir(), "sampan-cli-"));
let connections = 0;
const sshd: Server = createServer((socket) => {
  connections++;
  socket.destroy();
}).listen(0, "127.0.0.1");
await once(sshd, "listening");
t.teardown(() => {
  sshd.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Three hosts whose sshd counts who knocks. */
function inventory(name: string, more = ""): string {
  const folder = join(dir, name);
  mkdirSync(join(folder, "group_vars"), { recursive: true });
  const port = (sshd.address() as { port: number }).port;
  writeFileSync(join(folder, "hosts.yml"), `nats:\n  hosts:\n${[1, 2, 3].map((i) => `    nats-node-${i}: { address: 127.0.0.${i} }\n`).join("")}`);
  writeFileSync(
    join(folder, "group_vars/all.yml"),
    `ssh: { port: ${port}, user: root }\nstreams:\n  - { name: LOGS, subjects: [logs.>], num_replicas: 3 }\n${more}`,
  );
  return folder;
}

function site(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(root, "playbooks/site.mts"), args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "",
      stderr = "";
    child.stdout.on("data", (d: Buffer) => {
      stdout += d.toString();
    });
    child.stderr.on("data", (d: Buffer) => {
      stderr += d.toString();
    });
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}

const good = inventory("good");

for (const [what, args, line] of [
  ["a flag", ["--chekc"], /--chekc.*did you mean --check\?/],
  ["a role", ["--role", "nats-instal"], /nats-instal.*did you mean nats-install\?/],
  ["a task", ["--start-at-task", "file /etc/nothing"], /file \/etc\/nothing.*--list-tasks/],
  ["a host", ["--limit", "nats-node-9"], /nats-node-9/],
  ["a number of forks", ["--forks", "none"], /--forks/],
  ["a variable", ["-e", "max_paylod=2MB"], /max_paylod.*max_payload/],
  ["a report's folder", ["--report", join(good, "hosts.yml/report.html")], /report\.html|hosts\.yml/],
  ["an argument", ["now"], /now/],
] as const) {
  t.test(`${what} that doesn't exist: one line, status 3, nobody is called`, async (t) => {
    connections = 0;
    const { status, stdout, stderr } = await site("-i", good, ...args);
    t.equal(status, 3, stderr);
    t.equal(stdout, "");
    t.match(stderr, line);
    t.equal(stderr.trim().split("\n").length, 1, "one line");
    t.equal(connections, 0);
  });
}

t.test("an inventory with several mistakes: all of them, each with its place, and nobody is called", async (t) => {
  connections = 0;
  const bad = inventory("bad", "max_paylod: 1MB\nport: many\nnats_version: 1.4.1\n");
  const { status, stdout, stderr } = await site("-i", bad);
  t.equal(status, 3);
  t.equal(stdout, "");
  for (const place of [/all\.yml:4:1: .*max_paylod/, /all\.yml:5:7: /, /all\.yml:6:15: .*1\.4\.1/]) t.match(stderr, place);
  t.equal(connections, 0);
});

t.test("an inventory that isn't there", async (t) => {
  t.match(await site("-i", join(dir, "nowhere")), { status: 3, stdout: "", stderr: /nowhere/ });
});

t.test("--list-hosts and --list-tasks call nobody and write nothing", async (t) => {
  connections = 0;
  const fresh = inventory("fresh");
  t.same((await site("-i", fresh, "--list-hosts")).stdout, "nats-node-1  127.0.0.1\nnats-node-2  127.0.0.2\nnats-node-3  127.0.0.3\n");
  t.same(await site("-i", fresh, "--list-hosts", "--limit", "nats-node-2"), { status: 0, stdout: "nats-node-2  127.0.0.2\n", stderr: "" });
  const all = await site("-i", fresh, "--list-tasks");
  t.equal(all.status, 0, all.stderr);
  const roles = [
    ...new Set(
      all.stdout
        .trim()
        .split("\n")
        .map((l) => l.split(": ")[0]),
    ),
  ];
  t.same(roles, ["kernel-tuning", "nats-install", "cluster-config", "jetstream-setup", "verify"], "in the order in which they run");
  t.match(all.stdout, "cluster-config: file /etc/nats/nats-server.conf\n");
  t.match(all.stdout, "jetstream-setup: stream LOGS\n");
  const one = await site("-i", fresh, "--list-tasks", "--role", "jetstream-setup");
  t.ok(
    one.stdout
      .trim()
      .split("\n")
      .every((l) => l.startsWith("jetstream-setup: ")),
    one.stdout,
  );
  t.equal(connections, 0);
  t.same(readdirSync(fresh).sort(), ["group_vars", "hosts.yml"], "neither .env nor pki");
});

t.test("hosts that don't answer: status 4, and their names", async (t) => {
  const { status, stdout } = await site("-i", good, "--check");
  t.equal(status, 4);
  for (const name of ["nats-node-1", "nats-node-2", "nats-node-3"]) t.match(stdout, name);
});

t.test("it works from any folder", async (t) => {
  t.match(await site("--help"), { status: 0, stdout: /Exit status/, stderr: "" });
});
