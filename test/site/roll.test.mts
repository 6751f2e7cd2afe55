import t from "tap";
import { connectApp } from "../../lib/nats/connect.mts";
import { Secret } from "../../lib/secret.mts";
import { skip } from "../lab/fixture.mts";
import { until } from "../nats/until.mts";
import { absences, journal, overlaps } from "../support/journal.mts";
import { exits, type Result } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";
import { Writer } from "../support/writer.mts";

t.setTimeout(1_200_000);

const ROLL = "reload or restart nats-server";
const HANDLER = `handler ${ROLL}`;
/** as short as lame duck mode goes, so that a roll takes no longer than it must */
const vars = (grace: string, more = ""): string => `verify: { rate: 1000, seconds: 1, settle: 1s }\nlame_duck_grace_period: ${grace}\n${more}`;
const USERS = `users:
  - { name: sys, account: SYS, nkey_seed: "\${NATS_SYS_NKEY_SEED}" }
  - { name: app, account: APP, nkey_seed: "\${NATS_APP_NKEY_SEED}" }
  - { name: shop, account: APP, password: "\${SHOP_PASSWORD}" }
`;

const rolled = (run: Result): string[] =>
  run
    .ends("changed")
    .filter((e) => e.task === HANDLER)
    .map((e) => e.lane)
    .sort();
const pids = async (site: Site): Promise<string[]> => Object.values(await site.servers()).map((s) => s.pid);

t.test("a running cluster takes changes without an outage", { skip }, async (t) => {
  const site = await siteLab(t, "roll");
  site.env = { SHOP_PASSWORD: "a password of the shop" };
  site.vars(vars("1s"));
  await site.rollout();

  t.test("what a reload is enough for: the same processes, and no client notices", async (t) => {
    const [nc, before, since] = [await site.app(t), await site.servers(), Date.now()];
    const { client_id } = nc.info!;
    site.vars(vars("1s", `max_payload: 2MB\n${USERS}`));
    const check = await site.run("--check", "--diff");
    exits(t, check, 2);
    t.same(
      check.deviations.filter((d) => d.includes("handler")),
      site.names.map((n) => `${n}: ${HANDLER} drift`),
      "the reload is foreseen",
    );
    const run = await site.run();
    exits(t, run, 0);
    t.same(rolled(run), site.names);
    const after = await site.servers();
    for (const name of site.names) {
      t.equal(after[name]!.pid, before[name]!.pid, `${name}: the same process`);
      t.ok(after[name]!.loaded > before[name]!.loaded, `${name}: has loaded its configuration`);
      t.equal((await journal(site, name, since)).filter((l) => /Reloaded server configuration/.test(l.text)).length, 1, `${name}: once`);
    }
    t.equal(nc.info!.client_id, client_id, "the connection survived");
    const shop = await connectApp({ ...site.target, app: { user: "shop", password: new Secret("a password of the shop") } });
    t.equal(shop.info!.max_payload, 2 * 1024 * 1024);
    await shop.close();
    t.same((await site.rollout()).deviations, [], "a rerun has nothing to do");
  });

  t.test("what takes a restart rolls node by node; the stream never loses its quorum, and no acknowledged message", async (t) => {
    const writer = new Writer(t, await site.app(t));
    const [before, since] = [await site.servers(), Date.now()];
    const leader = (await site.state()).servers.find((s) => s.jetstream?.meta?.leader === s.name)!.name;
    site.vars(vars("2s", `max_payload: 2MB\n${USERS}`));
    const run = await site.run();
    exits(t, run, 0);
    t.same(rolled(run), site.names);
    const after = await site.servers();
    for (const name of site.names) t.not(after[name]!.pid, before[name]!.pid, `${name}: a new process`);
    const away = await absences(site, since);
    t.same(away.map((a) => a.host).sort(), site.names, "each was away once");
    t.same(overlaps(away), [], "never two at the same time");
    t.equal(away.at(-1)!.host, leader, "the meta leader went last");
    const stalls = (await Promise.all(site.names.map((n) => journal(site, n, since)))).flat().filter((l) => /no quorum/i.test(l.text));
    t.same(stalls, [], "no server ever complained of a lost quorum");
    t.same(await writer.lost(), [], `all of ${writer.acked.length} acknowledged messages are there`);
    t.ok(writer.acked.length > 50);
  });

  t.test("Ctrl-C after the first node: it says where it stopped; --check knows the rest, and a rerun does the rest", async (t) => {
    const since = Date.now();
    site.vars(vars("1s", `max_payload: 2MB\n${USERS}`));
    const running = site.start();
    const first = await running.until((e) => e.type === "task_end" && e.task === HANDLER && e.status === "changed", "a restart");
    running.signal("SIGINT");
    const run = await running.result;
    exits(t, run, 130);
    const done = "lane" in first ? first.lane : "";
    const rest = site.names.filter((n) => n !== done);
    t.same(rolled(run), [done], "one node, and no other");
    const where = run.of("stopped")[0]!.where.join("\n");
    for (const name of rest) t.match(where, name, `tells that ${name} is still to come`);
    const check = await site.run("--check");
    exits(t, check, 2);
    t.same(
      check.deviations,
      rest.map((n) => `${n}: ${HANDLER} drift`),
    );
    const rerun = await site.run();
    exits(t, rerun, 0);
    t.same(
      rerun.deviations,
      rest.map((n) => `${n}: ${HANDLER} changed`),
    );
    t.same(overlaps(await absences(site, since)), []);
    exits(t, await site.run("--check"), 0);
  });

  t.test("what Ctrl-C shows on the screen ends with the way to go on", async (t) => {
    site.vars(vars("2s", `max_payload: 2MB\n${USERS}`));
    const running = site.watch("-v");
    await running.said(/restart nats-server.*\n/);
    running.signal("SIGINT");
    const run = await running.result;
    exits(t, run, 130);
    t.match(run.stdout, /run .*again|rerun/i);
    await site.rollout();
  });

  t.test("the controller dies in the middle of a roll: a rerun does the rest, and no node goes twice", async (t) => {
    const since = Date.now();
    const writer = new Writer(t, await site.app(t));
    site.vars(vars("1s", `max_payload: 2MB\n${USERS}`));
    const running = site.start();
    const first = await running.until((e) => e.type === "task_end" && e.task === HANDLER && e.status === "changed", "a restart");
    const lane = "lane" in first ? first.lane : "";
    await running.until((e) => e.type === "task_start" && e.phase === ROLL && e.lane !== lane, "a second restart");
    running.signal("SIGKILL");
    t.equal((await running.result).signal, "SIGKILL");
    await Promise.all(
      site.names.map((n) =>
        until(
          () => site.lab.exec(n, ["flock", "-n", "/run/sampan/lock", "true"]),
          (r) => r.code === 0,
          120_000,
        ),
      ),
    );
    const rerun = await site.run();
    exits(t, rerun, 0);
    t.ok(
      rerun.deviations.every((d) => d.endsWith(`${HANDLER} changed`)),
      rerun.deviations.join(", "),
    );
    const away = await absences(site, since);
    t.same(away.map((a) => a.host).sort(), site.names, "each was away once");
    t.same(overlaps(away), [], "never two at the same time");
    t.same(await writer.lost(), [], `all of ${writer.acked.length} acknowledged messages are there`);
    const before = await pids(site);
    exits(t, await site.run("--check"), 0);
    t.same((await site.rollout()).deviations, []);
    t.same(await pids(site), before);
  });
});
