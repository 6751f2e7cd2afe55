import t from "tap";
import { skip } from "../lab/fixture.mts";
import { differences } from "../support/listing.mts";
import { exits } from "../support/result.mts";
import { TrustHost } from "./host.mts";

t.setTimeout(900_000);

const CONF = "/etc/nats/nats-server.conf",
  UNIT = "/etc/systemd/system/nats-server.service";

/** Why a run stops: the task, what it says, and what takes the obstacle away. */
interface Stop {
  task: string;
  what: RegExp;
  undo: string;
}

/** A host that isn't what anybody expects, before the first rollout: it converges, or one task stops it. */
const STATES: readonly (readonly [what: string, made: string, stop?: Stop])[] = [
  ["a masked unit", "systemctl -q mask nats-server"],
  [
    "a drop-in that starts something else",
    `mkdir -p ${UNIT}.d; printf '[Service]\\nExecStart=\\nExecStart=/bin/sleep 1000\\n' >${UNIT}.d/own.conf`,
    { task: "service nats-server", what: /did not become ready .*own\.conf/, undo: `rm -r ${UNIT}.d; systemctl daemon-reload; systemctl stop nats-server` },
  ],
  [
    "somebody else on the port",
    "systemd-run -q --unit squatter /root/nats-server -a 0.0.0.0 -p 4222",
    { task: "service nats-server", what: /address already in use/, undo: "systemctl stop squatter" },
  ],
  [
    "an immutable file",
    `mkdir /etc/nats; echo old >${CONF}; chattr +i ${CONF}`,
    { task: `file ${CONF}`, what: /could not be applied|can't be/, undo: `chattr -i ${CONF}` },
  ],
  [
    "an immutable folder",
    "mkdir -p /etc/nats/tls; chattr +i /etc/nats/tls",
    { task: "directory /etc/nats/tls", what: /could not be applied|can't be/, undo: "chattr -i /etc/nats/tls" },
  ],
  [
    "a full disk below /etc/nats",
    "mkdir /etc/nats; mount -t tmpfs -o size=64k tmpfs /etc/nats; mkdir /etc/nats/tls; cat /dev/zero >/etc/nats/fill 2>/dev/null",
    { task: "file /etc/nats/tls/ca.crt", what: /can't be written/, undo: "umount /etc/nats" },
  ],
  [
    "too little room for the program",
    "mount -t tmpfs -o size=8m tmpfs /opt",
    { task: "artifact /opt/nats-server/2.15.1/nats-server", what: /push/, undo: "umount /opt" },
  ],
  [
    "/opt is read-only",
    "mount --bind /opt /opt; mount -o remount,bind,ro /opt",
    { task: "artifact /opt/nats-server/2.15.1/nats-server", what: /could not be applied/, undo: "umount /opt" },
  ],
  [
    "/opt may not hold programs",
    "mount -t tmpfs -o size=64m,noexec tmpfs /opt",
    { task: `file ${CONF}`, what: /refused by its validating command/, undo: "umount /opt" },
  ],
  ["a folder where a file should be", `mkdir -p ${CONF}/deep`, { task: `file ${CONF}`, what: /is a directory where a file should be/, undo: `rm -r ${CONF}` }],
  [
    "a folder where the link should be",
    "mkdir -p /usr/local/bin/nats-server/deep",
    { task: "symlink /usr/local/bin/nats-server", what: /is a directory where a link should be/, undo: "rm -r /usr/local/bin/nats-server" },
  ],
  ["a file where a folder should be", "echo file >/etc/nats", { task: "directory /etc/nats", what: /is not a directory/, undo: "rm /etc/nats" }],
  ["a dangling link where a folder should be", "ln -s /nowhere /etc/nats", { task: "directory /etc/nats", what: /is not a directory/, undo: "rm /etc/nats" }],
  [
    "links that lead nowhere, or in a circle, where files should be",
    `mkdir -p /etc/nats/tls; ln -s /nowhere ${CONF}; ln -s server.key /etc/nats/tls/server.key; ln -s /nowhere ${UNIT}; ln -s /nowhere /etc/sysctl.d/99-sampan.conf`,
  ],
  ["another program in the link's place", "cp /bin/sleep /usr/local/bin/nats-server"],
  [
    "half a program in the place of the right one",
    "mkdir -p /opt/nats-server/2.15.1; head -c 5000000 /root/nats-server >/opt/nats-server/2.15.1/nats-server; chmod 755 /opt/nats-server/2.15.1/nats-server",
  ],
  [
    "files with CRLF, without a last newline, empty, not text",
    `mkdir -p /etc/nats/tls; printf 'port: 1\\r\\n' >${CONF}; printf '[Unit]' >${UNIT}; : >/etc/nats/nats-server.env; head -c 3000 /dev/urandom >/etc/nats/restart-only`,
  ],
  [
    "staged files of a run that was killed long ago",
    "mkdir -p /etc/nats/.sampan.nats-server.conf.new /opt/nats-server/2.15.1; echo half | tee /opt/nats-server/2.15.1/.sampan.nats-server.new.part >/etc/nats/.sampan.restart-only.new",
  ],
];

t.test("from whatever a host is: converged, or one clear line and nothing half done", { skip }, async (t) => {
  const host = await TrustHost.up(t, "prior");
  const { site } = host;
  site.vars("lame_duck_grace_period: 1s\n");
  await site.rollout(...host.args);
  const wanted = await host.fingerprint();
  await host.sh("cp /opt/nats-server/2.15.1/nats-server /root/");
  for (const [what, made, stop] of STATES.slice(0, Number(process.env["PRIOR"] ?? STATES.length))) {
    t.test(what, async (t) => {
      t.teardown(() => host.sh("systemctl -q stop squatter 2>/dev/null; :"));
      await host.scrub();
      await host.sh(`${made}; :`);
      const run = await site.run(...host.args);
      if (stop) {
        exits(t, run, 1);
        const failed = run.ends("failed");
        t.same(
          failed.map((e) => e.task),
          [stop.task],
          "it stops there",
          { told: run.told },
        );
        const { what: why = "", output = "", next = "" } = failed[0]?.failure ?? {};
        t.notMatch(why, /\n/, "one line");
        t.match(`${why} ${output.replaceAll("\n", " ")}`, stop.what);
        t.not(next, "", "and what to do");
        t.same(await host.leftovers(), [], "nothing half done");
        await host.sh(stop.undo);
      }
      if (stop) exits(t, await site.run(...host.args), 0);
      else exits(t, run, 0);
      t.same(differences(wanted, await host.fingerprint()), [], "as every other host");
      t.same(await host.leftovers(), []);
    });
  }
});
