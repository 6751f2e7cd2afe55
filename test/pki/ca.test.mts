import { execFile, execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { connect, createServer, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import t from "tap";
import { ensurePki } from "../../lib/pki/ca.mts";
import { issue, selfSign } from "../../lib/pki/issue.mts";
import { contents, inventoryFolder, usageLines } from "./fixture.mts";

const HOSTS = [
  { name: "nats-node-1", serverName: "n1", address: "10.0.0.1" },
  { name: "nats-node-2", serverName: "n2", address: "fd00::2" },
  { name: "nats-node-3", serverName: "n3", address: "nats3.example.com" },
];
const DAY = 86_400_000;
const daysLeft = (pem: string): number => (Date.parse(new X509Certificate(pem).validTo) - Date.now()) / DAY;

t.test("the region CA is named after the folder and lasts ten years", async (t) => {
  const dir = inventoryFolder(t);
  const { ca } = await ensurePki(dir, []);
  t.equal(new X509Certificate(ca).subject, `CN=sampan ${basename(dir)} CA`);
  t.ok(new X509Certificate(ca).ca);
  t.ok(Math.abs(daysLeft(ca) - 3650) < 1);
});

t.test("a host's certificate covers its names and addresses and no others", async (t) => {
  const { hosts } = await ensurePki(inventoryFolder(t), HOSTS);
  const names = (name: string): string => new X509Certificate(hosts.get(name)!.cert).subjectAltName!;
  t.equal(names("nats-node-1"), "DNS:localhost, DNS:n1, DNS:nats-node-1, IP Address:10.0.0.1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  t.equal(names("nats-node-3"), "DNS:localhost, DNS:n3, DNS:nats-node-3, DNS:nats3.example.com, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
  t.ok(new X509Certificate(hosts.get("nats-node-2")!.cert).checkIP("fd00::2"));
  t.ok(Math.abs(daysLeft(hosts.get("nats-node-1")!.cert) - 365) < 1);
});

t.test("openssl accepts the chain, strictly, as server and as client", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  for (const purpose of ["sslserver", "sslclient"]) {
    const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", join(dir, "pki/ca.crt"), join(dir, "pki/nats-node-2.crt")];
    t.match(execFileSync("openssl", args, { encoding: "utf8" }), /: OK/);
  }
});

t.test("two nodes know each other by mutual TLS", async (t) => {
  const { ca, hosts } = await ensurePki(inventoryFolder(t), HOSTS);
  const of = (name: string): { cert: string; key: string } => ({ cert: hosts.get(name)!.cert, key: hosts.get(name)!.key.reveal() });
  const server = createServer({ ...of("nats-node-1"), ca, requestCert: true, rejectUnauthorized: true });
  t.teardown(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const accepted = once(server, "secureConnection");
  const client = connect({ ...of("nats-node-3"), ca, host: "127.0.0.1", port, servername: "n1" });
  t.teardown(() => client.destroy());
  await once(client, "secureConnect");
  const [peer] = (await accepted) as [TLSSocket];
  t.equal(peer.getPeerCertificate().subject.CN, "n3");
  t.equal(client.getPeerCertificate().subject.CN, "n1");
});

t.test("keys are for their owner only, under any umask", async (t) => {
  const dir = inventoryFolder(t);
  const before = process.umask(0);
  t.teardown(() => {
    process.umask(before);
  });
  await ensurePki(dir, HOSTS);
  const mode = (name: string): string => (statSync(join(dir, "pki", name)).mode & 0o777).toString(8);
  t.strictSame(["", "ca.crt", "ca.key", "nats-node-1.crt", "nats-node-1.key"].map(mode), ["700", "644", "600", "644", "600"]);
});

t.test("a second run changes no byte", async (t) => {
  const dir = inventoryFolder(t);
  const first = await ensurePki(dir, HOSTS);
  const files = contents(dir);
  const second = await ensurePki(dir, HOSTS);
  t.strictSame(contents(dir), files);
  t.strictSame(second.changed, []);
  t.equal(second.hosts.get("nats-node-1")!.cert, first.hosts.get("nats-node-1")!.cert);
});

t.test("what was issued is said with its reason, host by host", async (t) => {
  const dir = inventoryFolder(t);
  t.strictSame((await ensurePki(dir, HOSTS.slice(0, 2))).changed, ["ca.crt: new CA of the region", "nats-node-1.crt: missing", "nats-node-2.crt: missing"]);
  t.strictSame((await ensurePki(dir, HOSTS)).changed, ["nats-node-3.crt: missing"]);
});

t.test("another address gives a new certificate for the same key", async (t) => {
  const dir = inventoryFolder(t);
  const before = (await ensurePki(dir, HOSTS)).hosts.get("nats-node-1")!;
  const moved = await ensurePki(dir, [{ ...HOSTS[0]!, address: "10.9.9.9" }, ...HOSTS.slice(1)]);
  t.strictSame(moved.changed, ["nats-node-1.crt: names of the host changed"]);
  t.ok(new X509Certificate(moved.hosts.get("nats-node-1")!.cert).checkIP("10.9.9.9"));
  t.equal(moved.hosts.get("nats-node-1")!.key.reveal(), before.key.reveal());
});

t.test("a certificate with less than 30 days left is renewed", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  const path = (name: string): string => join(dir, "pki", name);
  const key = (name: string): ReturnType<typeof createPrivateKey> => createPrivateKey(readFileSync(path(name)));
  const names = { dns: ["localhost", "n1", "nats-node-1"], ip: ["10.0.0.1", "127.0.0.1", "::1"] };
  const ca = { cert: readFileSync(path("ca.crt"), "utf8"), key: key("ca.key") };
  const put = async (days: number): Promise<void> =>
    writeFileSync(path("nats-node-1.crt"), await issue(ca, { subject: "n1", key: key("nats-node-1.key"), names, notAfter: new Date(Date.now() + days * DAY) }));
  await put(31);
  t.strictSame((await ensurePki(dir, HOSTS)).changed, []);
  await put(29);
  t.strictSame((await ensurePki(dir, HOSTS)).changed, [`nats-node-1.crt: expires on ${new Date(Date.now() + 29 * DAY).toISOString().slice(0, 10)}`]);
  t.ok(daysLeft(readFileSync(path("nats-node-1.crt"), "utf8")) > 360);
});

t.test("with another CA every certificate is issued again", async (t) => {
  const dir = inventoryFolder(t),
    other = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  await ensurePki(other, []);
  for (const file of ["ca.crt", "ca.key"]) writeFileSync(join(dir, "pki", file), readFileSync(join(other, "pki", file)));
  t.strictSame(
    (await ensurePki(dir, HOSTS)).changed,
    HOSTS.map((h) => `${h.name}.crt: signed by another CA`),
  );
});

t.test("with a CA of the same key under another name, too", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  const path = join(dir, "pki/ca");
  writeFileSync(`${path}.crt`, await selfSign("renamed CA", createPrivateKey(readFileSync(`${path}.key`)), new Date(Date.now() + 99 * DAY)));
  t.strictSame(
    (await ensurePki(dir, HOSTS)).changed,
    HOSTS.map((h) => `${h.name}.crt: signed by another CA`),
  );
});

t.test("a certificate that was tampered with is issued again", async (t) => {
  const dir = inventoryFolder(t);
  const { hosts } = await ensurePki(dir, HOSTS);
  const der = new X509Certificate(hosts.get("nats-node-1")!.cert).raw;
  der[der.length - 1]! ^= 1; // the signature's last byte
  writeFileSync(join(dir, "pki/nats-node-1.crt"), `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`);
  t.strictSame((await ensurePki(dir, HOSTS)).changed, ["nats-node-1.crt: signed by another CA"]);
});

t.test("a damaged certificate is issued again", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  writeFileSync(join(dir, "pki/nats-node-2.crt"), "");
  t.strictSame((await ensurePki(dir, HOSTS)).changed, ["nats-node-2.crt: damaged"]);
});

