import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { nkeys } from "nats";
import t from "tap";
import { UsageError } from "../../lib/inventory/types.mts";
import { connectApp, connectSys } from "../../lib/nats/connect.mts";
import { NatsConnectError } from "../../lib/nats/errors.mts";
import { probe, probeAnonymous } from "../../lib/nats/probe.mts";
import type { ClusterTarget } from "../../lib/nats/target.mts";
import { Secret } from "../../lib/secret.mts";
import { certificates } from "./certificates.mts";
import { PASSWORD, TestCluster } from "./servers.mts";

const VERSION = "2.15.1";

/** The single failure with which connecting ends. */
async function failureOf(target: ClusterTarget, options = {}) {
  const error = await connectApp(target, options).then(
    (nc) => nc.close(),
    (e: unknown) => e,
  );
  if (!(error instanceof NatsConnectError)) throw error ?? new Error("it connected");
  return { ...error.failures[0]!, message: error.message };
}

t.test("one server", async (t) => {
  const cluster = await TestCluster.start(VERSION, 1);
  t.teardown(() => cluster.stop());
  const { target } = cluster;

  t.test("the app user is in APP, the sys user in the system account", async (t) => {
    const app = await connectApp(target);
    const sys = await connectSys(target);
    t.teardown(() => Promise.all([app.close(), sys.close()]));
    const account = async (nc: typeof app) => (await nc.request("$SYS.REQ.USER.INFO")).json<{ data: { account: string } }>().data.account;
    t.equal(await account(app), "APP");
    t.equal(await account(sys), "SYS");
  });

  t.test("user and password are taken as well, a wrong one is a refused credential", async (t) => {
    const nc = await connectApp({ ...target, app: { user: "app", password: new Secret(PASSWORD) } });
    t.teardown(() => nc.close());
    t.equal((await failureOf({ ...target, app: { user: "app", password: new Secret("wrong") } })).fault, "auth");
  });

  t.test("a seed that is none is the user's mistake, and isn't repeated", async (t) => {
    const error = await connectApp({ ...target, app: { nkeySeed: new Secret("SUNONSENSE") } }).catch((e: unknown) => e);
    t.ok(error instanceof UsageError);
    t.notMatch(String(error), "NONSENSE");
  });

  t.test("an unknown nkey is told as a refused credential", async (t) => {
    const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
    const failure = await failureOf({ ...target, app: { nkeySeed: new Secret(seed) } });
    t.equal(failure.fault, "auth");
    t.match(failure.message, /n1 \(127\.0\.0\.1:\d+\): the server refused the credential\. Compare the users/);
    t.notMatch(failure.message, seed);
  });

  t.test("a certificate of another CA is told as TLS", async (t) => {
    const foreign = certificates(cluster.dir, ["n1"]).caPem;
    t.equal((await failureOf({ ...target, tls: { ca: foreign } })).fault, "tls");
  });

  t.test("a certificate for other names is told as TLS", async (t) => {
    // Dialled by an address that the certificate has; the names of the node are what counts.
    const dial = async () => ({ host: "127.0.0.1", port: target.nodes[0]!.port });
    const failure = await failureOf({ ...target, nodes: [{ ...target.nodes[0]!, name: "x", lane: "y", host: "10.1.2.3" }] }, { dial });
    t.equal(failure.fault, "tls");
  });

  t.test("through a forward the certificate is checked against the node's own names", async (t) => {
    const [node] = target.nodes;
    const dial = async () => ({ host: "localhost", port: node!.port });
    const nc = await connectApp({ ...target, nodes: [{ ...node!, host: "10.1.2.3", port: 1 }] }, { dial });
    t.teardown(() => nc.close());
    t.equal(nc.info?.server_name, "n1");
  });

  t.test("a dial that fails is told for its node", async (t) => {
    const failure = await failureOf(target, { dial: () => Promise.reject(new Error("no SSH to n1")) });
    t.match(failure.message, /n1 .*: no SSH to n1/);
  });

  t.test("a closed port is told as refused, an open one next to it is used", async (t) => {
    const closed = { ...target.nodes[0]!, name: "n2", lane: "n2", port: 1 };
    t.equal((await failureOf({ ...target, nodes: [closed] })).fault, "refused");
    const nc = await connectApp({ ...target, nodes: [closed, ...target.nodes] });
    t.teardown(() => nc.close());
    t.equal(nc.info?.server_name, "n1");
  });

  t.test("silence is told as a timeout, in the time given", async (t) => {
    const mute = createServer().listen(0, "127.0.0.1");
    t.teardown(() => mute.close());
    await once(mute, "listening");
    const sockets: { destroy(): void }[] = [];
    mute.on("connection", (s) => sockets.push(s));
    const started = Date.now();
    const nodes = [{ ...target.nodes[0]!, port: (mute.address() as AddressInfo).port }];
    t.equal((await failureOf({ ...target, nodes }, { timeoutMs: 300 })).fault, "timeout");
    t.equal((await probe({ ...target, nodes }, nodes[0]!, { timeoutMs: 300 })).failure?.fault, "timeout");
    t.ok(Date.now() - started < 20_000);
    sockets.forEach((s) => s.destroy());
  });

  t.test("the probe reads name, version and certificate without any account", async (t) => {
    const { greeting, certNotAfter, failure } = await probe(target, target.nodes[0]!);
    t.equal(failure, undefined);
    t.match(greeting, { server_name: "n1", version: VERSION, auth_required: true, tls_required: true });
    t.ok(certNotAfter! > Date.now() + 360 * 86_400_000);
  });

  t.test("the probe tells an untrusted certificate and still reads its date", async (t) => {
    const foreign = certificates(cluster.dir, ["n1"]).caPem;
    const { failure, certNotAfter, greeting } = await probe({ ...target, tls: { ca: foreign } }, target.nodes[0]!);
    t.match(failure, { fault: "tls", what: /certificate not trusted/ });
    t.ok(certNotAfter && greeting);
  });

  t.test("an anonymous client is kept out", async (t) => t.equal(await probeAnonymous(target, target.nodes[0]!), false));
});

t.test("an anonymous client gets into an open server, with and without TLS", async (t) => {
  for (const tls of [true, false]) {
    await TestCluster.with(
      VERSION,
      1,
      async (cluster) => {
        t.equal(await probeAnonymous(cluster.target, cluster.target.nodes[0]!), true);
      },
      { n1: { open: true, tls } },
    );
  }
});

t.test("a connection outlives the server it was made to", async (t) => {
  await TestCluster.with(VERSION, 2, async (cluster) => {
    const nc = await connectApp(cluster.target);
    t.teardown(() => nc.close());
    t.equal(nc.info?.server_name, "n1");
    const back = (async () => {
      for await (const status of nc.status()) if (status.type === "reconnect") return;
    })();
    await cluster.server("n1").stop();
    await back;
    t.equal(nc.info?.server_name, "n2");
  });
});
