import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { artifact, file } from "../../lib/resources/file.mts";
import { Secret } from "../../lib/secret.mts";
import { Sh, sh } from "../../lib/sh.mts";
import { root, skip, testLab } from "../lab/fixture.mts";
import { LabHosts, run } from "../ssh/lab-host.mts";
import { flag, sha256, step, summary } from "./local-host.mts";

t.setTimeout(600_000);
const sleepThen = (staged: string): Sh => new Sh(`sleep 0.2; cat ${staged} >/dev/null`);
const scratch = mkdtempSync(join(tmpdir(), "sampan-test-"));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

t.test("a session", { skip }, async (t) => {
  const hosts = await LabHosts.up(t, testLab(t, "session"), 1);
  const there = async (path: string): Promise<boolean> => (await hosts.lab.exec("nats-node-1", ["test", "-e", path])).code === 0;
  const lockFree = (): Promise<boolean> => hosts.until("flock -n /run/sampan/lock true", 60);
  /** command lines of all processes that ssh to the lab's host */
  const sshProcesses = (): string[] =>
    readdirSync("/proc")
      .filter((p) => /^\d+$/.test(p))
      .map((p) => {
        try {
          return readFileSync(`/proc/${p}/cmdline`, "latin1").replaceAll("\0", " ");
        } catch {
          return "";
        }
      })
      .filter((c) => c.startsWith("ssh ") && c.includes(hosts.address()));
  const masterPid = (): number =>
    Number(
      readdirSync("/proc").find((p) => {
        try {
          return /^ssh\0-M/.test(readFileSync(`/proc/${p}/cmdline`, "latin1")) && readFileSync(`/proc/${p}/cmdline`, "latin1").includes(hosts.address());
        } catch {
          return false;
        }
      }),
    );

  t.test("programs run one after another over one connection", async (t) => {
    const session = await hosts.open();
    for (const status of ["changed", "ok"])
      t.strictSame(
        (await run(session, [flag("/root/one")])).ends.map((e) => e.status),
        [status],
      );
    t.match(await hosts.sh("cat /run/sampan/holder"), /^tester@here\/1 test since \d{4}-/);
    await session.close();
    t.ok(await lockFree());
    t.strictSame(sshProcesses(), []);
  });

  t.test("two operators: the second is told who is at work, and gets in afterwards", async (t) => {
    const first = await hosts.open(hosts.host(), { who: "alice@office/7 site" });
    const failure = await hosts.refused(hosts.host(), { who: "bob@home/8 site" });
    t.match(failure, { what: /is being worked on by alice@office\/7 site since/, next: /wait/ });
    (await hosts.open(hosts.host(), { lock: false, nonce: "sampan-bob" })).kill();
    t.match(await hosts.sh("cat /run/sampan/holder"), /^alice/, "a --check in between is let in and takes nothing away");
    await first.close();
    await (await hosts.open(hosts.host(), { who: "bob@home/8 site" })).close();
  });

  for (const [what, connection] of [
    ["root", {}],
    ["sudo", { user: "ops", become: true }],
  ] as const) {
    t.test(`the ssh process is killed in the middle of a step (${what})`, async (t) => {
      await hosts.sh("rm -f /root/slow /root/later");
      const session = await hosts.open(hosts.host(1, connection));
      const steps = [flag("/root/slow", "sleep 1; : >/root/slow"), flag("/root/later")];
      const { outcome, ends } = await run(session, steps, "apply", (e) => {
        if (e.type === "task_start" && e.task === "step slow") setTimeout(() => process.kill(masterPid(), "SIGKILL"), 200);
      });
      t.match(outcome, { ok: false, lost: true });
      t.match(ends.at(-1), { status: "failed", failure: { what: /ssh connection .* was killed/ } });
      t.ok(await hosts.until("[ -e /root/slow ]", 60), "the step in hand finishes");
      t.ok(await lockFree(), "the lock is free");
      t.notOk(await there("/root/later"), "later steps don't run");
      const again = await hosts.open(hosts.host(1, connection));
      t.strictSame(summary((await run(again, steps)).ends), ["slow ok", "later changed"]);
      await again.close();
    });

    t.test(`a hung command is given up, and no process of it stays (${what})`, async (t) => {
      const session = await hosts.open(hosts.host(1, connection));
      const hung = step("hung", "(sleep 4711; :) & sleep 4711; :", ":", { timeout: 1 });
      const { outcome, ends, ms } = await run(session, [hung, flag("/root/after-hang")]);
      t.match(ends[0], { status: "failed", failure: { what: /step hung gave no sign of life for 1 s/, next: /.+/ } });
      t.ok(ms < 60_000, `${Math.round(ms)} ms`);
      t.match(outcome, { lost: true });
      t.ok(await hosts.until("! pgrep sudo", 60), "nor sudo");
      t.ok(await hosts.until("! pgrep -f 'sleep 471[1]'", 60));
      t.ok(await lockFree());
      t.notOk(await there("/root/after-hang"));
    });

    t.test(`stop(): the step in hand finishes, later ones don't run (${what})`, async (t) => {
      await hosts.sh("rm -f /root/slow /root/later");
      const session = await hosts.open(hosts.host(1, connection));
      const { outcome, ends } = await run(session, [flag("/root/slow", "sleep 1; : >/root/slow"), flag("/root/later")], "apply", (e) => {
        if (e.type === "task_start") session.stop();
      });
      t.strictSame(summary(ends), ["slow changed"]);
      t.match(outcome, { stopped: true, lost: false });
      t.notOk(await there("/root/later"));
      await session.close();
    });
  }

  t.test("a session that ended before the program was sent is lost, not waited for", async (t) => {
    const session = await hosts.open();
    process.kill(masterPid(), "SIGKILL");
    await sleep(200);
    const { outcome, lost } = await run(session, [flag("/root/never")]);
    t.match(outcome, { ok: false, lost: true });
    t.match(lost, { what: /was killed/ });
    t.ok(await lockFree());
  });

  t.test("the controller is killed: the step in hand finishes, no ssh stays behind", async (t) => {
    await hosts.sh("rm -f /root/slow /root/later");
    const script = join(scratch, "controller.mts");
    const { connection } = hosts.host();
    writeFileSync(
      script,
      `
      import { Session } from "${root}lib/engine/session.mts";
      import { flag, programOf } from "${root}test/engine/local-host.mts";
      const session = await Session.open({ name: "n", groups: [], vars: {}, connection: ${JSON.stringify(connection)} },
        { nonce: "sampan-child", who: "child@here/1", lock: true, storeDir: "/", control: "${scratch}/c", acceptNewHostKeys: false });
      const steps = [flag("/root/slow", "sleep 1; : >/root/slow"), flag("/root/next", "sleep 1; : >/root/next"), flag("/root/later")];
      await session.run(programOf("apply", ...steps), "p", (e) => { if (e.type === "task_start") console.log("started"); });
    `,
    );
    const child = spawn(process.execPath, ["--import", "tsx", script], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => child.kill("SIGKILL"));
    await Promise.race([
      once(child.stdout!, "data"),
      once(child, "exit").then(() => {
        throw new Error("it ended");
      }),
    ]);
    child.kill("SIGKILL");
    t.ok(await hosts.until("[ -e /root/slow ]", 60));
    t.ok(await lockFree());
    // The ssh process outlives its controller until the host writes to it; what the host begins within that round trip it finishes.
    t.notOk(await there("/root/later"));
    t.strictSame(sshProcesses(), []);
  });

  t.test("the controller dies and the host never hears of it: the next run from here takes over, another's doesn't", async (t) => {
    const script = join(scratch, "unheard.mts");
    writeFileSync(
      script,
      `
      import { Session } from "${root}lib/engine/session.mts";
      await Session.open({ name: "n", groups: [], vars: {}, connection: ${JSON.stringify(hosts.host().connection)} },
        { nonce: "sampan-child", who: "child@here/1", lock: true, storeDir: "/", control: "${scratch}/u", acceptNewHostKeys: false });
      console.log("open");
    `,
    );
    const child = spawn(process.execPath, ["--import", "tsx", script], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => child.kill("SIGKILL"));
    await Promise.race([
      once(child.stdout!, "data"),
      once(child, "exit").then(() => {
        throw new Error("it ended");
      }),
    ]);
    t.match((await hosts.refused(hosts.host())).what, /worked on by child/, "while it lives it is left alone");
    await hosts.sh("pkill -STOP -f '[s]shd: root@notty'");
    process.kill(masterPid(), "SIGKILL");
    child.kill("SIGKILL");
    await once(child, "exit");
    const session = await hosts.open();
    t.strictSame(
      (await run(session, [flag("/root/taken-over")])).ends.map((e) => e.status),
      ["changed"],
    );
    await hosts.sh("pkill -CONT -f '[s]shd: root@notty'");
    await session.close();
    t.ok(await lockFree());
  });

  t.test("20 MB are pushed, verified, and only when the host lacks them", async (t) => {
    const path = join(scratch, "payload");
    const bytes = randomBytes(20_000_000);
    writeFileSync(path, bytes);
    const payload = { sha256: sha256(bytes), size: bytes.length, path };
    const wanted = artifact({ path: "/opt/new folder/it's", payload });
    const session = await hosts.open(hosts.host(1, { user: "ops", become: true }));
    t.strictSame(
      (await run(session, [wanted], "check")).ends.map((e) => e.status),
      ["drift"],
    );
    t.notOk(await there("/opt/new folder"), "--check pushes nothing");
    t.strictSame(
      (await run(session, [wanted])).ends.map((e) => e.status),
      ["changed"],
    );
    t.equal(await hosts.sh('sha256sum <"/opt/new folder/it\'s"'), `${payload.sha256}  -`);
    t.equal(await hosts.sh("ls -A '/opt/new folder'; stat -c '%a %U' '/opt/new folder/'*"), "it's\n755 root");
    t.strictSame(
      (await run(session, [wanted])).ends.map((e) => e.status),
      ["ok"],
    );
    writeFileSync(path, "other bytes than promised");
    const wrong = await run(session, [artifact({ path: "/opt/other", payload })]);
    t.match(wrong.ends[0], { status: "failed", failure: { what: /payload/, next: /.+/ } }, "the wrong size");
    session.kill();
    t.ok(await lockFree());
    t.equal(await hosts.sh("ls -A /opt | grep -c 'other\\|sampan' || :"), "0");
  });

  t.test("a push onto a full disk fails in plain words and leaves nothing", async (t) => {
    const path = join(scratch, "payload-big");
    writeFileSync(path, randomBytes(8_000_000));
    const payload = { sha256: sha256(readFileSync(path)), size: 8_000_000, path };
    await hosts.sh("mkdir -p /mnt/full && mount -t tmpfs -o size=4m tmpfs /mnt/full");
    const session = await hosts.open();
    const { ends } = await run(session, [artifact({ path: "/mnt/full/x", payload })]);
    t.match(ends[0], { status: "failed", failure: { output: /No space left/, next: /free space/ } });
    session.kill();
    t.ok(await lockFree());
    t.equal(await hosts.sh("ls -A /mnt/full; umount /mnt/full"), "");
  });

  t.test("no secret in any command line, here or there, nor in events and logs", async (t) => {
    const secret = `s3cret-${randomBytes(8).toString("hex")}`;
    await hosts.sh(
      "useradd --create-home --shell /bin/sh pam && cp -r ~ops/.ssh /home/pam/ && chown -R pam: /home/pam/.ssh; echo 'pam ALL=(ALL) ALL' >/etc/sudoers.d/pam",
    );
    await hosts.sh(`echo 'pam:${secret}-pw' | chpasswd`);
    const watch = `end=$(($(date +%s) + 6)); while [ $(date +%s) -lt $end ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '; done | grep -c '${secret.slice(0, 10)}[^x]'`;
    // the watcher's own command line has the secret's beginning, followed by another character
    const spelt = watch.replace(secret.slice(0, 10), `${secret.slice(0, 5)}[${secret[5]}]${secret.slice(6, 10)}`);
    const there = hosts.lab.exec("nats-node-1", ["sh", "-c", spelt]);
    const here = new Promise<string>((resolve) => {
      const c = spawn("sh", ["-c", spelt], { stdio: ["ignore", "pipe", "ignore"] });
      let out = "";
      c.stdout.on("data", (d: Buffer) => {
        out += d;
      });
      c.on("close", () => resolve(out.trim()));
    });
    const session = await hosts.open(hosts.host(1, { user: "pam", become: true, become_password: new Secret(`${secret}-pw`) }));
    const events: unknown[] = [];
    for (let i = 0; i < 12; i++) {
      const content = new Secret(`user = ${secret}\nn = ${i}\n`);
      const { outcome } = await run(
        session,
        [file({ path: "/etc/secret.conf", content, mode: 0o600, validate: (staged) => sleepThen(staged.text) }), step("other", ":")],
        "apply",
        (e) => events.push(e),
      );
      t.ok(outcome.ok);
    }
    const failing = await run(session, [file({ path: "/etc/secret.conf", content: new Secret(`${secret} bad`), validate: () => sh`false` })], "apply", (e) =>
      events.push(e),
    );
    t.equal(failing.outcome.ok, false);
    await session.close();
    t.notMatch(JSON.stringify(events), secret.slice(0, 10));
    t.equal(await here, "0");
    t.equal((await there).stdout.trim(), "0");
    t.equal(await hosts.sh("stat -c '%a %U' /etc/secret.conf; ls -A /etc | grep -c sampan || :"), "600 root\n0");
    t.equal(await hosts.sh(`grep -rl '${secret.slice(0, 10)}' /var/log /run/sampan /tmp /root 2>/dev/null | grep -v journal | wc -l`), "0");
  });

  t.test("/run can't be written", async (t) => {
    await hosts.sh("rm -rf /run/sampan && mkdir /run/sampan && mount -t tmpfs -o ro tmpfs /run/sampan");
    t.match(await hosts.refused(hosts.host()), { what: /can't write \/run\/sampan\/lock/, next: /writable/ });
    await hosts.sh("umount /run/sampan");
  });

  t.test("the link goes down: given up with clear words; when it is back, a rerun converges", async (t) => {
    await hosts.sh("rm -f /root/slow /root/later");
    const session = await hosts.open();
    const steps = [flag("/root/slow", "sleep 4; : >/root/slow"), flag("/root/later")];
    const { outcome, ends, ms } = await run(session, steps, "apply", (e) => {
      if (e.type === "task_start") void hosts.lab.linkDown("nats-node-1");
    });
    t.ok(ms < 120_000, `${Math.round(ms)} ms`);
    t.match(outcome, { lost: true });
    t.match(ends.at(-1), { status: "failed", failure: { what: /doesn't answer/, next: /.+/ } });
    session.kill();
    await hosts.lab.linkUp("nats-node-1");
    const again = await hosts.open();
    t.ok((await run(again, steps)).outcome.ok);
    await again.close();
    t.ok(await lockFree());
  });

  t.test("the connection is lost while the host is idle: the next run gets in", async (t) => {
    const session = await hosts.open();
    await hosts.lab.linkDown("nats-node-1");
    process.kill(masterPid(), "SIGKILL");
    await sleep(500);
    await hosts.lab.linkUp("nats-node-1");
    session.kill();
    // As soon as the end of the connection, which was lost with the link, has been sent again (tcp's own timers).
    t.ok(await lockFree(), "the host hears of it");
    const again = await hosts.open();
    await again.close();
    t.ok(await lockFree());
  });
});
