import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import t, { type Test } from "tap";
import { ensurePki, type Pki } from "../../lib/pki/ca.mts";
import { serverBinary } from "../nats/servers.mts";

t.setTimeout(120_000);

/** What docs/security.md says of routes: who signed a certificate counts, and not which name it has. */
const dir = mkdtempSync(join(tmpdir(), "sampan-security-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const region = async (name: string, hosts: readonly (readonly [name: string, address: string])[]): Promise<Pki> => {
  mkdirSync(join(dir, name));
  return ensurePki(
    join(dir, name),
    hosts.map(([host, address]) => ({ name: host, serverName: host, address })),
  );
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

interface Server {
  client: number;
  route: number;
  log: () => string;
}

/** A server of the cluster `c` with the certificate of a host; `to` is the route's port of another one. */
async function start(t: Test, { ca, hosts }: Pki, host: string, to?: number): Promise<Server> {
  const at = mkdtempSync(join(dir, `${host}-`));
  const file = (name: string, text: string): string => {
    writeFileSync(join(at, name), text, { mode: 0o600 });
    return join(at, name);
  };
  const [client, route] = [await freePort(), await freePort()];
  const { cert, key } = hosts.get(host)!;
  const tls = `tls { cert_file: "${file("crt", cert)}", key_file: "${file("key", key.reveal())}", ca_file: "${file("ca", ca)}", verify: true }`;
  const conf = `server_name: ${host}
listen: "127.0.0.1:${client}"
accounts { APP { users: [ { user: app, password: ${host} } ] } }
cluster { name: c, listen: "127.0.0.1:${route}", ${tls}${to ? `, routes: ["nats://127.0.0.1:${to}"]` : ""} }
`;
  const child: ChildProcess = spawn(await serverBinary("2.15.1"), ["-c", file("conf", conf)], { stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let log = "";
  child.stderr!.on("data", (d: Buffer) => {
    log += d.toString();
  });
  await until(() => log.includes("Server is ready"));
  return { client, route, log: () => log };
}

async function until(true_: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !true_(); ) {
    if (Date.now() > end) throw new Error("it didn't come");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

t.test("any certificate of the region's CA opens the routes, whatever its name; another CA's doesn't", async (t) => {
  const ours = await region("ours", [
    ["n1", "127.0.0.1"],
    ["stranger", "10.99.99.99"],
  ]);
  const theirs = await region("theirs", [["burglar", "127.0.0.1"]]);
  const n1 = await start(t, ours, "n1");
  const burglar = await start(t, theirs, "burglar", n1.route);
  await until(() => /TLS|tls/.test(burglar.log()) && /TLS|tls/.test(n1.log()));
  t.notMatch(n1.log(), /Route connection created/, "a certificate of another CA");

  const stranger = await start(t, ours, "stranger", n1.route);
  await until(() => stranger.log().includes("Route connection created"));
  const listener = await connect({ servers: `127.0.0.1:${n1.client}`, user: "app", pass: "n1" });
  const got = listener.subscribe("orders", { max: 1 });
  await listener.flush();
  const writer = await connect({ servers: `127.0.0.1:${stranger.client}`, user: "app", pass: "stranger" });
  const sending = setInterval(() => writer.publish("orders", "forged"), 100); // until the interest has come over the route
  t.teardown(() => clearInterval(sending));
  for await (const message of got) t.equal(message.string(), "forged", "it writes into any account: a node is trusted with all messages");
  clearInterval(sending);
  await Promise.all([listener.close(), writer.close()]);
});
