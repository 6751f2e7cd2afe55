import t from "tap";
import { skip } from "../lab/fixture.mts";
import { absences, overlaps } from "../support/journal.mts";
import { archive, releases } from "../support/releases.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";
import { Writer } from "../support/writer.mts";

t.setTimeout(900_000);

const vars = (version: string): string =>
  `nats_version: ${version}\nallow_skipped_minors: true\nlame_duck_grace_period: 1s\nverify: { rate: 1000, seconds: 1, settle: 1s }\n`;

t.test("2.10.27 from its release archive, then 2.15.1 node by node", { skip }, async (t) => {
  const site = await siteLab(t, "versions");
  const web = await releases(t, "2.10.27", "2.15.1");
  site.source("{ github: true }");
  site.env = { SAMPAN_NATS_RELEASES: web.url("127.0.0.1"), SAMPAN_CACHE: web.cache };

  t.test("bare hosts get 2.10.27, fetched once, and verify passes", async (t) => {
    site.vars(vars("2.10.27"));
    const run = await site.run();
    exits(t, run, 0);
    t.same(web.asked.sort(), ["/v2.10.27/SHA256SUMS", `/${archive("2.10.27")}`], "one download for three hosts");
    t.same(
      Object.values(await site.servers()).map((s) => s.version),
      ["2.10.27", "2.10.27", "2.10.27"],
    );
    const again = await site.run();
    exits(t, again, 0);
    t.same(again.deviations, []);
    t.equal(web.asked.length, 2, "nothing is fetched again");
  });

  t.test("the next version: --check foresees the restarts, the roll keeps the quorum, and messages stay", async (t) => {
    const writer = new Writer(t, await site.app(t));
    const since = Date.now();
    site.vars(vars("2.15.1"));
    const check = await site.run("--check");
    exits(t, check, 2);
    t.same(
      check.deviations.filter((d) => d.includes("handler")),
      site.names.map((n) => `${n}: handler reload or restart nats-server drift`),
    );
    const run = await site.run();
    exits(t, run, 0);
    t.same(
      Object.values(await site.servers()).map((s) => s.version),
      ["2.15.1", "2.15.1", "2.15.1"],
    );
    const away = await absences(site, since);
    t.same(away.map((a) => a.host).sort(), site.names, "each went once");
    t.same(overlaps(away), [], "never two at the same time");
    t.same(await writer.lost(), [], `all of ${writer.acked.length} acknowledged messages are there`);
    t.same(
      await site.everywhere("ls /opt/nats-server"),
      site.names.map(() => "2.10.27\n2.15.1"),
      "the former version lies beside it",
    );
  });
});
