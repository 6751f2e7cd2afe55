import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { Secret } from "../../lib/secret.mts";
import { flag, step, summary } from "../engine/local-host.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { LabHosts, run } from "./lab-host.mts";

t.setTimeout(600_000);
const scratch = mkdtempSync(join(tmpdir(), "sampan-test-"));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

/** A script as login shell of a new user who has ops' keys; `sudo` is a line for sudoers. */
const addUser = (name: string, shell = "/bin/sh", sudo = "ALL=(ALL) NOPASSWD: ALL"): string => `
  useradd --create-home --shell ${shell} ${name} && cp -r ~ops/.ssh /home/${name}/ && chown -R ${name}: /home/${name}/.ssh
  ${sudo ? `echo '${name} ${sudo}' >/etc/sudoers.d/${name}` : ":"}`;

t.test("connecting", { skip }, async (t) => {
  const hosts = await LabHosts.up(t, testLab(t, "connect"), 2);
  const works = async (t: Test, host = hosts.host()): Promise<void> => {
    const session = await hosts.open(host);
    t.equal(session.facts.uid, 0);
    const file = `/root/was-here-${Math.random().toString(36).slice(2)}`;
    t.strictSame(
      (await run(session, [flag(file)])).ends.map((e) => e.status),
      ["changed"],
    );
    t.equal(await hosts.sh(`stat -c %U ${file}`), "root");
    await session.close();
  };

  t.test("facts are what the host itself says", async (t) => {
    const session = await hosts.open();
    const { facts } = session;
    t.match(facts, {
      uid: 0,
      hostname: "nats-node-1",
      os: "debian",
      init: "systemd",
      container: "systemd-nspawn",
      arch: process.arch === "x64" ? "x86_64" : "aarch64",
      kernel: await hosts.sh("uname -r"),
      bootId: await hosts.sh("cat /proc/sys/kernel/random/boot_id"),
      osVersion: await hosts.sh(". /etc/os-release; echo $VERSION_ID"),
    });
    t.equal(facts.memoryBytes / 1024, Number(await hosts.sh("awk '/^MemTotal/ { print $2 }' /proc/meminfo")));
    t.equal(facts.cpus.length, Number(await hosts.sh("getconf _NPROCESSORS_ONLN")));
    t.ok(facts.store.freeBytes > 0 && facts.store.mount.startsWith("/"));
    t.ok(Math.abs(facts.clockSkew) < 5);
    await session.close();
  });

  t.test("become by sudo without a password", (t) => works(t, hosts.host(1, { user: "ops", become: true })));

  t.test("become by sudo with a password", async (t) => {
    await hosts.sh(`${addUser("pat", "/bin/bash", "ALL=(ALL) ALL")}; echo 'pat:pass $1 wörd' | chpasswd`);
    const pat = { user: "pat", become: true };
    await works(t, hosts.host(1, { ...pat, become_password: new Secret("pass $1 wörd") }));
    await works(t, hosts.host(1, { user: "ops", become: true, become_password: new Secret("not asked for") }));
    const failure = await hosts.refused(hosts.host(1, pat));
    t.match(failure, { what: /asks for a password/, next: /--ask-become-pass/ });
    const wrong = await hosts.refused(hosts.host(1, { ...pat, become_password: new Secret("wrong") }));
    t.match(wrong.what, /refuses the password/);
    t.notMatch(JSON.stringify(wrong), /wrong"|pass \$1/);
  });

  t.test("sudo's own ways: no terminal of its own, a message of the day, requiretty", async (t) => {
    await hosts.sh(`${addUser("quinn")}; echo 'Defaults:quinn !use_pty' >>/etc/sudoers.d/quinn`);
    await works(t, hosts.host(1, { user: "quinn", become: true }));
    await hosts.sh(`${addUser("rita")}; echo 'Defaults:rita requiretty' >>/etc/sudoers.d/rita`);
    t.match(await hosts.refused(hosts.host(1, { user: "rita", become: true })), { what: /terminal|tty/, next: /requiretty/ });
  });

  t.test("a user who may not become root, or does not", async (t) => {
    await hosts.sh(addUser("sam", "/bin/sh", ""));
    t.match((await hosts.refused(hosts.host(1, { user: "sam", become: true, become_password: new Secret("x") }))).what, /sudo/);
    t.match(await hosts.refused(hosts.host(1, { user: "ops" })), { what: /is not root/, next: /become: true/ });
  });

  t.test("login shells with a mind of their own", async (t) => {
    const shells = {
      banner: "#!/bin/sh\necho 'Welcome to nats-node-1!'\nprintf 'no newline: 100%% '\nexec /bin/sh \"$@\"\n",
      noisy: "#!/bin/sh\necho 'warning: 香港 e 1 2' >&2\nhead -c 100000 /dev/zero\nexec /bin/bash \"$@\"\n",
      // plain words only, as fish or csh take them: anything of POSIX sh would be refused
      plain: '#!/bin/sh\ncase $2 in *[\\$\\;\\(\\)\\|\\&\\`]*) echo "fish: can\'t parse: $2" >&2; exit 127 ;; esac\nexec /bin/sh "$@"\n',
    };
    for (const [name, text] of Object.entries(shells)) {
      await hosts.sh(`cat >/usr/local/bin/${name} <<'END'\n${text}END\nchmod 755 /usr/local/bin/${name}\n${addUser(name, `/usr/local/bin/${name}`)}`);
      await t.test(name, (t) => works(t, hosts.host(1, { user: name, become: true })));
    }
    await hosts.sh(addUser("nologin", "/usr/sbin/nologin"));
    const failure = await hosts.refused(hosts.host(1, { user: "nologin", become: true }));
    t.match(failure.output, /not available/, "the host's words are shown");
  });

  t.test("an unknown host key is refused, and recorded only when asked", async (t) => {
    const known_hosts = join(scratch, "known hosts");
    writeFileSync(known_hosts, "");
    t.match(await hosts.refused(hosts.host(1, { known_hosts })), { what: /host key .* not in/, next: /--accept-new-host-keys/ });
    (await hosts.open(hosts.host(1, { known_hosts }), { acceptNewHostKeys: true })).kill();
    await works(t, hosts.host(1, { known_hosts }));
  });

  t.test("a changed host key is refused, also with --accept-new-host-keys", async (t) => {
    const known_hosts = join(scratch, "changed");
    writeFileSync(known_hosts, `${hosts.address(1)} ${await hosts.sh("cat /etc/ssh/ssh_host_ed25519_key.pub", 2)}\n`);
    for (const acceptNewHostKeys of [false, true]) {
      t.match(await hosts.refused(hosts.host(1, { known_hosts }), { acceptNewHostKeys }), { what: /has changed/, next: /ssh-keygen -R/ });
    }
  });

  t.test("a refused login", async (t) => {
    t.match(await hosts.refused(hosts.host(1, { user: "nobody" })), { what: /refuses the login of user nobody/, next: /authorized_keys/ });
  });

  t.test("a closed port, an address nobody has, a name nobody knows", async (t) => {
    t.match(await hosts.refused(hosts.host(1, { port: 2222 })), { what: /nothing listens on .* port 2222/ });
    const nobody = await hosts.refused(hosts.host(1, { address: hosts.address(1).replace(/\d+$/, "250"), options: { ConnectTimeout: "2" } }));
    t.match(nobody.what, /no route|doesn't answer/);
    t.ok(nobody.ms < 60_000, "not the system's two minutes");
    t.match((await hosts.refused(hosts.host(1, { address: "no-such-host.invalid" }))).what, /can't be resolved/);
  });

  t.test("sshd on another port", async (t) => {
    await hosts.sh("/usr/sbin/sshd -p 2222 -o PidFile=/run/sshd-2222.pid");
    const known_hosts = join(scratch, "port");
    writeFileSync(known_hosts, `[${hosts.address(1)}]:2222 ${await hosts.sh("cat /etc/ssh/ssh_host_ed25519_key.pub")}\n`);
    await works(t, hosts.host(1, { port: 2222, known_hosts }));
    await hosts.sh("kill $(cat /run/sshd-2222.pid)");
  });

  t.test("through a jump host", async (t) => {
    // only the jump host itself gets through to this sshd
    await hosts.sh("/usr/sbin/sshd -o ListenAddress=127.0.0.1:2223 -o PidFile=/run/sshd-2223.pid", 2);
    const inside = `[127.0.0.1]:2223 ${await hosts.sh("cat /etc/ssh/ssh_host_ed25519_key.pub", 2)}\n`;
    const known_hosts = join(scratch, "jump");
    writeFileSync(known_hosts, `${readFileSync(hosts.knownHosts, "utf8")}${inside}`);
    const behind = { address: "127.0.0.1", port: 2223, known_hosts };
    const through = async (proxy_jump: string, more = {}): Promise<string> => {
      const session = await hosts.open(hosts.host(2, { ...behind, proxy_jump, ...more }));
      const { hostname } = session.facts;
      await session.close();
      return hostname;
    };
    t.equal(await through(`root@${hosts.address(2)}`), "nats-node-2");
    t.equal(await through(`ops@${hosts.address(2)}:22`, { user: "ops", become: true }), "nats-node-2");
    t.equal(await through(`ops@${hosts.address(1)},root@${hosts.address(2)}`), "nats-node-2", "two of them");
    t.match(
      (await hosts.refused(hosts.host(2, { ...behind, proxy_jump: `nobody@${hosts.address(1)}` }))).what,
      `${hosts.address(1)} refuses the login of user nobody`,
    );
    writeFileSync(known_hosts, inside);
    // The user's own known_hosts counts for jump hosts: it may have an earlier lab's key for this address.
    const stale = spawnSync("ssh-keygen", ["-F", hosts.address(2)]).status === 0;
    t.match(
      (await hosts.refused(hosts.host(2, { ...behind, proxy_jump: `root@${hosts.address(2)}` }))).what,
      `host key of ${hosts.address(2)} ${stale ? "has changed" : "is not in"}`,
    );
    await hosts.sh("kill $(cat /run/sshd-2223.pid)", 2);
  });

  t.test("spaces, quotes and text of many bytes arrive as they are", async (t) => {
    const session = await hosts.open();
    const name = '/root/it\'s a "file" — 香港 $HOME `x` \\';
    t.strictSame(
      (await run(session, [flag(name, undefined)])).ends.map((e) => e.status),
      ["changed"],
    );
    t.equal(await hosts.sh("ls -N /root | grep 香港"), name.slice("/root/".length));
    t.strictSame(summary((await run(session, [step("env", '[ "$LC_ALL" = C ]')])).ends), ["env ok"]);
    await session.close();
  });
});
