import { readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { type ConnectionOptions, connect, type NatsConnection, nkeyAuthenticator, nkeys } from "nats";
import t, { type Test } from "tap";
import { connectApp, connectSys } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { checks } from "../../../lib/nats/health.mts";
import { observe } from "../../../lib/nats/observe.mts";
import { VERSIONS } from "../../nats/servers.mts";
import { until } from "../../nats/until.mts";
import { folder, hostsOn, loopback, Rendered, RunningCluster } from "./fixture.mts";

t.setTimeout(600_000);

const seed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());
const PASSWORD = `pass "word" $HOME\\ ä#`;
const VARS = (version: string): string => `nats_version: ${version}
jetstream: { max_mem: 64MB, max_file: 256MB }
users:
  - { name: sys, account: SYS, nkey_seed: "\${SYS}" }
  - { name: app, account: APP, nkey_seed: "\${APP}" }
  - { name: job, account: APP, password: "\${JOB}", permissions: { publish: { allow: ["jobs.>", 'odd.a"b\\c$HOME#x'], deny: jobs.secret }, subscribe: { allow: ["_INBOX.>", "jobs.mine"] } } }
  - { name: reader, account: APP, nkey_seed: "\${READER}", permissions: { publish: { deny: ">" } } }
`;

for (const version of VERSIONS) {
  t.test(`three servers ${version} from what is rendered`, async (t) => {
    const reader = seed();
    const at = loopback();
    const dir = folder(t, { "hosts.yml": hostsOn(at, 3), "group_vars/all.yml": VARS(version), ".env": `JOB='${PASSWORD}'\nREADER=${reader}\n` });
    const rendered = await Rendered.of(dir);
    const running = new RunningCluster(t, rendered);
    await running.start(version);
    const target = rendered.target();
    const options = { servers: `${at(1)}:4222`, tls: { ca: rendered.pki.ca }, timeout: 5000, reconnect: false };
    const as = (t: Test, own: Partial<ConnectionOptions>): Promise<NatsConnection> => open(t, connect({ ...options, ...own }));
    const refused = async (own: Partial<ConnectionOptions>): Promise<string> =>
      connect({ ...options, ...own }).then(
        async (nc) => {
          await nc.close();
          return "let in";
        },
        (e: Error) => e.message,
      );

    t.test("form a cluster in which all is well", async (t) => {
      const state = await waitUntilSafe(target, {}, { settleMs: 500, timeoutMs: 60_000 });
      t.same(
        checks(await observe(target, { anonymous: true })).filter((c) => c.status === "failed"),
        [],
      );
      t.same(
        state.servers.map((s) => s.routes.length),
        [2, 2, 2],
      );
    });

    t.test("nobody gets in without credentials, or with wrong ones", async (t) => {
      t.match(await refused({}), /authorization violation/i);
      t.match(await refused({ user: "job", pass: "wrong" }), /authorization violation/i);
      t.match(await refused({ user: "job", pass: hashIn(rendered.conf("n1")) }), /authorization violation/i, "the hash is no password");
      t.match(await refused({ user: "app", pass: "" }), /authorization violation/i);
      t.match(await refused({ authenticator: nkeyAuthenticator(new TextEncoder().encode(seed())) }), /authorization violation/i);
    });

    t.test("nor without TLS, nor to a server of another CA", async (t) => {
      const reply = await plainly(at(1));
      t.match(reply, /"tls_required":true/);
      t.match(reply, /(Secure Connection - TLS Required|^[^\r]*\r\n$)/);
      const other = await Rendered.of(folder(t, { "hosts.yml": "nats: { hosts: { x: {} } }\n" }));
      t.match(await refused({ tls: { ca: other.pki.ca }, user: "job", pass: PASSWORD }), /certificate|signature|issuer/i);
    });

    t.test("a password user, by the hash, on every server", async (t) => {
      for (const i of [1, 2, 3]) await as(t, { servers: `${at(i)}:4222`, user: "job", pass: PASSWORD });
    });

    t.test("permissions hold", async (t) => {
      const job = await as(t, { user: "job", pass: PASSWORD });
      const denied = denials(job);
      const app = await open(t, connectApp(target));
      const heard: string[] = [];
      app.subscribe("jobs.>", {
        callback: (_, m) => {
          heard.push(m.subject);
        },
      });
      app.subscribe("odd.>", {
        callback: (_, m) => {
          heard.push(m.subject);
        },
      });
      await app.flush();
      for (const subject of ["jobs.a", "jobs.secret", "other.a", 'odd.a"b\\c$HOME#x', "odd.else"]) job.publish(subject);
      job.subscribe("jobs.mine");
      job.subscribe("jobs.theirs", { callback: () => {} });
      await job.flush();
      await until(
        async () => heard,
        (h) => h.length >= 2,
      );
      t.same(heard, ["jobs.a", 'odd.a"b\\c$HOME#x']);
      t.same(
        await until(
          async () => [...denied].sort(),
          (d) => d.length >= 4,
        ),
        ["jobs.secret", "jobs.theirs", "odd.else", "other.a"],
      );
    });

    t.test("permissions of an nkey user hold", async (t) => {
      const nc = await as(t, { authenticator: nkeyAuthenticator(new TextEncoder().encode(reader)) });
      const denied = denials(nc);
      nc.publish("anything");
      await nc.flush();
      t.same(
        await until(
          async () => denied,
          (d) => d.length > 0,
        ),
        ["anything"],
      );
    });

    t.test("app works with JetStream", async (t) => {
      const nc = await open(t, connectApp(target));
      const api = async (subject: string, body: object) =>
        (await nc.request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: 20_000 })).json<{
          error?: { description: string };
          state?: { messages: number };
        }>();
      t.equal((await api("STREAM.CREATE.S", { name: "S", subjects: ["s.>"], num_replicas: 3 })).error, undefined);
      await nc.request("s.1", "x", { timeout: 10_000 });
      t.equal((await api("STREAM.INFO.S", {})).state?.messages, 1);
      t.match(readFileSync(join(running.dir, "n1/log"), "utf8"), `${running.dir}/n1/store`, "in the store that was named");
    });

    t.test("SYS and APP don't hear each other, and APP is not told of the system", async (t) => {
      const sys = await open(t, connectSys(target)),
        app = await open(t, connectApp(target));
      const heard: string[] = [];
      app.subscribe("s.2", {
        callback: (_, m) => {
          heard.push(m.subject);
        },
      });
      sys.subscribe("plain.3", {
        callback: (_, m) => {
          heard.push(m.subject);
        },
      });
      await Promise.all([app.flush(), sys.flush()]);
      sys.publish("s.2");
      app.publish("plain.3");
      await Promise.all([app.flush(), sys.flush()]);
      await t.rejects(app.request("$SYS.REQ.SERVER.PING", "", { timeout: 1500 }), "no server answers to APP");
      t.equal((await sys.request("$SYS.REQ.SERVER.PING", "", { timeout: 3000 })).json<{ server: { cluster: string } }>().server.cluster, "nats-cluster-inv");
      t.same(heard, []);
      t.equal(
        (await (await open(t, connectApp(target))).request("$JS.API.STREAM.INFO.S", "", { timeout: 5000 })).json<{ state: { messages: number } }>().state
          .messages,
        1,
        "SYS couldn't publish into APP's stream",
      );
    });

    t.test("a server with a certificate of another CA gets no route", async (t) => {
      const foreign = folder(t, { "hosts.yml": hostsOn(at, 4), "group_vars/all.yml": VARS(version), ".env": readFileSync(join(dir, ".env"), "utf8") });
      const stranger = new RunningCluster(t, await Rendered.of(foreign));
      await stranger.start(version, ["n4"]);
      const log = () => readFileSync(join(running.dir, "n1/log"), "utf8");
      await until(
        async () => log(),
        (l) => /TLS route handshake error/.test(l),
        30_000,
      );
      t.match(log(), /TLS route handshake error.*(unknown authority|bad certificate|certificate)/);
      t.equal((await stranger.monitor("n4"))["remotes"], 0);
      t.equal((await running.monitor("n1"))["remotes"], 2);
    });

    t.test("route pools: one size after the other goes on with 2.12; before, a server is cut off until the others have it too", async (t) => {
      writeFileSync(join(dir, "group_vars/all.yml"), `${VARS(version)}cluster: { pool_size: 5 }\n`);
      const after = await Rendered.of(dir);
      const reload = (name: string): void => {
        running.replace(name, after);
        running.servers.get(name)!.signal("SIGHUP");
      };
      const remotes = (wanted: number) =>
        until(
          async () => (await running.monitor("n1"))["remotes"],
          (n) => n === wanted,
          20_000,
        );
      reload("n1");
      await until(
        async () => running.servers.get("n1")!.log,
        (log) => /Reloaded server configuration/.test(log),
      );
      t.equal(await remotes(version.startsWith("2.10.") ? 0 : 2), version.startsWith("2.10.") ? 0 : 2);
      const cut = checks(await observe(target))
        .filter((c) => c.title === "routes for all accounts")
        .map((c) => c.status);
      t.equal(cut.includes("failed"), version.startsWith("2.10."), "verify tells of it");
      for (const name of ["n2", "n3"]) reload(name);
      t.equal(await remotes(2), 2);
      await waitUntilSafe(target, {}, { settleMs: 500, timeoutMs: 60_000 });
    });
  });
}

async function open(t: Test, connecting: Promise<NatsConnection>): Promise<NatsConnection> {
  const nc = await connecting;
  t.teardown(() => nc.close());
  return nc;
}

/** The subjects that the server says one may not use. */
function denials(nc: NatsConnection): string[] {
  const found: string[] = [];
  void (async () => {
    for await (const { type, ...s } of nc.status()) if (type === "error") found.push((s as unknown as { error: { subject: string } }).error.subject);
  })();
  return found;
}

const hashIn = (conf: string): string => /\$2a\$11\$[^"]+/.exec(conf)![0];

/** What a server says to a client that goes on without TLS. */
function plainly(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = createConnection({ host, port: 4222 });
    socket.on("data", (data) => {
      if (!text) socket.write("CONNECT {}\r\nPING\r\n");
      text += data.toString("latin1");
    });
    socket.on("close", () => resolve(text)).on("error", reject);
  });
}
