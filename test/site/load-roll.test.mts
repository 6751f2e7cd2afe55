import t from "tap";
import { steadyLoad } from "../../lib/nats/load/steady.mts";
import { accountTable, findings } from "../../lib/nats/load/steady-account.mts";
import { skip } from "../lab/fixture.mts";
import { absences, overlaps } from "../support/journal.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const vars = (grace: string, payload: string): string =>
  `verify: { rate: 1000, seconds: 1, settle: 1s }\nlame_duck_grace_period: ${grace}\nmax_payload: ${payload}\n`;

t.test("changes of the configuration under a load that accounts for every message", { skip }, async (t) => {
  const site = await siteLab(t, "loadroll");
  site.vars(vars("1s", "1MB"));
  await site.rollout();
  const load = await steadyLoad(site.target);
  t.teardown(() => load.stop());
  const since = Date.now();
  const before = await site.servers();

  load.mark("reload");
  site.vars(vars("1s", "2MB"));
  exits(t, await site.run(), 0);
  const reloaded = await site.servers();
  for (const name of site.names) {
    t.equal(reloaded[name]!.pid, before[name]!.pid, `${name}: the same process`);
    t.ok(reloaded[name]!.loaded > before[name]!.loaded, `${name}: with the new configuration`);
  }

  load.mark("restart");
  site.vars(vars("2s", "2MB"));
  exits(t, await site.run(), 0);
  const restarted = await site.servers();
  for (const name of site.names) t.not(restarted[name]!.pid, before[name]!.pid, `${name}: a new process`);
  const away = await absences(site, since);
  t.same(away.map((a) => a.host).sort(), site.names, "each was away once");
  t.same(overlaps(away), []);

  const account = await load.stop();
  t.same(findings(account), [], "no acknowledged message lost, none stored twice, all acknowledged");
  const [, reload, restart] = account.spans;
  t.match(reload, { label: "reload", push: { lost: 0, duplicates: 0 }, redelivered: 0, ackedLost: 0 }, "clients don't notice a reload");
  t.match(restart, { label: "restart", ackedLost: 0, duplicatesStored: 0, push: { duplicates: 0 } });
  t.ok(reload!.acked > 100 && restart!.acked > 500, `${reload!.acked} and ${restart!.acked} messages`);
  t.comment(JSON.stringify(accountTable(account)));
});
