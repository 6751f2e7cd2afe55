import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { skip } from "../lab/fixture.mts";
import { differences, listing } from "../support/listing.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

t.test("bare hosts become a cluster, and stay as they are", { skip }, async (t) => {
  const site = await siteLab(t, "rollout");
  const [one, two, three] = site.names as [string, string, string];

  t.test("--check on bare hosts shows what would change, and writes nothing", async (t) => {
    const before = await Promise.all(site.names.map((n) => listing(site, n)));
    const run = await site.run("--check", "--diff");
    exits(t, run, 2);
    t.same(run.ends("changed", "failed"), []);
    for (const name of site.names) t.ok(run.recap[name]!.drift > 20, `${name}: drift`);
    t.match(
      run.ends("drift").find((e) => e.lane === two && e.task === "file /etc/nats/nats-server.conf"),
      { diff: /^\+cluster \{$/m },
    );
    const cluster = run.of("task_end").filter((e) => !site.names.includes(e.lane));
    t.same(
      cluster.filter((e) => !["unknown", "skipped"].includes(e.status)).map((e) => e.task),
      [],
      "streams and verify can't be known",
    );
    t.match(
      cluster.find((e) => e.role === "verify"),
      { status: "unknown", reason: /^depends on/ },
    );
    for (const [i, name] of site.names.entries()) t.same(differences(before[i]!, await listing(site, name)), [], `${name}: nothing written`);
    for (const made of [".env", "pki"]) t.notOk(existsSync(join(site.inventory, made)), `${made}: nothing made on the controller`);
  });

  t.test("the rollout changes every host, and verifies", async (t) => {
    const run = await site.run("-e", "verify.rate=20000", "-e", "verify.seconds=3");
    exits(t, run, 0);
    for (const name of site.names) t.ok(run.recap[name]!.changed > 20, `${name} changed`);
    t.match(run.of("run_end"), [{ exit: 0 }]);
    t.ok(run.ends("ok").some((e) => e.role === "verify" && e.task === "pull from a stream"));
    t.same(await site.everywhere("systemctl is-active nats-server; systemctl is-enabled nats-server"), [
      "active\nenabled",
      "active\nenabled",
      "active\nenabled",
    ]);
    const { servers, streams } = await site.state();
    t.same(
      servers.map((s) => [s.version, s.routes.length]),
      [
        ["2.15.1", 2],
        ["2.15.1", 2],
        ["2.15.1", 2],
      ],
    );
    t.match(
      streams.find((s) => s.name === "LOGS"),
      { config: { num_replicas: 3 }, consumers: [{ name: "pull-worker" }] },
    );
    for (const [path, mode] of [
      [".env", 0o600],
      ["pki", 0o700],
      ["pki/ca.key", 0o600],
      [`pki/${one}.key`, 0o600],
    ] as const)
      t.equal(statSync(join(site.inventory, path)).mode & 0o777, mode, path);
  });

  t.test("a second rollout changes nothing, and --check agrees", async (t) => {
    const servers = await site.servers();
    const again = await site.run();
    exits(t, again, 0);
    t.same(again.deviations, []);
    t.ok(Object.keys(again.recap).length === 4 && Object.values(again.recap).every((c) => c.changed === 0), "changed=0 in every lane");
    const check = await site.run("--check");
    exits(t, check, 0);
    t.same(check.deviations, []);
    t.same(await site.servers(), servers, "no restart, no reload");
  });

  t.test("a line added by hand is shown, and mended, and nothing else", async (t) => {
    const servers = await site.servers();
    const conf = "/etc/nats/nats-server.conf";
    const original = await site.sh(two, `sha256sum <${conf}`);
    await site.sh(two, `echo >>${conf}`);
    const check = await site.run("--check", "--diff");
    exits(t, check, 2);
    t.same(check.deviations, [`${two}: file ${conf} drift`], "the server has read the same text without that line, so it isn't due");
    t.match(check.ends("drift")[0], { diff: /^-$/m });
    t.match(await site.show("--check", "--diff"), { status: 2, stdout: new RegExp(`drift +${two} +cluster-config +file ${conf}`) });
    t.not(await site.sh(two, `sha256sum <${conf}`), original, "--check left it");

    const mend = await site.run("--diff");
    exits(t, mend, 0);
    t.same(mend.deviations, [`${two}: file ${conf} changed`]);
    t.equal(await site.sh(two, `sha256sum <${conf}`), original);
    t.same(await site.servers(), servers, "the servers had read the same text, so nothing was restarted or reloaded");
    exits(t, await site.run("--check"), 0);
  });

  t.test("--role verify works alone", async (t) => {
    const run = await site.run("--role", "verify");
    exits(t, run, 0);
    t.same([...new Set(run.of("task_end").map((e) => e.role))], ["verify"]);
    t.same(run.deviations, []);
  });

  t.test("--role cluster-config does that, and nothing else", async (t) => {
    await site.sh(three, "rm /etc/nats/nats-server.env /etc/sysctl.d/99-sampan.conf");
    const run = await site.run("--role", "cluster-config");
    exits(t, run, 0);
    t.same(run.deviations, [`${three}: file /etc/nats/nats-server.env changed`]);
    t.same([...new Set(run.of("task_end").map((e) => e.role))], ["cluster-config"]);
  });

  t.test("--start-at-task passes over what comes before", async (t) => {
    await site.sh(three, "rm -r /etc/nats/nats-server.env /var/lib/nats/nothing 2>/dev/null; rm /usr/local/lib/sampan/nats-fingerprint");
    const run = await site.run("--start-at-task", "file /etc/nats/nats-server.env");
    exits(t, run, 0);
    t.same(run.deviations, [`${three}: file /etc/nats/nats-server.env changed`]);
    t.equal(run.of("task_end").find((e) => e.lane === three)?.task, "file /etc/nats/nats-server.env", "it is the first");
    t.ok(
      run.of("task_end").some((e) => e.role === "verify"),
      "and all after it ran",
    );
    t.same(
      (await site.rollout()).deviations,
      [`${three}: file /etc/sysctl.d/99-sampan.conf changed`, `${three}: file /usr/local/lib/sampan/nats-fingerprint changed`],
      "a full run then does the rest",
    );
  });

  t.test("--limit on a bare host beside existing ones: it joins them, and nobody else is touched", async (t) => {
    await site.lab.reset(two);
    const before = await site.everywhere("cat /etc/machine-id; systemctl show -P ExecMainStartTimestampMonotonic nats-server 2>/dev/null");
    const run = await site.run("--limit", two);
    t.same(
      run.of("host_connected").map((e) => e.lane),
      [two],
    );
    t.ok(run.recap[two]!.changed > 20);
    const conf = await site.sh(two, "cat /etc/nats/nats-server.conf");
    for (const peer of [one, three]) t.ok(conf.includes(`"nats://${site.address(peer)}:6222"`), `a route to ${peer}`);
    t.notOk(conf.includes(`"nats://${site.address(two)}:6222"`), "none to itself");
    exits(t, run, 0);
    const after = await site.everywhere("cat /etc/machine-id; systemctl show -P ExecMainStartTimestampMonotonic nats-server");
    t.same([after[0], after[2]], [before[0], before[2]]);
    exits(t, await site.run("--check"), 0);
  });
});
