import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { connectSys } from "../../lib/nats/connect.mts";
import { streamInfo } from "../../lib/nats/jetstream/api.mts";
import { holders } from "../../lib/nats/jetstream/move.mts";
import { metaGroup } from "../../lib/nats/jetstream/peers.mts";
import { steadyLoad } from "../../lib/nats/load/steady.mts";
import { accountTable, findings } from "../../lib/nats/load/steady-account.mts";
import { observe } from "../../lib/nats/observe.mts";
import { skip } from "../lab/fixture.mts";
import { until } from "../nats/until.mts";
import { exits } from "../support/result.mts";
import { type Site, siteLab } from "../support/site.mts";

t.setTimeout(1_200_000);

const VARS = "verify: { rate: 500, seconds: 1, settle: 1s }\nlame_duck_grace_period: 1s\n";
const [one, two, three, four, five] = ["nats-node-1", "nats-node-2", "nats-node-3", "nats-node-4", "nats-node-5"] as const;
const WITH = ["--dead", two, "--with", four];

function hosts(site: Site, ...names: string[]): void {
  writeFileSync(join(site.inventory, "hosts.yml"), `nats:\n  hosts:\n${names.map((n) => `    ${n}:\n      address: ${site.address(n)}\n`).join("")}`);
}
const seenBy = (site: Site, ...names: string[]) => ({ ...site.target, nodes: site.target.nodes.filter((n) => names.includes(n.name)) });
const group = async (site: Site, ...names: string[]): Promise<string[]> => {
  const sys = await connectSys(seenBy(site, ...names));
  try {
    return (await metaGroup(sys, names))?.members.map((m) => m.name).sort() ?? [];
  } finally {
    await sys.close();
  }
};
const failure = (run: Awaited<ReturnType<Site["run"]>>) => run.ends("failed")[0]?.failure;

t.test("a new host takes the place of a dead node, under load", { skip }, async (t) => {
  const site = await siteLab(t, "replace", 5);
  site.vars(VARS);
  hosts(site, one, two, three);
  await site.rollout();
  const app = await site.app(t);
  const api = async (subject: string, body: object) =>
    (await app.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 10_000 })).json<{ cluster?: { leader?: string } }>();
  // an R1 stream on the node that will die
  let solo = "";
  for (let i = 0; !solo && i < 12; i++)
    if ((await api(`STREAM.CREATE.SOLO${i}`, { name: `SOLO${i}`, subjects: [`solo${i}`], num_replicas: 1 })).cluster?.leader === two) solo = `SOLO${i}`;
  const load = await steadyLoad(seenBy(site, one, two, three));
  t.teardown(() => load.stop());
  hosts(site, one, two, three, four);

  await t.test("one that runs isn't dead: refused, and nothing is changed", async (t) => {
    const run = await site.play("replace-node.mts", ...WITH).result;
    exits(t, run, 1);
    t.match(failure(run), { what: /nats-node-2 isn't dead: its server answers/, next: /--retire/ });
    t.same(run.ends("changed"), []);
    t.match(await site.play("replace-node.mts", "--dead", two, "--with", two).result, { status: 3, stderr: /is the dead one itself/ });
    t.match(await site.play("replace-node.mts", "--dead", two, "--with", "nats-node-9").result, {
      status: 3,
      stderr: /^--with nats-node-9: the inventory has no such host; .*\n$/,
    });
  });

  load.mark("dead");
  await site.lab.powerCut(two);
  await t.test("a stream that had no other replica is named, and not thrown away unasked", async (t) => {
    t.not(solo, "", "there is one");
    const run = await site.play("replace-node.mts", ...WITH).result;
    exits(t, run, 1);
    t.match(failure(run), { what: new RegExp(`stream .*${solo}.*: the only replica is on nats-node-2`), next: /--accept-loss/ });
    t.same(run.ends("changed"), []);
  });

  await t.test("killed right after the dead one was removed, and run again", async (t) => {
    t.equal((await site.play("replace-node.mts", ...WITH, "--accept-loss", "--check").result).status, 2, "--check has a plan");
    load.mark("replaced");
    const first = site.play("replace-node.mts", ...WITH, "--accept-loss");
    await first.until((e) => e.type === "task_end" && e.task === `${two} in the meta group` && e.status === "changed", "the removal");
    first.signal("SIGKILL");
    await first.result;
    const run = await site.play("replace-node.mts", ...WITH, "--accept-loss").result;
    exits(t, run, 0);
    t.match(
      run
        .of("warning")
        .map((e) => e.text)
        .join("\n"),
      /nats-node-2 can't be reached, so its server isn't switched off/,
    );
    t.same(await group(site, one, three, four), [one, three, four], "no ghost");
    const logs = (await observe(seenBy(site, one, three, four))).streams.find((s) => s.name === "LOGS")!;
    t.same(holders(logs).sort(), [one, three, four], "the stream's third replica is on the new host");
    t.notMatch(readFileSync(join(site.inventory, "hosts.yml"), "utf8"), /nats-node-2/);
    t.same((await site.rollout()).deviations, [], "site.mts has nothing to do");
    const account = await load.stop();
    t.comment(
      accountTable(account)
        .rows.map((row) => row.join(" | "))
        .join("\n"),
    );
    t.same(findings(account), [], `all of ${account.acked} acknowledged messages are there`);
    t.ok(account.acked > 1000);
  });

  await t.test("the dead one comes back with its old store and configuration: it harms nothing, verify tells, and one command takes it out", async (t) => {
    const { last_seq } = (await streamInfo(app, "LOGS"))!.state;
    // the others have forgotten whom they had removed
    for (const name of [one, three, four]) await site.sh(name, "systemctl restart nats-server");
    await site.lab.boot(two);
    await until(
      () => observe(seenBy(site, one, three, four)),
      (s) => s.servers.some((o) => o.name === two && o.inMesh),
      60_000,
    );
    const verify = await site.play("verify.mts").result;
    exits(t, verify, 1);
    t.match(JSON.stringify(verify.ends("failed").map((e) => e.failure)), /nats-node-2/);
    const logs = (await observe(seenBy(site, one, three, four))).streams.find((s) => s.name === "LOGS")!;
    t.same(
      [
        holders(logs)
          .sort()
          .filter((h) => h !== two),
        (await streamInfo(app, "LOGS"))!.state.last_seq >= last_seq,
      ],
      [[one, three, four], true],
    );
    hosts(site, one, two, three, four);
    exits(t, await site.play("scale.mts", "--remove", two).result, 0);
    t.same(await group(site, one, three, four), [one, three, four]);
    t.equal(await site.sh(two, "systemctl is-enabled nats-server || :"), "disabled");
    exits(t, await site.play("verify.mts").result, 0);
  });

  await t.test("--retire replaces a node that runs, and says where its store is kept", async (t) => {
    hosts(site, one, three, four, five);
    const { messages } = (await streamInfo(app, "LOGS"))!.state;
    const run = await site.play("replace-node.mts", "--dead", three, "--with", five, "--retire").result;
    exits(t, run, 0);
    t.same(await group(site, one, four, five), [one, four, five]);
    t.ok((await streamInfo(app, "LOGS"))!.state.messages >= messages);
    t.equal(await site.sh(three, "systemctl is-active nats-server || :"), "inactive");
    t.match(run.of("table").find((e) => /moved aside/.test(e.title))?.rows, [[three, /\/var\/lib\/nats\/jetstream\/jetstream\.retired-/]]);
    t.same((await site.rollout()).deviations, []);
  });
});
