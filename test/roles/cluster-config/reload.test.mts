import { randomInt } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { RESTART_ONLY } from "../../../lib/resources/nats-unit.mts";
import { VERSIONS } from "../../nats/servers.mts";
import { until } from "../../nats/until.mts";
import { folder, hostsOn, loopback, Rendered, RunningCluster } from "./fixture.mts";

t.setTimeout(600_000);

/** An option's key, and two values of it; `varz` shows the second when it has come into effect. */
interface Option {
  key: string;
  from: string;
  to: string;
  varz?: [name: string, value: unknown];
}

/** Every option that the inventory can change and a single server has. */
const OPTIONS: Option[] = [
  { key: "server_name", from: "server_name: a", to: "server_name: b" },
  { key: "port", from: "port: PORT1", to: "port: PORT2" },
  { key: "host", from: "host: HERE", to: "host: OTHER" },
  { key: "http_port", from: "http_port: PORT3", to: "http_port: PORT4" },
  { key: "lame_duck_duration", from: "lame_duck_duration: 30s", to: "lame_duck_duration: 31s" },
  { key: "lame_duck_grace_period", from: "lame_duck_grace_period: 10s", to: "lame_duck_grace_period: 11s" },
  { key: "cluster.port", from: "cluster: { port: PORT5 }", to: "cluster: { port: PORT6 }" },
  { key: "jetstream.store_dir", from: "jetstream: { store_dir: /var/lib/nats/jetstream }", to: "jetstream: { store_dir: /data }" },
  { key: "jetstream.sync_interval", from: "jetstream: { sync_interval: 2m }", to: "jetstream: { sync_interval: 1m }" },
  { key: "jetstream.sync_interval always", from: "jetstream: { sync_interval: 2m }", to: "jetstream: { sync_interval: always }" },
  { key: "jetstream.domain", from: "jetstream: { domain: a }", to: "jetstream: { domain: b }" },
  { key: "jetstream.unique_tag", from: "jetstream: { unique_tag: 'a:' }", to: "jetstream: { unique_tag: 'b:' }" },
  { key: "jetstream.max_mem smaller", from: "jetstream: { max_mem: 2MB }", to: "jetstream: { max_mem: 1MB }" },
  { key: "jetstream.max_file smaller", from: "jetstream: { max_file: 2MB }", to: "jetstream: { max_file: 1MB }" },
  { key: "server_tags", from: "server_tags: [a]", to: "server_tags: [a, b]", varz: ["tags", ["a", "b"]] },
  { key: "max_payload", from: "max_payload: 1MB", to: "max_payload: 2MB", varz: ["max_payload", 2 * 1024 ** 2] },
  { key: "max_connections", from: "max_connections: 10", to: "max_connections: 11", varz: ["max_connections", 11] },
  { key: "write_deadline", from: "write_deadline: 5s", to: "write_deadline: 6s", varz: ["write_deadline", 6e9] },
  { key: "ping_interval", from: "ping_interval: 1m", to: "ping_interval: 2m", varz: ["ping_interval", 120e9] },
  { key: "ping_max", from: "ping_max: 2", to: "ping_max: 3", varz: ["ping_max", 3] },
  { key: "cluster.pool_size", from: "cluster: { pool_size: 3 }", to: "cluster: { pool_size: 4 }" },
  { key: "cluster.compression", from: "cluster: { compression: off }", to: "cluster: { compression: s2_fast }" },
  {
    key: "users",
    from: "",
    to: `users: [{ name: sys, account: SYS, nkey_seed: "$\{NATS_SYS_NKEY_SEED}" }, { name: app, account: APP, nkey_seed: "$\{NATS_APP_NKEY_SEED}" }, { name: third, account: NEW, nkey_seed: "$\{NEW}" }]`,
  },
  { key: "a third host", from: "", to: "" },
  { key: "certificates", from: "", to: "" },
];

/** What sampan restarts for although some version takes it by a reload: see restartOnly() of the role. */
const RESTART_ANYWAY: Option[] = [
  { key: "cluster.name", from: "cluster: { name: a }", to: "cluster: { name: b }" },
  { key: "jetstream.max_file larger", from: "jetstream: { max_file: 1MB }", to: "jetstream: { max_file: 2MB }" },
  { key: "jetstream.enabled", from: "jetstream: { enabled: false }", to: "jetstream: { enabled: true }" },
];

/** Keys that all hosts must have alike. */
const SHARED = /^(cluster\.(name|pool_size|compression)|users)/;

for (const version of VERSIONS) {
  t.test(`nats-server ${version}: reload or restart is told as the server itself sees it`, { jobs: 4 }, async (t) => {
    for (const option of OPTIONS) {
      t.test(option.key, async (t) => {
        const { accepted, restart, varz, log } = await change(t, version, option);
        t.equal(
          restart,
          !accepted,
          `${accepted ? "the server takes it by a reload" : "the server wants a restart"}\n${log
            .split("\n")
            .filter((l) => /\[ERR\]/.test(l))
            .join("\n")}`,
        );
        // 2.10 shows on this page the tags it started with
        if (option.varz && !(option.key === "server_tags" && version.startsWith("2.10."))) t.same(varz[option.varz[0]], option.varz[1], "it is in effect");
      });
    }
    for (const option of RESTART_ANYWAY) {
      t.test(option.key, async (t) => t.equal((await change(t, version, option)).restart, true));
    }
  });
}

/** Starts a server with one value, puts the other in its place, and sends SIGHUP. */
async function change(t: Test, version: string, { key, from, to }: Option) {
  const at = loopback();
  const base = randomInt(3000, 10_000) * 6;
  const fill = (text: string): string =>
    text
      .replaceAll(/PORT(\d)/g, (_, n: string) => String(base + Number(n) - 1))
      .replaceAll("HERE", at(1))
      .replaceAll("OTHER", at(9));
  const hosts = hostsOn(at, 3);
  const dir = folder(t, { "hosts.yml": hosts.replace(/ +n3:.*\n/, "") });
  const load = async (own: string): Promise<Rendered> => {
    writeFileSync(join(dir, "host_vars/n1.yml"), SHARED.test(key) ? "" : fill(own));
    writeFileSync(join(dir, "group_vars/all.yml"), `nats_version: ${version}\n${SHARED.test(key) ? fill(own) : ""}`);
    return Rendered.of(dir);
  };
  const before = await load(from);
  const running = new RunningCluster(t, before);
  await running.start(version, ["n1"]);
  const loaded = (await running.monitor("n1"))["config_load_time"];
  if (key === "a third host") writeFileSync(join(dir, "hosts.yml"), hosts);
  if (key === "certificates") rmSync(join(dir, "pki"), { recursive: true });
  const after = await load(to);
  const differs = before.conf("n1") !== after.conf("n1") || before.pki.ca !== after.pki.ca;
  t.ok(differs, "something is different");

  running.replace("n1", after);
  const server = running.servers.get("n1")!;
  server.signal("SIGHUP");
  await until(
    async () => server.log,
    (log) => /Reloaded server configuration|Failed to reload server/.test(log),
    60_000,
  );
  const accepted = /Reloaded server configuration/.test(server.log);
  const varz = await until(
    () => running.monitor("n1"),
    (v) => !accepted || v["config_load_time"] !== loaded,
    10_000,
  );
  t.equal(varz["config_load_time"] !== loaded, accepted, "config_load_time tells whether it landed");
  return { accepted, restart: before.text("n1", RESTART_ONLY) !== after.text("n1", RESTART_ONLY), varz, log: server.log };
}
