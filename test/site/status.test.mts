import { execFileSync } from "node:child_process";
import t from "tap";
import { namesOf } from "../../lib/lab/region.mts";
import type { Status } from "../../lib/nats/status/status.mts";
import { skip } from "../lab/fixture.mts";
import { until } from "../nats/until.mts";
import { siteLab } from "../support/site.mts";

t.setTimeout(900_000);

t.test("status of a cluster behind a firewall, with hosts that go and come back", { skip }, async (t) => {
  const site = await siteLab(t, "status");
  await site.rollout();
  const [one, two, three] = site.names as [string, string, string];
  const names = namesOf(site.lab.region);
  const nft = (host: string, rules: string): void =>
    void execFileSync("nsenter", [`--net=/run/netns/${names.netns(host)}`, "nft", "-f", "-"], { input: rules, stdio: ["pipe", "ignore", "inherit"] });
  /** Nobody but the host itself gets at its client port: silently, as firewalls do it. */
  const close = (host: string): void =>
    nft(
      host,
      `add table inet t_status\nadd chain inet t_status in { type filter hook input priority 0; }\nadd rule inet t_status in iif != "lo" tcp dport 4222 drop\n`,
    );
  const look = async (): Promise<Status> => {
    const run = await site.play("status.mts").result;
    t.equal(run.status, 0, run.told);
    return JSON.parse(run.stdout) as Status;
  };

  t.test("reached directly", async (t) => {
    const seen = await look();
    t.match(seen, { level: "ok", alarms: [], nodes: [{ name: one, up: true }, { up: true }, { up: true }] });
    t.same(
      seen.streams.map((s) => s.name),
      ["LOGS"],
    );
  });

  t.test("through SSH, by itself; no lock is taken", async (t) => {
    site.names.forEach(close);
    const held = site.lab.exec(one, ["flock", "/run/sampan/lock", "sleep", "20"]);
    const seen = await look();
    t.match(seen, { level: "ok", alarms: [] });
    t.ok(seen.nodes.every((n) => n.version && n.rates && n.routes.length === 2));
    await held;
  });

  t.test("a watch through SSH: a server stops, a host loses its link, and both come back", async (t) => {
    const watch = site.play("status.mts", "--watch", "--interval", "500ms");
    t.teardown(() => watch.signal("SIGKILL"));
    const last = (): Status | undefined => watch.events.at(-1) as unknown as Status | undefined;
    const sees = async (what: string, wanted: (s: Status) => boolean): Promise<void> => {
      const seen = await until(
        async () => last(),
        (s) => s !== undefined && wanted(s),
        120_000,
      );
      t.ok(seen && wanted(seen), what);
    };
    await sees("all is well", (s) => s.level === "ok");
    await site.sh(two, "systemctl stop nats-server");
    await sees("the stopped server", (s) => s.alarms[0]?.id === "node.reachable" && s.alarms[0].asset === two && s.nodes.filter((n) => n.version).length === 2);
    await site.sh(two, "systemctl start nats-server");
    await sees("it is back", (s) => s.level === "ok");
    await site.lab.linkDown(three);
    await sees("the lost host", (s) => s.alarms[0]?.asset === three && s.nodes.filter((n) => n.version).length === 2);
    await site.lab.linkUp(three);
    await sees("it is back, by a new login", (s) => s.level === "ok" && s.nodes.every((n) => n.version));
    watch.signal("SIGINT");
    t.equal((await watch.result).status, 0);
  });

  t.test("a host that is silent doesn't keep the others from being shown", async (t) => {
    site.names.forEach((n) => nft(n, "delete table inet t_status\n"));
    await site.lab.linkDown(three);
    try {
      const since = Date.now();
      const seen = await look();
      t.comment(`one silent host of three: ${((Date.now() - since) / 1000).toFixed(1)} s`);
      t.match(seen.alarms[0], { id: "node.reachable", asset: three, level: "critical" });
      t.equal(seen.nodes.filter((n) => n.version).length, 2);
    } finally {
      await site.lab.linkUp(three);
    }
  });
});
