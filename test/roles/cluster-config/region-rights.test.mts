import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, nkeys } from "nats";
import t, { type Test } from "tap";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { request, streamNames } from "../../../lib/nats/jetstream/api.mts";
import { items } from "../../../lib/nats/jetstream/reconcile.mts";
import { regionsConf } from "../../../roles/cluster-config/regions.mts";
import { fromRegions } from "../../../roles/jetstream-setup/regions.mts";
import type { StreamSpec } from "../../../roles/jetstream-setup/stream.mts";
import { until } from "../../nats/until.mts";
import { folder, hostsOn, loopback, Rendered, RunningCluster } from "./fixture.mts";

t.setTimeout(300_000);

/** The consumer that hk declares for sg's copy. */
const MADE =
  ", consumers: [{ durable_name: to-sg, deliver_subject: REGION.hk.to.sg.LOGS, ack_policy: flow_control, flow_control: true, idle_heartbeat: 1s, max_ack_pending: 10000 }]";

interface Linked {
  servers: RunningCluster;
  hk: NatsConnection;
  sg: NatsConnection;
  /** what sg's servers may ask of hk's API, and whoever uses sg's account */
  asks(subject: string, body?: object): Promise<{ error?: object } | undefined>;
}

/** Servers as the role renders them, linked; hk has LOGS, which sg may copy, and OTHER, and sg a mirror. @param count of hk's servers */
async function linked(t: Test, count: number, more: string, mirror: StreamSpec["mirror"]): Promise<Linked> {
  const at = loopback();
  const seed = `LINK=${new TextDecoder().decode(nkeys.createUser().getSeed())}\n`;
  const made = (name: string, i: number): string => {
    const dir = folder(t, { "hosts.yml": hostsOn((n) => at(10 * i + n), i === 1 ? count : 1) });
    const own = join(dirname(dir), name);
    renameSync(dir, own);
    return own;
  };
  const dirs = { hk: made("hk", 1), sg: made("sg", 2) };
  for (const dir of Object.values(dirs)) {
    // Its CA is made, which the other is told.
    await Rendered.of(dir);
    appendFileSync(join(dir, ".env"), seed);
  }
  const region = (name: "hk" | "sg", fields: string): string =>
    `regions: [{ name: ${name}, ca: ${dirs[name]}/pki/ca.crt, nkey_seed: "\${LINK}", ${fields} }]\n`;
  const other = "  - { name: OTHER, subjects: [other.*], num_replicas: 1 }\n";
  writeFileSync(
    join(dirs.hk, "group_vars/all.yml"),
    `${region("sg", "streams: [LOGS]")}streams:\n  - { name: LOGS, subjects: [logs.*], num_replicas: ${count}${more} }\n${other}`,
  );
  writeFileSync(join(dirs.sg, "group_vars/all.yml"), region("hk", `addresses: [${Array.from({ length: count }, (_, n) => at(11 + n)).join(", ")}]`));
  const connected: NatsConnection[] = [];
  const clusters: RunningCluster[] = [];
  for (const name of ["hk", "sg"] as const) {
    const rendered = await Rendered.of(dirs[name]);
    const running = new RunningCluster(t, rendered);
    clusters.push(running);
    for (const host of rendered.hosts) {
      const dir = join(running.dir, host.name);
      mkdirSync(join(dir, "tls"), { recursive: true });
      const conf = regionsConf(host.vars, `${host.connection.address}:7422`)!.reveal();
      writeFileSync(join(dir, "regions.conf"), conf.replaceAll("/etc/nats/tls", join(dir, "tls")), { mode: 0o600 });
      writeFileSync(join(dir, "tls/regions.crt"), rendered.text(host.name, "/etc/nats/tls/regions.crt"));
    }
    await running.start("2.15.1");
    const nc = await connectApp(rendered.target());
    t.teardown(() => nc.close());
    connected.push(nc);
    if (name === "hk") {
      const declared = rendered.hosts[0]!.vars.streams;
      if (count > 1) await waitUntilSafe(rendered.target(), {}, { settleMs: 0 });
      for (const item of items(nc, declared)) await item.apply();
      for (const item of items(nc, declared)) t.equal((await item.assess()).action, "none", `${item.asset} is as declared`);
    }
  }
  const [hk, sg] = connected as [NatsConnection, NatsConnection];
  for (const subject of ["logs.1", "logs.2", "other.1"]) await jetstream(hk).publish(subject, "text");
  const { consumers: _, ...copy } = fromRegions({ name: "HK_LOGS", storage: "file", num_replicas: 1, consumers: [], mirror }, "sg");
  await request(sg, copy.name, `STREAM.CREATE.${copy.name}`, copy);
  let asked = 0;
  const asks: Linked["asks"] = (subject, body) =>
    // Answers go to the servers' own inboxes; another one's wouldn't come through.
    sg.request(`REGION.hk.API.${subject}`, body && JSON.stringify(body), { timeout: 1500, noMux: true, reply: `$JSC.R.test${asked++}` }).then(
      (answer) => answer.json<{ error?: object }>(),
      () => undefined,
    );
  return { servers: clusters[0]!, hk, sg, asks };
}