t.test("no certificate outlives its CA, and one that ends with it isn't renewed at every run", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, []);
  const path = join(dir, "pki/ca");
  const ends = new Date(Date.now() + 10 * DAY);
  writeFileSync(`${path}.crt`, await selfSign("old CA", createPrivateKey(readFileSync(`${path}.key`)), ends));
  const { hosts, warnings } = await ensurePki(dir, HOSTS);
  t.ok(daysLeft(hosts.get("nats-node-1")!.cert) <= 10);
  t.strictSame((await ensurePki(dir, HOSTS)).changed, []);
  t.strictSame(warnings, [`${path}.crt: the region's CA expires on ${ends.toISOString().slice(0, 10)}; replace it while it lasts: rotate.mts --ca`]);
});

t.test("a dry run writes nothing and yields a chain that holds", async (t) => {
  const dir = inventoryFolder(t);
  const { ca, hosts, changed } = await ensurePki(dir, HOSTS, { dryRun: true });
  t.strictSame(readdirSync(dir), []);
  t.equal(changed.length, 4);
  const cert = new X509Certificate(hosts.get("nats-node-1")!.cert);
  t.ok(cert.verify(new X509Certificate(ca).publicKey));
  t.ok(cert.checkPrivateKey(createPrivateKey(hosts.get("nats-node-1")!.key.reveal())));
});

