import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

/** What may stand in a stream's description, and what a careless program would make of it. */
const DESCRIPTION = "Protokolle \"hk\" – it's 香港, $HOME `date` \\ 100% 'ü'";

t.test("a Debian 13 host", { skip }, async (t) => {
  const site = await siteLab(t, "h-trixie", 1, { suite: "trixie" });
  const [host] = site.names as [string];
  writeFileSync(
    join(site.inventory, "group_vars/nats.yml"),
    JSON.stringify({
      verify: { rate: 1000, seconds: 1 },
      streams: [
        {
          name: "LOGS",
          subjects: ["logs.>"],
          storage: "file",
          num_replicas: 1,
          description: DESCRIPTION,
          consumers: [{ durable_name: "pull-worker", ack_policy: "explicit", max_ack_pending: 50000 }],
        },
      ],
    }),
  );

  await t.test("the whole rollout, verified", async (t) => {
    const run = await site.run();
    exits(t, run, 0);
    t.match(run.of("host_connected"), [{ facts: { os: "debian", osVersion: "13" } }]);
    t.ok(run.ends("ok").some((e) => e.role === "verify" && e.task === "pull from a stream"));
    t.equal(await site.sh(host, "systemctl is-active nats-server; systemctl is-enabled nats-server"), "active\nenabled");
  });

  await t.test("a second one changes nothing, and --check agrees", async (t) => {
    const again = await site.run();
    exits(t, again, 0);
    t.same(again.deviations, []);
    exits(t, await site.run("--check"), 0);
  });

  await t.test("quotes and text of many bytes reach a stream as they are", async (t) => {
    const { streams } = await site.state();
    t.equal(streams.find((s) => s.name === "LOGS")?.config.description, DESCRIPTION);
  });

  await t.test("a host whose clock is hours behind is told of, first", async (t) => {
    // containers share the machine's clock, so it is `date` that says another time
    await site.sh(
      host,
      "printf '%s\\n' '#!/bin/sh' 'case $* in +%s) exec /bin/date -d \"-3 hours\" +%s ;; esac; exec /bin/date \"$@\"' >/usr/local/sbin/date; chmod 755 /usr/local/sbin/date",
    );
    const run = await site.run("--check");
    exits(t, run, 0);
    t.match(run.of("warning"), [{ text: /^the clock of nats-node-1 is 3 hours behind this machine's; certificates made now are not yet valid there/ }]);
    await site.sh(host, "rm /usr/local/sbin/date");
    t.same((await site.run("--check")).of("warning"), [], "and no word of one that is right");
  });
});