const messages = async (nc: NatsConnection, stream: string): Promise<number> => (await (await jetstreamManager(nc)).streams.info(stream)).state.messages;

/** A consumer of LOGS that delivers messages and heartbeats without a body: on the API's subjects these are orders. */
const order = (name: string, subject: string): object => ({
  stream_name: "LOGS",
  config: { name, deliver_subject: subject, ack_policy: "none", headers_only: true, idle_heartbeat: 100e6, deliver_policy: "all", replay_policy: "instant" },
});

t.test("a consumer declared for the region: its copy goes on, and it can have nothing delivered elsewhere", async (t) => {
  const { servers, hk, sg, asks } = await linked(t, 3, MADE, { name: "LOGS", region: "hk", consumer: { name: "to-sg" } });
  t.equal(await until(() => messages(sg, "HK_LOGS"), (n) => n === 2), 2); // biome-ignore format: a line
  for (let i = 0; i < 5000; i++) hk.publish("logs.more", `${i}`);
  await hk.flush();
  t.equal(await until(() => messages(sg, "HK_LOGS"), (n) => n === 5002), 5002, "flow control comes through"); // biome-ignore format: a line
  t.match(await asks("CONSUMER.RESET.LOGS.to-sg"), { name: "to-sg" }, "this is how it begins again");
  const jsm = await jetstreamManager(hk);
  for (const [subject, body] of [
    ["CONSUMER.CREATE.LOGS", order("order", "$JS.API.STREAM.DELETE.OTHER")],
    ["CONSUMER.CREATE.LOGS.order", order("order", "$JS.API.STREAM.DELETE.OTHER")],
    ["CONSUMER.DELETE.LOGS.to-sg"],
    ["STREAM.DELETE.OTHER"],
    ["STREAM.INFO.LOGS"],
    ["CONSUMER.INFO.LOGS.to-sg"],
  ] as [string, object?][])
    t.equal(await asks(subject, body), undefined, `${subject} isn't answered`);
  t.same((await streamNames(hk)).sort(), ["LOGS", "OTHER"]);
  t.equal((await jsm.consumers.info("LOGS", "to-sg")).config.deliver_subject, "REGION.hk.to.sg.LOGS");

  const { leader } = (await jsm.consumers.info("LOGS", "to-sg")).cluster!;
  await servers.servers.get(leader!)!.stop();
  for (let i = 0; i < 50; i++) await until(() => jetstream(hk).publish("logs.after", `${i}`).then(() => true, () => false), (stored) => stored); // biome-ignore format: a line
  const origin = await messages(hk, "LOGS");
  t.ok(origin >= 5052);
  t.equal(await until(() => messages(sg, "HK_LOGS"), (n) => n === origin, 120_000), origin, "its leader lost, the copy goes on"); // biome-ignore format: a line
});

t.test("a region that makes its consumers itself: it can't drop others', and has to be trusted with the account", async (t) => {
  const { hk, sg, asks } = await linked(t, 1, ", consumers: [{ durable_name: till }]", { name: "LOGS", region: "hk" });
  t.equal(await until(() => messages(sg, "HK_LOGS"), (n) => n === 2), 2); // biome-ignore format: a line
  const jsm = await jetstreamManager(hk);
  t.equal(await asks("CONSUMER.DELETE.LOGS.till"), undefined, "no consumer is dropped");
  t.match(await jsm.consumers.info("LOGS", "till"), { name: "till" });
  // What docs/regions.md tells: when servers do otherwise, it has to be told otherwise.
  await jsm.consumers.add("OTHER", { durable_name: "till", ack_policy: "explicit" });
  await (await jetstream(hk).consumers.get("OTHER", "till")).next({ expires: 5000 });
  const open = async (): Promise<number> => (await jsm.consumers.info("OTHER", "till")).num_ack_pending;
  t.equal(await open(), 1);
  t.match(await asks("CONSUMER.CREATE.LOGS", order("one", "$JS.API.CONSUMER.RESET.OTHER.till")), { name: "one" });
  t.equal(await until(open, (n) => n === 0), 0, "a consumer of another stream has to begin again");
  t.match(await asks("CONSUMER.CREATE.LOGS", order("two", "$JS.API.STREAM.DELETE.OTHER")), { name: "two" });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  t.same((await streamNames(hk)).sort(), ["LOGS", "OTHER"], "nobody subscribes to that very subject, so nothing is delivered there");
});
