import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { connectSys, type NatsConnection } from "../../lib/nats/connect.mts";
import { streamInfo } from "../../lib/nats/jetstream/api.mts";
import { heldBy } from "../../lib/nats/jetstream/move.mts";
import { metaGroup } from "../../lib/nats/jetstream/peers.mts";
import { loads } from "../../lib/nats/jetstream/spread.mts";
import { steadyLoad } from "../../lib/nats/load/steady.mts";
import { accountTable, findings } from "../../lib/nats/load/steady-account.mts";
import { observe } from "../../lib/nats/observe.mts";
import { skip } from "../lab/fixture.mts";
import { exits } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(1_200_000);

const VARS = "verify: { rate: 500, seconds: 1, settle: 1s }\nlame_duck_grace_period: 1s\n";
const [four, five] = ["nats-node-4", "nats-node-5"] as const;

/** hosts.yml with the first n hosts, a comment among them */
function hosts(site: Site, n: number): string {
  const text = `nats:\n  hosts:\n    # of the first rack\n${site.hosts
    .slice(0, n)
    .map((h) => `    ${h.name}: { address: ${h.address} }   # ${h.name}\n`)
    .join("")}`;
  writeFileSync(join(site.inventory, "hosts.yml"), text);
  return text;
}
const members = (site: Site, n: number) => ({ ...site.target, nodes: site.target.nodes.slice(0, n) });
const group = async (site: Site, n: number): Promise<string[]> => {
  const sys = await connectSys(members(site, n));
  try {
    return (await metaGroup(sys, site.names.slice(0, n)))!.members.map((m) => m.name).sort();
  } finally {
    await sys.close();
  }
};
const done =
  (task: string | RegExp) =>
  (e: Event): boolean =>
    e.type === "task_end" && e.status === "changed" && (typeof task === "string" ? e.task === task : task.test(e.task));

/** An R1 stream with messages and a consumer, where it happens to be placed. */
async function single(nc: NatsConnection, name: string): Promise<void> {
  await nc.request(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify({ name, subjects: [`${name}.>`], num_replicas: 1 }), { timeout: 10_000 });
  await nc.request(`$JS.API.CONSUMER.CREATE.${name}.w`, JSON.stringify({ stream_name: name, config: { durable_name: "w", ack_policy: "explicit" } }), {
    timeout: 10_000,
  });
  for (let i = 0; i < 300; i++) await nc.request(`${name}.x`, "x".repeat(100), { timeout: 10_000 });
}

t.test("3 → 5 → 3 under load", { skip }, async (t) => {
  const site = await siteLab(t, "scale", 5);
  site.vars(VARS);
  const three = hosts(site, 3);
  await site.rollout();
  const nc = await site.app(t);
  for (const name of ["SOLO", "LONE", "ONLY"]) await single(nc, name);
  const load = await steadyLoad(members(site, 3));
  t.teardown(() => load.stop());

  await t.test("grow: --check says who joins, and changes nothing", async (t) => {
    hosts(site, 5);
    const check = await site.play("scale.mts", "--check").result;
    exits(t, check, 2);
    const [plan] = check.of("table");
    t.match(
      plan!.rows.filter((r) => r[2] === "joins").map((r) => r[0]),
      [four, five],
    );
    t.same(await group(site, 3), site.names.slice(0, 3));
    t.equal(await site.sh(four, "ls /opt/nats-server 2>/dev/null || echo none"), "none");
  });

  await t.test("grow: a host with the store of an earlier membership is refused before anything is installed", async (t) => {
    const store = "/var/lib/nats/jetstream/jetstream";
    await site.sh(five, `mkdir -p '${store}/SYS/_js_/_meta_'`);
    const run = await site.play("scale.mts").result;
    exits(t, run, 1);
    t.match(
      run.ends("failed").map((e) => [e.lane, e.failure]),
      [[five, { what: /is the store of a server that was in a cluster before/, next: /mv .*jetstream\.old/ }]],
    );
    t.same(run.ends("changed"), []);
    await site.sh(five, "rm -r /var/lib/nats");
  });

  await t.test("grow: killed when the new servers have just started, and run again", async (t) => {
    load.mark("3 → 5");
    const first = site.play("scale.mts", "--rebalance");
    await first.until(done("service nats-server"), "a new server's start");
    first.signal("SIGKILL");
    await first.result;
    const run = await site.play("scale.mts", "--rebalance").result;
    exits(t, run, 0);
    t.same(await group(site, 5), site.names);
    const spread = loads(await site.state());
    t.ok(Math.max(...spread.map((l) => l.replicas)) - Math.min(...spread.map((l) => l.replicas)) <= 1, "replicas are spread", { spread });
    t.same(
      (await site.play("scale.mts", "--rebalance").result).deviations.filter((d) => !d.includes("leaders")),
      [],
      "a rerun has nothing to do",
    );
    t.same((await site.rollout()).deviations, [], "neither has site.mts");
  });

  await t.test("a host that only vanishes from hosts.yml is refused, with scale.mts named", async (t) => {
    hosts(site, 4);
    const run = await site.run();
    exits(t, run, 1);
    t.match(
      JSON.stringify(run.ends("failed").map((e) => e.failure)),
      /nats-node-5 is a member of the cluster, but not of the inventory.*scale\.mts --remove nats-node-5/,
    );
    t.same(
      run.ends("changed").filter((e) => e.task.includes("reload")),
      [],
      "and no server was told anything",
    );
    hosts(site, 5);
  });

  await t.test("shrink: killed between the stop of a server and its removal, and run again", async (t) => {
    load.mark("5 → 3");
    const check = await site.play("scale.mts", "--check", "--remove", `${four},${five}`).result;
    exits(t, check, 2);
    const first = site.play("scale.mts", "--remove", `${four},${five}`);
    await first.until(done("retired nats-server"), "the stop of the first");
    first.signal("SIGKILL");
    await first.result;
    const run = await site.play("scale.mts", "--remove", `${four},${five}`).result;
    exits(t, run, 0);
    t.same(await group(site, 3), site.names.slice(0, 3), "three members, and no ghost");
    t.equal(readFileSync(join(site.inventory, "hosts.yml"), "utf8"), three, "hosts.yml is what it was");
    t.same((await site.rollout()).deviations, [], "site.mts has nothing to do");
    const state = await observe(members(site, 3));
    for (const name of [four, five]) {
      t.same(heldBy(state, name), []);
      t.equal(
        await site
          .sh(
            name,
            "systemctl is-active nats-server; systemctl is-enabled nats-server; ls -d /var/lib/nats/jetstream/jetstream.retired-* | wc -l; ls /var/lib/nats/jetstream/jetstream 2>/dev/null | wc -l",
          )
          .catch((e: Error) => e.message),
        "inactive\ndisabled\n1\n0",
        `${name}: stopped for good, its store kept`,
      );
      t.match(
        await site.lab.exec(name, ["sh", "-c", "systemctl start nats-server; sleep 1; systemctl is-active nats-server"]),
        { stdout: /^(?!active)/ },
        `${name}: can't start by accident`,
      );
    }
    for (const name of ["SOLO", "LONE", "ONLY"]) t.equal((await streamInfo(nc, name))?.state.messages, 300, `${name}: all its messages`);
  });

  const account = await load.stop();
  t.comment(
    accountTable(account)
      .rows.map((row) => row.join(" | "))
      .join("\n"),
  );
  t.same(findings(account), [], `all of ${account.acked} acknowledged messages are there`);
  t.ok(account.acked > 1000);
});

t.test("what can't be", { skip }, async (t) => {
  const site = await siteLab(t, "scale-no", 3);
  const no = async (...args: string[]) => await site.play("scale.mts", ...args).result;
  t.match(await no("--remove", "nats-node-9"), { status: 3, stderr: /^--remove nats-node-9: the inventory has no such host; .*\n$/ });
  t.match(await no("--remove"), { status: 3, stderr: /^--remove needs HOST after it/ });
  t.match(await no("--remove", "nats-node-3"), { status: 3, stderr: /without nats-node-3 2 hosts have JetStream, and stream LOGS wants 3 replicas; .*\n$/ });
  t.match(await no("--remove", "nats-node-1,nats-node-2"), { status: 3, stderr: /only nats-node-3 is left: that is no cluster/ });
  const run = await no();
  exits(t, run, 1);
  t.match(run.ends("failed")[0]?.failure, { what: /no server of the cluster answers/, next: /site\.mts/ });
});
