import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { cacheDir } from "../../lib/lab/paths.mts";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { Sampler } from "../support/sampler.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const VARS = `verify: { rate: 1000, seconds: 1 }
lame_duck_grace_period: 1s
ssh: { user: ops }
become: true
become_password: "\${OPS_PASSWORD}"
users:
  - { name: sys, account: SYS, nkey_seed: "\${NATS_SYS_NKEY_SEED}" }
  - { name: app, account: APP, nkey_seed: "\${NATS_APP_NKEY_SEED}" }
  - { name: shop, account: APP, password: "\${SHOP_PASSWORD}" }
`;
// made anew each time: of these texts no copy lies anywhere before
const OPS = `an ops password ${randomUUID()}`,
  SHOP = `a shop password ${randomUUID()}`;

t.test("a rollout as an ordinary user, with sudo's password: nobody sees a secret", { skip }, async (t) => {
  const site = await siteLab(t, "secrets");
  const dir = mkdtempSync(join(tmpdir(), "sampan-secrets-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of site.names) await site.lab.exec(name, ["sh", "-c", "chpasswd && echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops"], { input: `ops:${OPS}\n` });
  site.vars(VARS);
  writeFileSync(join(site.inventory, ".env"), `OPS_PASSWORD="${OPS}"\nSHOP_PASSWORD="${SHOP}"\n`, { mode: 0o600 });

  /** of a PEM file: the text that nobody could take for anything else */
  const key = (file: string): string => readFileSync(join(site.inventory, "pki", file), "utf8").split("\n")[1]!;
  const secrets = (): string[] => {
    const { OPS_PASSWORD, SHOP_PASSWORD, NATS_SYS_NKEY_SEED, NATS_APP_NKEY_SEED } = site.secrets;
    return [OPS_PASSWORD!, SHOP_PASSWORD!, NATS_SYS_NKEY_SEED!, NATS_APP_NKEY_SEED!, ...["ca", ...site.names].map((n) => key(`${n}.key`))];
  };
  const leaks = (text: string): number[] => secrets().flatMap((s, i) => (text.includes(s) ? [i] : []));

  t.test("the controller makes the secrets for its owner only", async (t) => {
    // The first runs make them all; then bare hosts again.
    exits(t, await site.run("--role", "kernel-tuning"), 0);
    exits(t, await site.run("--role", "nats-install", "--role", "cluster-config", "--limit", site.names[0]!), 0);
    t.equal(secrets().filter((s) => s.length > 20).length, 4 + 1 + site.names.length, "they are real");
    for (const name of site.names)
      await site.lab
        .reset(name)
        .then(() => site.lab.exec(name, ["sh", "-c", "chpasswd && echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops"], { input: `ops:${OPS}\n` }));
    t.equal(statSync(join(site.inventory, ".env")).mode & 0o777, 0o600);
    t.equal(statSync(join(site.inventory, "pki")).mode & 0o777, 0o700);
    for (const file of readdirSync(join(site.inventory, "pki")).filter((f) => f.endsWith(".key")))
      t.equal(statSync(join(site.inventory, "pki", file)).mode & 0o777, 0o600, file);
  });

  t.test("ps on controller and hosts shows none during a full rollout", async (t) => {
    const canary = "a canary 1d7be3";
    const sampler = new Sampler([...secrets(), canary]).start();
    t.teardown(() => sampler.stop());
    spawn("sh", ["-c", "sleep 0.5; :", canary]);
    await sleep(1000);
    t.match([...new Set(sampler.found)], [/^secret \d+ in arguments of sh$/], "it would be seen");
    sampler.found.length = 0;
    const run = await site.run("--diff", "-v", "--report", join(dir, "report.html"), "--junit", join(dir, "report.xml"));
    sampler.stop();
    exits(t, run, 0);
    t.same([...new Set(sampler.found)], []);
    t.ok(sampler.rounds > 50, `${sampler.rounds} looks`);
    const ran = [...sampler.commands].join("\n");
    for (const command of [/site\.mts/, /^ssh /m, /sudo /, /nats-server/]) t.match(ran, command, "it looked at such processes");
    t.same(leaks(run.stdout + run.stderr), [], "nor does --json with diffs");
    for (const file of ["report.html", "report.xml"]) {
      const text = readFileSync(join(dir, file), "utf8");
      t.ok(text.length > 1000, file);
      t.same(leaks(text), [], file);
    }
  });

  t.test("what a user sees of changed secrets shows none, and no hash that isn't meant to be seen", async (t) => {
    await Promise.all(site.names.map((n) => site.sh(n, "echo x >>/etc/nats/tls/server.key; sed -i 's/shop/other/' /etc/nats/nats-server.conf")));
    for (const args of [
      ["--check", "--diff", "-v"],
      ["--diff", "-v"],
    ]) {
      const shown = await site.show(...args);
      t.equal(shown.status, args.includes("--check") ? 2 : 0, shown.told);
      t.match(shown.stdout, "/etc/nats/tls/server.key");
      t.same(leaks(shown.stdout + shown.stderr), [], args.join(" "));
      t.notMatch(shown.stdout, /PRIVATE KEY/);
    }
    const broken = await site.show("-e", "max_payload=9GB", "-v");
    t.not(broken.status, 0);
    t.same(leaks(broken.stdout + broken.stderr), [], "nor a failure's output");
    exits(t, await site.run(), 0);
  });

  t.test("nothing is left on the hosts but each host's own key", async (t) => {
    for (const name of site.names) {
      const { stdout } = await site.lab.exec(
        name,
        ["sh", "-c", "cat >/dev/shm/needles; grep -rlFf /dev/shm/needles /etc /run /tmp /var /root /home /opt /usr/local 2>/dev/null; rm /dev/shm/needles"],
        { input: secrets().join("\n") },
      );
      t.same(stdout.trim().split("\n"), ["/etc/nats/tls/server.key"], `${name}: files`);
      t.ok((await site.sh(name, "cat /etc/nats/tls/server.key")).includes(key(`${name}.key`)), "its own");
      t.same(leaks(await site.sh(name, "journalctl --no-pager -o cat; cat /var/log/sampan/audit.log")), [], `${name}: journal and audit log`);
    }
  });

  t.test("files on the hosts are for those who need them", async (t) => {
    const modes = await site.everywhere(
      "cd /etc/nats; stat -c '%n %a %U:%G' . tls tls/server.key tls/server.crt nats-server.conf nats-server.env restart-only /var/lib/nats/jetstream /var/log/sampan /var/log/sampan/audit.log",
    );
    for (const text of modes)
      t.same(text.split("\n"), [
        ". 750 root:nats",
        "tls 750 root:nats",
        "tls/server.key 640 root:nats",
        "tls/server.crt 640 root:nats",
        "nats-server.conf 640 root:nats",
        "nats-server.env 640 root:nats",
        "restart-only 640 root:nats",
        "/var/lib/nats/jetstream 750 nats:nats",
        "/var/log/sampan 750 root:root",
        "/var/log/sampan/audit.log 640 root:root",
      ]);
    t.match(await site.sh(site.names[0]!, "tail -n 1 /var/log/sampan/audit.log"), /^\d{4}-\d\d-\d\dT[\d:]+Z \S+@\S+ site \S/, "who, when, what");
  });

  t.test("nothing is left on the controller but .env and pki", async (t) => {
    const { stdout } = spawnSync("grep", ["-rlFf", "-", tmpdir(), "/run/sampan-lab", join(cacheDir(), "artifacts"), site.inventory], {
      input: secrets().join("\n"),
      encoding: "utf8",
    });
    const allowed = [".env", ...["ca", ...site.names].map((n) => `pki/${n}.key`)].map((f) => join(site.inventory, f));
    t.same(
      stdout
        .trim()
        .split("\n")
        .filter((f) => !allowed.includes(f)),
      [],
    );
  });
});
