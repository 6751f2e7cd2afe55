import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { root, skip } from "../lab/fixture.mts";
import { exits, Result } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

t.test("keys, agents, ssh_config and paths of a user", { skip }, async (t) => {
  const site = await siteLab(t, "h-keys", 1);
  const [host] = site.names as [string];
  const address = site.address(host);
  const hostKey = await site.sh(host, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub");
  const dir = t.testdir({});

  /** An inventory of the user's own: one host, reached as `connection` says. */
  const inventory = (name: string, connection: Record<string, unknown>, known = `${address} ${hostKey}\n`): string => {
    const folder = join(dir, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "hosts.yml"), JSON.stringify({ nats: { hosts: { [host]: { address, nats_source: { file: "/bin/true" }, ...connection } } } }));
    writeFileSync(join(folder, "known_hosts"), known);
    return folder;
  };
  const key = (folder: string, name: string): string => {
    copyFileSync(join(site.inventory, "id_ed25519"), join(folder, name));
    chmodSync(join(folder, name), 0o600);
    return name;
  };

  /** `site.mts -i FOLDER --json --check --role kernel-tuning`: connects and reads; by default nobody's agent is there, and no ssh_config. */
  const check = async (
    folder: string,
    { env = {}, under = [], args = [] }: { env?: NodeJS.ProcessEnv; under?: string[]; args?: string[] } = {},
  ): Promise<Result> => {
    const [program, ...words] = [...under, join(root, "playbooks/site.mts"), "-i", folder, "--json", "--check", "--role", "kernel-tuning", ...args] as [
      string,
      ...string[],
    ];
    const child = spawn(program, words, { cwd: "/", env: { ...process.env, SSH_AUTH_SOCK: "", ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "",
      stderr = "";
    child.stdout.setEncoding("utf8").on("data", (d: string) => {
      stdout += d;
    });
    child.stderr.setEncoding("utf8").on("data", (d: string) => {
      stderr += d;
    });
    const [status, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return new Result(status, signal, stdout, stderr);
  };
  const connects = async (t: Test, folder: string, how: Parameters<typeof check>[1] = {}): Promise<void> => {
    const run = await check(folder, how);
    exits(t, run, 2);
    t.match(run.of("host_connected"), [{ lane: host, facts: { os: "debian" } }]);
  };
  const refusal = async (t: Test, folder: string, how: Parameters<typeof check>[1] = {}) => {
    const run = await check(folder, how);
    exits(t, run, 4);
    return run.of("host_unreachable")[0]!.failure;
  };

  /** An agent of the test's own; ends with it. */
  const agent = async (t: Test): Promise<NodeJS.ProcessEnv> => {
    // not in the test's folder: a socket's path may have 107 bytes at most (unix(7))
    const folder = mkdtempSync(join(tmpdir(), "sampan-test-"));
    const socket = join(folder, "agent");
    const child: ChildProcess = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    t.teardown(() => {
      child.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    while (!existsSync(socket)) {
      if (child.exitCode !== null) throw new Error(`ssh-agent ended with ${child.exitCode}`);
      await sleep(20);
    }
    return { SSH_AUTH_SOCK: socket };
  };
  const add = (env: NodeJS.ProcessEnv, file: string, passphrase = ""): void => {
    const ask = join(dir, "ask");
    writeFileSync(ask, "#!/bin/sh\nprintf '%s\\n' \"$PASSPHRASE\"\n", { mode: 0o755 });
    execFileSync("ssh-add", ["-q", file], { env: { ...process.env, ...env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: "force", PASSPHRASE: passphrase } });
  };

  await t.test("a key that only ssh-agent has", async (t) => {
    const folder = inventory("agent", { ssh: { user: "root", options: { IdentityFile: "none" } } });
    const env = await agent(t);
    t.match(await refusal(t, folder, { env }), { what: `${address} refuses the login of user root`, next: /ssh-agent/ }, "not without the key");
    add(env, join(site.inventory, "id_ed25519"));
    await connects(t, folder, { env });
  });

  await t.test("an encrypted key: nothing is asked, ssh-agent is named; with the agent it works", async (t) => {
    const folder = inventory("encrypted", { ssh: { user: "root", identity_file: "id_encrypted" } });
    const file = join(folder, key(folder, "id_encrypted"));
    execFileSync("ssh-keygen", ["-q", "-p", "-N", "pass phrase", "-f", file]);
    t.match(await refusal(t, folder), { what: `the key ${file} is encrypted, so that ssh-agent must hold it`, next: `ssh-add ${file}` });
    const env = await agent(t);
    add(env, file, "pass phrase");
    await connects(t, folder, { env });
  });

  await t.test("an inventory, its key and its known_hosts below names with spaces, quotes, % and umlauts", async (t) => {
    const name = `Städte & "Häfen"/it's 100%h – 香港`;
    const folder = inventory(name, { ssh: { user: "root", identity_file: 'Schlüssel "ops" 50%.key' } });
    key(folder, 'Schlüssel "ops" 50%.key');
    await connects(t, folder);
    writeFileSync(join(folder, "known_hosts"), "");
    t.match(await refusal(t, folder), { what: `the host key of ${address} is not in ${folder}/known_hosts` });
    await connects(t, folder, { args: ["--accept-new-host-keys"] });
    t.match(readFileSync(join(folder, "known_hosts"), "utf8"), hostKey, "recorded there, and nowhere else");
    const through = inventory(name, { ssh: { user: "root", identity_file: 'Schlüssel "ops" 50%.key', proxy_jump: `ops@${address}` } });
    await connects(t, through);
  });

  await t.test("ssh.options: ssh_config's own words; a wrong one is told in a line", async (t) => {
    const options = { HostKeyAlias: "alias.example", Compression: true, ConnectTimeout: 20, ServerAliveInterval: 3 };
    const folder = inventory("options", { ssh: { user: "root", identity_file: "id", options } }, `alias.example ${hostKey}\n`);
    key(folder, "id");
    await connects(t, folder);
    inventory("options", { ssh: { user: "root", identity_file: "id", options: { Compresion: "yes" } } });
    t.match(await refusal(t, folder), { what: "ssh has no option compresion", next: /ssh: \{ options \}/ });
    inventory("options", { ssh: { user: "root", identity_file: "id", options: { Compression: "perhaps" } } });
    t.match(await refusal(t, folder), { what: /ssh doesn't understand an option: .*perhaps/, next: /ssh: \{ options \}/ });
  });

  await t.test("the user's ~/.ssh/config: alias, port, user, key, jump host", async (t) => {
    const home = join(dir, "home of ü");
    mkdirSync(join(home, ".ssh"), { recursive: true, mode: 0o700 });
    const file = join(home, ".ssh", key(join(home, ".ssh"), "id_of_config"));
    writeFileSync(join(home, ".ssh/known_hosts"), `${address} ${hostKey}\n`);
    writeFileSync(
      join(home, ".ssh/config"),
      `Host bastion\n  HostName ${address}\n  User root\n  IdentityFile "${file}"\n\n` +
        `Host inside\n  HostName 127.0.0.1\n  Port 2223\n  User ops\n  IdentityFile "${file}"\n  ProxyJump bastion\n`,
    );
    // ssh looks into the home of passwd, whatever HOME says: root's, for this process and its children only
    const passwd = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => {
        const f = line.split(":");
        return f[0] === "root" ? [...f.slice(0, 5), home, f[6]].join(":") : line;
      })
      .join("\n");
    writeFileSync(join(dir, "passwd"), passwd);
    const under = ["unshare", "--mount", "sh", "-ec", 'mount --bind "$0" /etc/passwd; exec "$@"', join(dir, "passwd")];
    // only this host itself gets through to this sshd
    await site.sh(host, "/usr/sbin/sshd -o ListenAddress=127.0.0.1:2223 -o PidFile=/run/sshd-2223.pid");
    const folder = inventory("config", { address: "inside", become: true }, `[127.0.0.1]:2223 ${hostKey}\n`);
    await connects(t, folder, { under });
    t.match(await refusal(t, folder), { what: "the name inside can't be resolved" }, "without that configuration there is no such host");
    writeFileSync(join(home, ".ssh/config"), `Host inside\n  HostNam 127.0.0.1\n`);
    t.match(await refusal(t, folder, { under }), { what: "ssh has no option hostnam" });
    await site.sh(host, "kill $(cat /run/sshd-2223.pid)");
    rmSync(home, { recursive: true });
  });

  await t.test("a store's folder with a space is refused, with the place, before anybody is called", async (t) => {
    const folder = inventory("space", { ssh: { user: "root" }, jetstream: { store_dir: "/var/lib/my store" } });
    const run = await check(folder);
    exits(t, run, 3);
    t.match(run.stderr, /hosts\.yml:1:\d+: .*"\/var\/lib\/my store".*without|hosts\.yml:1:\d+: .*no spaces/);
    t.same(run.stdout, "");
  });
});
