import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import t, { type Test } from "tap";
import { connectApp } from "../../lib/nats/connect.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import { Secret } from "../../lib/secret.mts";
import { skip } from "../lab/fixture.mts";
import { until } from "../nats/until.mts";
import { exits, type Result } from "../support/result.mts";
import { Sampler } from "../support/sampler.mts";
import { type Running, type Site, siteLab } from "../support/site.mts";
import { Writer } from "../support/writer.mts";

t.setTimeout(600_000);

const HANDLER = "handler reload or restart nats-server";
const SEED = /\bSU[A-Z2-7]{56}\b/;
const reloaded = (run: Result): string[] =>
  run
    .ends("changed")
    .filter((e) => e.task === HANDLER)
    .map((e) => e.lane)
    .sort();
const pids = async (site: Site): Promise<string[]> => Object.values(await site.servers()).map((s) => s.pid);
const files = (site: Site): Record<string, string> =>
  Object.fromEntries(
    [".env", ...readdirSync(join(site.inventory, "pki")).map((f) => `pki/${f}`)].map((f) => [f, readFileSync(join(site.inventory, f), "utf8")]),
  );

/** Serial numbers of the certificates that the servers show, in the hosts' order. */
const shown = (site: Site): Promise<string[]> =>
  Promise.all(
    site.hosts.map(
      (h) =>
        new Promise<string>((resolve, reject) => {
          const socket = connect({ host: h.address, port: 4222 });
          socket.once("error", reject);
          // The server greets in clear; then comes TLS.
          socket.once("data", () => {
            const secure = tlsConnect({ socket, rejectUnauthorized: false }, () => {
              resolve(secure.getPeerCertificate().serialNumber);
              secure.destroy();
            });
            secure.once("error", reject);
          });
        }),
    ),
  );

/** Why nobody lets us in; "let in" when somebody does. */
const refusal = (target: ClusterTarget): Promise<string> =>
  connectApp(target).then(
    (nc) => nc.close().then(() => "let in"),
    (error: Error) => error.message,
  );