t.test("a dry run on a region that has its PKI returns the real one", async (t) => {
  const dir = inventoryFolder(t);
  const real = await ensurePki(dir, HOSTS);
  const dry = await ensurePki(dir, HOSTS, { dryRun: true });
  t.equal(dry.hosts.get("nats-node-1")!.cert, real.hosts.get("nats-node-1")!.cert);
  t.strictSame(dry.changed, []);
});

t.test("six processes at once end up with one PKI", async (t) => {
  const dir = inventoryFolder(t);
  const code = `import { ensurePki } from ${JSON.stringify(fileURLToPath(new URL("../../lib/pki/ca.mts", import.meta.url)))};
    const p = await ensurePki(${JSON.stringify(dir)}, ${JSON.stringify(HOSTS)});
    console.log(JSON.stringify([p.ca, [...p.hosts].map(([n, h]) => [n, h.cert, h.key.reveal()])]));`;
  const loader = fileURLToPath(new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url));
  const run = (): Promise<{ stdout: string }> => promisify(execFile)(process.execPath, ["--import", loader, "--input-type=module", "-e", code], { cwd: "/" });
  const seen = await Promise.all(Array.from({ length: 6 }, run));
  t.equal(new Set(seen.map((s) => s.stdout)).size, 1);
  t.strictSame((await ensurePki(dir, HOSTS)).changed, []);
  t.strictSame(
    readdirSync(join(dir, "pki")).filter((n) => n.endsWith(".tmp")),
    [],
  );
});

t.test("a run with nothing to issue doesn't load the X.509 library", async (t) => {
  const dir = inventoryFolder(t);
  const many = Array.from({ length: 100 }, (_, i) => ({ name: `node-${i}`, serverName: `n${i}`, address: `10.0.1.${i}` }));
  await ensurePki(dir, many);
  const code = `import { ensurePki } from ${JSON.stringify(fileURLToPath(new URL("../../lib/pki/ca.mts", import.meta.url)))};
    const hosts = ${JSON.stringify(many)};
    await ensurePki(${JSON.stringify(dir)}, hosts);
    console.log(JSON.stringify({ reflect: "getMetadata" in Reflect }));`;
  const loader = fileURLToPath(new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url));
  const said = JSON.parse(execFileSync(process.execPath, ["--import", loader, "--input-type=module", "-e", code], { cwd: "/", encoding: "utf8" })) as {
    reflect: boolean;
  };
  t.notOk(said.reflect, "reflect-metadata comes with @peculiar/x509");
});

t.test("ca.key may be kept elsewhere until something has to be issued", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS.slice(0, 1));
  rmSync(join(dir, "pki/ca.key"));
  t.strictSame((await ensurePki(dir, HOSTS.slice(0, 1))).changed, []);
  t.strictSame(await usageLines(() => ensurePki(dir, HOSTS)), [
    `${dir}/pki/ca.key: is missing, and certificates have to be issued; put it back (or move ${dir}/pki aside to make a new CA)`,
  ]);
});

