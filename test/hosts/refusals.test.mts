import { spawnSync } from "node:child_process";
import t, { type Test } from "tap";
import { file } from "../../lib/resources/file.mts";
import { Secret } from "../../lib/secret.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { LabHosts, run } from "../ssh/lab-host.mts";
import { account } from "./accounts.mts";

t.setTimeout(900_000);

t.test("hosts without what sampan needs, and the ways of sudo", { skip }, async (t) => {
  const hosts = await LabHosts.up(t, testLab(t, "h-refuse"), 1);
  const works = async (t: Test, how: Parameters<LabHosts["host"]>[1]): Promise<void> => {
    const session = await hosts.open(hosts.host(1, how));
    const path = `/root/${how?.user}`;
    t.strictSame(
      (await run(session, [file({ path, content: "x" })])).ends.map((e) => e.status),
      ["changed"],
    );
    t.equal(await hosts.sh(`stat -c %U ${path}`), "root");
    await session.close();
  };
  /** The refusal of a host that `break_` has brought into a state, and that nothing was done to it. */
  const refusal = async (t: Test, how: { break_: string; mend: string }) => {
    await hosts.sh(how.break_);
    const failure = await hosts.refused(hosts.host());
    await hosts.sh(how.mend);
    t.equal(await hosts.sh("ls -d /run/sampan /var/log/sampan 2>/dev/null || echo none"), "none", "nothing was written, not even the lock");
    return failure;
  };

  await t.test("tools that are missing are named at once, before anything is done", async (t) => {
    const away = (...tools: string[]) => ({
      break_: tools.map((c) => `mv /usr/bin/${c} /usr/bin/${c}.away`).join("; "),
      mend: tools.map((c) => `mv /usr/bin/${c}.away /usr/bin/${c}`).join("; "),
    });
    t.match(await refusal(t, away("flock")), { what: /^nats-node-1 has no flock: /, next: /util-linux.*nothing was changed/ });
    t.match(await refusal(t, away("flock", "sha256sum", "grep")), { what: /^nats-node-1 has no flock, grep, sha256sum: / });
    const stat = {
      break_: "printf '#!/bin/sh\\necho \"stat: invalid option -- c\" >&2; exit 1\\n' >/usr/local/bin/stat; chmod 755 /usr/local/bin/stat",
      mend: "rm /usr/local/bin/stat",
    };
    t.match(await refusal(t, stat), { what: /^nats-node-1 has no stat -c: / });
  });

  await t.test("a host that doesn't run systemd", async (t) => {
    const failure = await refusal(t, { break_: "mount -t tmpfs tmpfs /run/systemd", mend: "umount /run/systemd" });
    t.match(failure, { what: /^nats-node-1 doesn't run systemd/, next: /nothing was changed/ });
  });

  await t.test("sudo with a terminal of its own, a lecture, its own PATH and environment", async (t) => {
    const defaults =
      'Defaults:USER use_pty, lecture=always, env_reset, secure_path=/usr/bin, timestamp_timeout=0, passwd_tries=1, !authenticate\nDefaults:USER log_year, insults, badpass_message="Nope."';
    await hosts.sh(account("free", { defaults }));
    await works(t, { user: "free", become: true });
    await hosts.sh(account("asked", { defaults: defaults.replace(", !authenticate", ""), password: "secret word" }));
    await works(t, { user: "asked", become: true, become_password: new Secret("secret word") });
  });

  await t.test("a wrong sudo password, whatever sudo says to it", async (t) => {
    const failure = await hosts.refused(hosts.host(1, { user: "asked", become: true, become_password: new Secret("wrong word") }));
    t.match(failure, { what: /^sudo on .* refuses the password$/, next: /password of the login user/ });
    t.notMatch(JSON.stringify(failure), /wrong word/);
    t.match(await hosts.refused(hosts.host(1, { user: "asked", become: true })), { what: /asks for a password/, next: /--ask-become-pass/ });
  });

  await t.test("sudo that speaks another language is understood all the same", async (t) => {
    await hosts.sh("printf 'LANG=C.UTF-8\\nLANGUAGE=de\\n' >/etc/environment");
    const { stderr } = spawnSync("ssh", [...(await hosts.lab.sshArgs("nats-node-1", "asked")), "sudo -n true"], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] },
    });
    t.match(stderr, /Passwort/, "as it does with its users");
    t.match(await hosts.refused(hosts.host(1, { user: "asked", become: true })), { what: /asks for a password/ });
    t.match(await hosts.refused(hosts.host(1, { user: "asked", become: true, become_password: new Secret("wrong word") })), { what: /refuses the password/ });
    await hosts.sh("rm /etc/environment");
  });

  await t.test("requiretty: said with what to do, with and without a password", async (t) => {
    const defaults = "Defaults:USER requiretty";
    await hosts.sh(account("rita", { defaults }));
    t.match(await hosts.refused(hosts.host(1, { user: "rita", become: true })), {
      what: /insists on a terminal \(requiretty\)/,
      next: "Defaults:rita !requiretty",
    });
    await hosts.sh(account("rosa", { defaults, password: "x" }));
    t.match(await hosts.refused(hosts.host(1, { user: "rosa", become: true, become_password: new Secret("x") })), {
      what: /insists on a terminal \(requiretty\)/,
      next: "Defaults:rosa !requiretty",
    });
  });
});
