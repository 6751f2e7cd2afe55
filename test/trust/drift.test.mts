import t from "tap";
import { skip } from "../lab/fixture.mts";
import { differences, listing } from "../support/listing.mts";
import { exits, type Result } from "../support/result.mts";
import { TrustHost } from "./host.mts";
import { randomOf, shuffled } from "./random.mts";

t.setTimeout(0);
const SEED = Number(process.env["SEED"] ?? 1),
  ROUNDS = Number(process.env["DRIFT_ROUNDS"] ?? 9);

const CONF = "/etc/nats/nats-server.conf",
  UNIT = "/etc/systemd/system/nats-server.service",
  SERVER = "/opt/nats-server/2.15.1/nats-server";

/** What people and programs do to a host behind sampan's back. */
const DRIFTS: Readonly<Record<string, string>> = {
  "another owner": `chown nobody ${CONF}`,
  "another group": "chgrp root /etc/nats/nats-server.env",
  "wider rights": "chmod 644 /etc/nats/tls/server.key",
  "rights of a folder": "chmod 777 /etc/nats/tls",
  "owner of a folder": "chown root:root /var/lib/nats",
  "setgid on a folder": "chmod g+s /usr/local/lib/sampan",
  "a line more": `echo '# by hand' >>${CONF}`,
  "no newline at the end": "f=/etc/sysctl.d/99-sampan.conf; head -c -1 $f >/run/trust/f; cat /run/trust/f >$f",
  CRLF: "sed -i 's/$/\\r/' /etc/security/limits.d/90-sampan-nats.conf",
  "an empty file": ": >/usr/local/lib/sampan/nats-fingerprint",
  "a file is gone": "rm -f /etc/nats/restart-only",
  "a certificate is gone": "rm -f /etc/nats/tls/server.crt",
  "a folder is gone": "rm -rf /usr/local/lib/sampan",
  "all of /etc/nats is gone": "rm -rf /etc/nats",
  "the store's folder has another owner": "chown root /var/lib/nats/jetstream",
  "a link in a file's place": "mv /etc/nats/tls/ca.crt /root/ca.crt; ln -s /root/ca.crt /etc/nats/tls/ca.crt",
  "a dangling link in a file's place": "ln -sf /nowhere /etc/nats/nats-server.env",
  "an empty folder in a link's place": "rm -f /usr/local/bin/nats-server; ln -s /tmp /usr/local/bin/nats-server",
  "the link leads to another version": `mkdir -p /opt/nats-server/9.9.9; cp ${SERVER} /opt/nats-server/9.9.9/; ln -sfn /opt/nats-server/9.9.9/nats-server /usr/local/bin/nats-server`,
  "the link is gone": "rm -f /usr/local/bin/nats-server",
  "a program with other bytes": `cp ${SERVER} /run/trust/p; echo >>/run/trust/p; mv /run/trust/p ${SERVER}`,
  "a program that can't be started": `chmod 600 ${SERVER}`,
  "a sysctl": "echo 777 >/proc/sys/net/core/somaxconn",
  "another sysctl": "echo '1024 2048 4096' >/proc/sys/net/ipv4/tcp_rmem",
  stopped: "systemctl stop nats-server",
  disabled: "systemctl -q disable nats-server",
  "enabled for now only": "systemctl -q disable nats-server; systemctl -q enable --runtime nats-server",
  crashed: "systemctl kill -s KILL nats-server; systemctl stop nats-server",
  "a changed unit, which systemd has loaded": `sed -i 's/^RestartSec=.*/RestartSec=7/' ${UNIT}; systemctl daemon-reload`,
  "a changed unit, and the server runs with it": `sed -i 's/^LimitNOFILE=.*/LimitNOFILE=5000/' ${UNIT}; systemctl daemon-reload; systemctl restart nats-server`,
  "rights of the unit": `chmod 600 ${UNIT}`,
  "a drop-in that systemd hasn't loaded": `mkdir -p ${UNIT}.d; printf '[Service]\\nNice=1\\n' >${UNIT}.d/own.conf`,
  "the server runs with a configuration made by hand": `sed -i 's/^max_payload:.*/max_payload: 3MB/' ${CONF}; systemctl restart nats-server`,
  "files beside ours": "touch /etc/nats/own.conf /opt/nats-server/own /etc/sysctl.d/10-own.conf",
  "the user is in another group": "sed -i 's/^\\(nats:x:[0-9]*\\):[0-9]*/\\1:1/' /etc/passwd",
  "a staged file of a killed run": `echo half >/etc/nats/.sampan.nats-server.conf.new`,
};

/** Tasks on the host itself; what NATS tells of a server that is yet to be mended can't be known before. */
const tasks = (run: Result, lane: string, ...statuses: Parameters<Result["ends"]>): string[] =>
  run
    .ends(...statuses)
    .filter((e) => e.lane === lane)
    .map((e) => e.task)
    .sort();

t.test(`--check says what an apply then does, and nothing else (seed ${SEED})`, { skip }, async (t) => {
  const host = await TrustHost.up(t, "drift");
  const { site, name } = host;
  site.vars("verify: { rate: 1000, seconds: 1, settle: 200ms }\nlame_duck_grace_period: 1s\n");
  await site.rollout();
  const random = randomOf(SEED);
  // A server that systemd tries to start again and again has a private /tmp each time; ours is /run/trust.
  const restless = /^(\/run\/trust|\/(var\/)?tmp\/( |systemd-private-))/;
  const everything = async (): Promise<string[]> => [...(await listing(site, name)).filter((l) => !restless.test(l)), ...(await host.fingerprint())];
  let bag: string[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    if (bag.length < 4) bag = shuffled(Object.keys(DRIFTS), random);
    const drifts = bag.splice(0, 4);
    t.test(`${round}: ${drifts.join(" + ")}`, async (t) => {
      for (const drift of drifts) await host.sh(`${DRIFTS[drift]!}; :`);
      const before = await everything();
      const check = await site.run("--check", "--diff");
      t.same(differences(before, await everything()), [], "--check has changed nothing");
      t.same(tasks(check, name, "failed"), [], "and could look at everything", { told: check.told });
      const foretold = tasks(check, name, "drift", "unknown");
      t.equal(check.status, foretold.length ? 2 : 0);

      const run = await site.run();
      exits(t, run, 0);
      t.same(tasks(run, name, "changed"), foretold, "what it foretold is what was changed");
      const again = await site.run("--check");
      exits(t, again, 0);
      t.same(again.deviations, []);
    });
  }
});