t.test("certificates, CA and seeds are replaced under a client that writes: no restart, no failed publish, nothing lost", { skip }, async (t) => {
  const site = await siteLab(t, "rotate");
  site.vars("verify: { rate: 500, seconds: 1, settle: 500ms }\nlame_duck_grace_period: 1s\n");
  await site.rollout();
  const rotate = (...args: string[]): Running => site.play("rotate.mts", ...args);
  const nc = await site.app(t);
  const [before, client] = [await pids(site), nc.info!.client_id];
  const writer = new Writer(t, nc);
  const sampler = new Sampler([SEED, /BEGIN PRIVATE KEY/]).start();
  t.teardown(() => sampler.stop());
  const runs: Result[] = [];
  const done = async (t: Test, status: number, running: Running): Promise<Result> => {
    const run = await running.result;
    runs.push(run);
    exits(t, run, status);
    return run;
  };
  /** Ends a run the hard way after its first reload, and waits until the hosts are free again. */
  const kill = async (running: Running): Promise<void> => {
    await running.until((e) => e.type === "task_end" && e.task === HANDLER && e.status === "changed", "a reload");
    running.signal("SIGKILL");
    runs.push(await running.result);
    await Promise.all(
      site.names.map((n) =>
        until(
          () => site.lab.exec(n, ["flock", "-n", "/run/sampan/lock", "true"]),
          (r) => r.code === 0,
          120_000,
        ),
      ),
    );
  };

  t.test("--certificates: new ones on every node; --check writes nothing", async (t) => {
    const [old, serials] = [files(site), await shown(site)];
    const check = await done(t, 2, rotate("--certificates", "--check"));
    t.same(
      check.deviations.filter((d) => d.includes("handler")),
      site.names.map((n) => `${n}: ${HANDLER} drift`),
      "the reloads are foreseen",
    );
    t.same(files(site), old);
    t.same(await shown(site), serials);
    const run = await done(t, 0, rotate("--certificates"));
    t.same(reloaded(run), site.names);
    t.ok(
      run.of("gate").some((g) => g.status === "passed"),
      "behind gates",
    );
    t.ok(
      (await shown(site)).every((s, i) => s !== serials[i]),
      "each shows another one",
    );
    t.notOk(existsSync(join(site.inventory, "pki/renew")));
    t.same((await site.rollout()).deviations, []);
  });

  t.test("--ca: killed in the middle, gone on with by a plain site.mts; both are trusted", async (t) => {
    const serials = await shown(site);
    await kill(rotate("--ca"));
    await site.rollout();
    const run = await done(t, 0, rotate("--ca"));
    t.same(run.deviations, [], "nothing was left to do");
    t.match(
      run
        .of("table")
        .find((e) => /CA/.test(e.title))
        ?.rows.map((r) => r[1]),
      ["done", "yours", "to come", "to come"],
    );
    t.same(await shown(site), serials, "the certificates are still the old ones");
    t.match((await done(t, 3, rotate("--ca", "--finish"))).stderr, /first run --ca --switch/);
  });

  t.test("--ca --switch and --finish: clients with the bundle get in all the time", async (t) => {
    const bundle = site.target;
    const old: ClusterTarget = { ...bundle, tls: { ca: bundle.tls!.ca.split(/(?<=-----END CERTIFICATE-----\n)/)[0]! } };
    await kill(rotate("--ca", "--switch"));
    const run = await done(t, 0, rotate("--ca", "--switch"));
    t.equal(reloaded(run).length, 2, "the rest");
    await connectApp(bundle).then((c) => c.close());
    t.match(await refusal(old), /TLS/, "who has the old CA only doesn't get in any more");
    t.same((await site.rollout()).deviations, [], "a plain rollout leaves it as it is");
    await done(t, 0, rotate("--ca", "--finish"));
    await connectApp(site.target).then((c) => c.close());
    t.equal(site.target.tls!.ca.match(/BEGIN/g)!.length, 1);
    t.same((await done(t, 0, rotate("--ca", "--finish"))).deviations, [], "again: nothing is left to do");
  });

  t.test("--credentials: interrupted and gone on with; old and new seeds let in, sampan's own among them", async (t) => {
    const old = site.secrets;
    const check = await done(t, 2, rotate("--credentials", "--check", "--diff"));
    t.same(site.secrets, old);
    t.same(check.deviations.filter((d) => d.includes("handler")).length, 3);
    const running = rotate("--credentials");
    await running.until((e) => e.type === "task_end" && e.task === HANDLER && e.status === "changed", "a reload");
    running.signal("SIGINT");
    await done(t, 130, running);
    t.equal(site.secrets["NATS_APP_NKEY_SEED"], old["NATS_APP_NKEY_SEED"], "the old one is in use until all accept the new one");
    await done(t, 0, rotate("--credentials"));
    for (const name of ["NATS_SYS_NKEY_SEED", "NATS_APP_NKEY_SEED"]) {
      t.not(site.secrets[name], old[name]);
      t.equal(site.secrets[`${name}_OLD`], old[name]);
      t.notOk(`${name}_NEXT` in site.secrets);
    }
    for (const seed of [site.secrets["NATS_APP_NKEY_SEED"]!, old["NATS_APP_NKEY_SEED"]!])
      for (const node of site.target.nodes) await connectApp({ ...site.target, nodes: [node], app: { nkeySeed: new Secret(seed) } }).then((c) => c.close());
    t.same((await site.rollout()).deviations, [], "a plain rollout leaves it as it is");
  });

  t.test("--credentials --finish: not while somebody is connected by the old seed; then the old one is refused", async (t) => {
    const old = site.secrets["NATS_APP_NKEY_SEED_OLD"]!;
    const refused = await done(t, 1, rotate("--credentials", "--finish"));
    t.same(
      refused.ends("failed").map((e) => e.task),
      ["old seed of app"],
      "sampan's own users go by the new ones",
    );
    t.match(refused.ends("failed")[0]?.failure, { what: /1 client is connected by the old seed of app/, output: /\S+ {2}.* on nats-/ });
    t.ok(site.secrets["NATS_APP_NKEY_SEED_OLD"], "and it is still accepted");
    t.equal(nc.info!.client_id, client, "through all this the client kept its connection");
    t.same(writer.failures, [], "no publish failed");
    t.same(await writer.lost(), [], `all of ${writer.acked.length} acknowledged messages are there`);
    t.ok(writer.acked.length > 200);
    await nc.close();
    await done(t, 0, rotate("--credentials", "--finish"));
    t.same(
      Object.keys(site.secrets).filter((n) => /_(OLD|NEXT)$/.test(n)),
      [],
    );
    t.match(await refusal({ ...site.target, app: { nkeySeed: new Secret(old) } }), /refused the credential/);
    await connectApp(site.target).then((c) => c.close());
    t.same((await site.rollout()).deviations, []);
  });

  t.test("the same processes all the time, and no secret to be seen", async (t) => {
    sampler.stop();
    t.same(await pids(site), before);
    t.same([...new Set(sampler.found)], [], "in arguments or environments");
    t.ok(sampler.rounds > 50);
    for (const run of runs) t.notMatch(run.stdout + run.stderr, /SU[A-Z2-7]{56}|PRIVATE KEY/);
  });
});
