import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Resource } from "../../lib/engine/resource.mts";
import { directory } from "../../lib/resources/directory.mts";
import { artifact, file } from "../../lib/resources/file.mts";
import { service } from "../../lib/resources/service.mts";
import { symlink } from "../../lib/resources/symlink.mts";
import { sysctl } from "../../lib/resources/sysctl.mts";
import { group, user } from "../../lib/resources/user.mts";
import { Secret } from "../../lib/secret.mts";
import { sha256, step } from "../engine/local-host.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { LabHosts, run } from "../ssh/lab-host.mts";
import { account } from "./accounts.mts";

t.setTimeout(900_000);

/** Bytes that no text tool may touch on their way. */
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));

t.test("login shells and /bin/sh of hosts", { skip }, async (t) => {
  const payload = { sha256: sha256(BYTES), size: BYTES.length, path: join(t.testdir({}), "payload") };
  writeFileSync(payload.path, BYTES);
  t.equal(statSync(payload.path).size, payload.size);
  const hosts = await LabHosts.up(t, testLab(t, "h-shells"), 1, { packages: ["fish", "tcsh", "busybox"] });

  /** One of everything that a rollout does to a host. */
  const program = (n: string): Resource[] => [
    group({ name: n }),
    user({ name: n, group: n, home: "/nonexistent" }),
    directory({ path: `/etc/${n}`, owner: n, group: n, mode: 0o750 }),
    file({ path: `/etc/${n}/it's a "file" — 香港`, content: "quotes ' \" and \\ $HOME `x`\n\ttab\n", owner: n, group: n, mode: 0o640 }),
    file({ path: `/etc/systemd/system/${n}.service`, content: "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n" }),
    artifact({ path: `/opt/${n}/payload`, payload }),
    symlink({ path: `/opt/${n}/current`, target: `/opt/${n}/payload` }),
    sysctl({ key: "net.core.somaxconn", value: 5000 + n.length, container: "systemd-nspawn" }),
    service({ name: n, enabled: true, running: true }),
  ];

  /** All of it, twice, and a step that hangs: its end takes a second channel and all that the step has started. */
  const works = async (t: Test, name: string, how: Parameters<LabHosts["host"]>[1], interpreter = "dash"): Promise<void> => {
    const session = await hosts.open(hosts.host(1, how));
    t.match(
      await run(session, [step("sh", `case $(readlink /proc/$$/exe) in */${interpreter}) ;; *) exit 1 ;; esac`)]),
      { ends: [{ status: "ok" }] },
      `programs run in ${interpreter}`,
    );
    t.match(session.facts, { uid: 0, hostname: "nats-node-1", os: "debian", init: "systemd" });
    const resources = program(name);
    const statuses = async (mode: "apply" | "check"): Promise<string[]> =>
      (await run(session, resources, mode)).ends.map((e) => `${e.task} ${e.status} ${e.failure?.what ?? ""}${e.failure?.output ?? ""}`.trim());
    const all = (status: string): string[] => resources.map((r) => `${r.type} ${r.name} ${status}`);
    t.strictSame(await statuses("apply"), all("changed"));
    t.strictSame(await statuses("check"), all("ok"));
    t.strictSame(await statuses("apply"), all("ok"));
    t.equal(
      await hosts.sh(`stat -c '%U %G %a' '/etc/${name}' && sha256sum </opt/${name}/current && systemctl is-active ${name}`),
      `${name} ${name} 750\n${payload.sha256}  -\nactive`,
    );
    const hung = await run(session, [step("hangs", "sleep 1234", ":", { timeout: 3 })]);
    t.match(hung.lost ?? hung.ends[0]?.failure, { what: /3 s/ });
    t.ok(await hosts.until("! pgrep -fx 'sleep 1234'", 30), "what the step had started is gone");
    t.ok(await hosts.until("flock -n /run/sampan/lock true", 30), "and the lock is free");
    session.kill();
  };

  for (const shell of ["fish", "tcsh", "bash"]) {
    await t.test(`${shell} as login shell, with sudo`, async (t) => {
      await hosts.sh(account(`${shell}-one`, { shell: `/usr/bin/${shell}` }));
      await works(t, `${shell}-free`, { user: `${shell}-one`, become: true });
    });
    await t.test(`${shell} as login shell, with sudo and a password`, async (t) => {
      await hosts.sh(account(`${shell}-two`, { shell: `/usr/bin/${shell}`, password: 'it\'s $1! "x" ü' }));
      await works(t, `${shell}-password`, { user: `${shell}-two`, become: true, become_password: new Secret('it\'s $1! "x" ü') });
    });
  }

  await t.test("tcsh as root's own login shell", async (t) => {
    await hosts.sh("usermod -s /usr/bin/tcsh root");
    await works(t, "root-tcsh", {});
    await hosts.sh("usermod -s /bin/bash root");
  });

  for (const sh of ["bash", "busybox"]) {
    await t.test(`${sh} as /bin/sh`, async (t) => {
      await hosts.sh(`ln -sf ${sh} /usr/bin/sh`);
      await works(t, `sh-${sh}`, { user: "ops", become: true }, sh);
      await hosts.sh("ln -sf dash /usr/bin/sh");
    });
  }

  await t.test("busybox for everything it has: sh, stat, sha256sum, grep and all", async (t) => {
    // /usr/local/sbin comes first; what shuts a host down, logs in or ends processes stays Debian's
    await hosts.sh(
      `for c in $(busybox --list); do case $c in busybox|init|reboot|halt|poweroff|login|su|ip|mount|umount|pgrep|sleep) ;; *) ln -s /usr/bin/busybox /usr/local/sbin/$c ;; esac; done; ln -sf busybox /usr/bin/sh`,
    );
    t.equal(await hosts.sh("for c in stat sha256sum grep; do command -v $c; done"), "/usr/local/sbin/stat\n/usr/local/sbin/sha256sum\n/usr/local/sbin/grep");
    await works(t, "all-busybox", {}, "busybox");
    await hosts.lab.exec("nats-node-1", ["/bin/bash", "-c", "rm -rf /usr/local/sbin/*; ln -sf dash /usr/bin/sh"]);
  });
});
