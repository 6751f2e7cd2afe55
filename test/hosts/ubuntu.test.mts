import t from "tap";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

const unreachable = skip || (!process.env["SAMPAN_UBUNTU_MIRROR"] && "set SAMPAN_UBUNTU_MIRROR to an archive of Ubuntu");

t.test("an Ubuntu 24.04 host", { skip: unreachable }, async (t) => {
  const site = await siteLab(t, "h-ubuntu", 1, { suite: "noble" });

  await t.test("the whole rollout, verified", async (t) => {
    const run = await site.run();
    exits(t, run, 0);
    t.match(run.of("host_connected"), [{ facts: { os: "ubuntu", osVersion: "24.04" } }]);
    t.ok(run.ends("ok").some((e) => e.role === "verify" && e.task === "pull from a stream"));
  });

  await t.test("a second one changes nothing, and --check agrees", async (t) => {
    const again = await site.run();
    exits(t, again, 0);
    t.same(again.deviations, []);
    exits(t, await site.run("--check"), 0);
  });
});