t.test("a crash between the CA's key and its certificate is gone on from", async (t) => {
  const dir = inventoryFolder(t);
  const first = await ensurePki(dir, HOSTS);
  rmSync(join(dir, "pki/ca.crt"));
  const key = readFileSync(join(dir, "pki/ca.key"), "utf8");
  const second = await ensurePki(dir, HOSTS);
  t.equal(readFileSync(join(dir, "pki/ca.key"), "utf8"), key);
  t.ok(new X509Certificate(first.hosts.get("nats-node-1")!.cert).verify(new X509Certificate(second.ca).publicKey));
});

t.test("what can't be right is refused", async (t) => {
  const broken = async (t: { teardown(fn: () => void): void }, harm: (pki: string) => void): Promise<readonly string[]> => {
    const dir = inventoryFolder(t);
    await ensurePki(dir, HOSTS.slice(0, 1));
    harm(join(dir, "pki"));
    return (await usageLines(() => ensurePki(dir, HOSTS))).map((line) => line.replaceAll(dir, "DIR"));
  };
  t.test("a key that others may read", async (t) =>
    t.strictSame(await broken(t, (pki) => chmodSync(join(pki, "ca.key"), 0o640)), [
      "DIR/pki/ca.key: holds a secret and others may read it; run: chmod 600 DIR/pki/ca.key",
    ]),
  );
  t.test("the key of another CA", async (t) =>
    t.strictSame(await broken(t, (pki) => writeFileSync(join(pki, "ca.key"), readFileSync(join(pki, "nats-node-1.key")))), [
      "DIR/pki/ca.key: isn't the key of ca.crt beside it; put the right one back",
    ]),
  );
  t.test("a key that is none", async (t) =>
    t.strictSame(await broken(t, (pki) => writeFileSync(join(pki, "nats-node-1.key"), "x")), [
      "DIR/pki/nats-node-1.key: isn't an unencrypted P-256 private key in PEM; put the right one back, or remove it to have a new one made",
    ]),
  );
  t.test("a CA that is none", async (t) =>
    t.strictSame(await broken(t, (pki) => writeFileSync(join(pki, "ca.crt"), "x")), ["DIR/pki/ca.crt: isn't a certificate in PEM; put the right one back"]),
  );
  t.test("a folder where a file should be", async (t) =>
    t.strictSame(await broken(t, (pki) => mkdirSync(join(pki, "nats-node-2.key"))), [
      "DIR/pki/nats-node-2.key: can't be read (EISDIR); make it a file that you can read",
    ]),
  );
});

t.test("an expired CA is refused, with the way out", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, []);
  const path = join(dir, "pki/ca");
  const ended = new Date(Date.now() - 60_000);
  writeFileSync(`${path}.crt`, await selfSign("old CA", createPrivateKey(readFileSync(`${path}.key`)), ended));
  t.strictSame(await usageLines(() => ensurePki(dir, HOSTS)), [
    `${path}.crt: the region's CA expired on ${ended.toISOString().slice(0, 10)}; move ${dir}/pki aside and run again to make a new one`,
  ]);
});

t.test("host names that would clash with the CA's files or leave the folder are refused", async (t) => {
  const dir = inventoryFolder(t);
  for (const name of ["ca", "../x"])
    t.strictSame(await usageLines(() => ensurePki(dir, [{ name, serverName: "n1", address: "10.0.0.1" }])), [
      `${dir}: a host can't be called "${name}", its certificate is kept under that name; choose another`,
    ]);
  t.notOk(existsSync(join(dir, "pki")));
});

t.test("an address that is none is refused", async (t) => {
  t.strictSame(await usageLines(() => ensurePki(inventoryFolder(t), [{ name: "n", serverName: "n1", address: "10.0.0.1 " }])), [
    'n: address "10.0.0.1 " is neither an IP address nor a DNS name; correct it',
  ]);
});
