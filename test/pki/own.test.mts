import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ownCertificates, type TlsFiles } from "../../lib/pki/own.mts";
import { inventoryFolder, usageLines } from "./fixture.mts";

// The certificates are made by openssl, as a user's would be.
const base = inventoryFolder(t);
const openssl = (...args: string[]): void => {
  execFileSync("openssl", args, { cwd: base, stdio: "pipe" });
};
const NAMES = "subjectAltName=DNS:n1.example.com,IP:10.0.0.1";
const BOTH = "extendedKeyUsage=serverAuth,clientAuth";

function ca(name: string, ...more: string[]): void {
  openssl(
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-subj",
    `/CN=${name}`,
    "-days",
    "3650",
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.crt`,
    "-addext",
    "basicConstraints=critical,CA:TRUE",
    ...more,
  );
}
function cert(name: string, issuer: string, extensions: string[], days = 365, subject = `/O=Example/CN=${name}`): void {
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", `${name}.key`, "-out", `${name}.csr`);
  chmodSync(join(base, `${name}.key`), 0o600);
  writeFileSync(join(base, `${name}.ext`), extensions.join("\n"));
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    "-CA",
    `${issuer}.crt`,
    "-CAkey",
    `${issuer}.key`,
    "-CAcreateserial",
    "-days",
    String(days),
    "-extfile",
    `${name}.ext`,
    "-out",
    `${name}.crt`,
  );
}
ca("root");
ca("stranger");
cert("good", "root", [NAMES, BOTH]);
cert("middle", "root", ["basicConstraints=critical,CA:TRUE"]);
cert("deep", "middle", [NAMES, BOTH]);
writeFileSync(join(base, "deep-chain.crt"), readFileSync(join(base, "deep.crt"), "utf8") + readFileSync(join(base, "middle.crt"), "utf8"));
cert("leaf-as-ca", "good", [NAMES, BOTH]);
writeFileSync(join(base, "leaf-as-ca-chain.crt"), readFileSync(join(base, "leaf-as-ca.crt"), "utf8") + readFileSync(join(base, "good.crt"), "utf8"));
cert("server-only", "root", [NAMES, "extendedKeyUsage=serverAuth"]);
cert("client-only", "root", [NAMES, "extendedKeyUsage=clientAuth"]);
cert("short", "root", [NAMES, BOTH], 10);
cert("nameless", "root", [BOTH], 365, "/CN=n1.example.com");
openssl("req", "-new", "-key", "good.key", "-subj", "/CN=ended", "-out", "ended.csr");
// openssl 3.0's x509 takes no past days but minus ones
openssl("x509", "-req", "-in", "ended.csr", "-CA", "root.crt", "-CAkey", "root.key", "-days", "-1", "-extfile", "good.ext", "-out", "ended.crt");
openssl("pkey", "-in", "good.key", "-aes256", "-passout", "pass:x", "-out", "locked.key");
writeFileSync(join(base, "text.pem"), "hello\n");

const host = (tls: Partial<TlsFiles>, address = "10.0.0.1"): Parameters<typeof ownCertificates>[1][0] => ({
  name: "node-1",
  serverName: "n1",
  address,
  tls: { ca: "root.crt", cert: "good.crt", key: "good.key", ...tls },
});
const lines = async (tls: Partial<TlsFiles>, address?: string): Promise<string[]> =>
  (await usageLines(() => ownCertificates(base, [host(tls, address)]))).map((line) => line.replaceAll(base, "DIR"));
const expiry = (file: string): string =>
  new Date(execFileSync("openssl", ["x509", "-in", file, "-noout", "-enddate"], { cwd: base, encoding: "utf8" }).trim().slice(9)).toISOString().slice(0, 10);

t.test("good certificates are taken as they are", async (t) => {
  const { ca, hosts, warnings, changed } = ownCertificates(base, [host({})]);
  t.equal(ca.trim(), readFileSync(join(base, "root.crt"), "utf8").trim());
  t.equal(hosts.get("node-1")!.cert, readFileSync(join(base, "good.crt"), "utf8"));
  t.equal(hosts.get("node-1")!.key.reveal(), readFileSync(join(base, "good.key"), "utf8"));
  t.strictSame([warnings, changed], [[], []]);
});

t.test("`{host}` in a path stands for the host's name", async (t) => {
  mkdirSync(join(base, "node-1"));
  for (const end of ["crt", "key"]) writeFileSync(join(base, `node-1/tls.${end}`), readFileSync(join(base, `good.${end}`)), { mode: 0o600 });
  t.ok(ownCertificates(base, [host({ cert: "{host}/tls.crt", key: "{host}/tls.key" })]).hosts.get("node-1"));
});

t.test("an address may be a DNS name", async (t) => {
  t.ok(ownCertificates(base, [host({}, "n1.example.com")]).hosts.get("node-1"));
});

t.test("intermediates after the certificate lead to the CA", async (t) => {
  t.ok(ownCertificates(base, [host({ cert: "deep-chain.crt", key: "deep.key" })]).hosts.get("node-1"));
});

t.test("nodes with certificates of different CAs get to know both", async (t) => {
  cert("other", "stranger", [NAMES, BOTH]);
  const { ca } = ownCertificates(base, [host({}), { ...host({ ca: "stranger.crt", cert: "other.crt", key: "other.key" }), name: "node-2" }]);
  t.equal(ca.match(/BEGIN CERTIFICATE/g)?.length, 2);
});

t.test("what runs out within 30 days is warned of", async (t) => {
  const { warnings } = ownCertificates(base, [host({ cert: "short.crt", key: "short.key" })]);
  t.strictSame(warnings, [`${base}/short.crt: O=Example, CN=short expires on ${expiry("short.crt")}; renew it`]);
});

t.test("a key that everybody may read is warned of", async (t) => {
  writeFileSync(join(base, "open.key"), readFileSync(join(base, "good.key")));
  chmodSync(join(base, "open.key"), 0o644);
  t.strictSame(ownCertificates(base, [host({ key: "open.key" })]).warnings, [
    `${base}/open.key: everybody on this machine may read it; run: chmod 600 ${base}/open.key`,
  ]);
});

t.test("a missing file", async (t) => t.strictSame(await lines({ cert: "none.crt" }), ["DIR/none.crt: there is no such file; correct the path under tls"]));
t.test("a file that isn't a certificate", async (t) =>
  t.strictSame(await lines({ ca: "text.pem" }), ["DIR/text.pem: holds no certificate in PEM (-----BEGIN CERTIFICATE-----); give one"]),
);
t.test("a file that isn't a key", async (t) =>
  t.strictSame(await lines({ key: "text.pem" }), ["DIR/text.pem: holds no private key in PEM (-----BEGIN PRIVATE KEY-----); give one"]),
);
t.test("an encrypted key", async (t) =>
  t.strictSame(await lines({ key: "locked.key" }), [
    "DIR/locked.key: is encrypted, and nats-server asks for no passphrase; give it decrypted (openssl pkey -in DIR/locked.key -out …)",
  ]),
);
t.test("the key of another certificate", async (t) =>
  t.strictSame(await lines({ key: "short.key" }), ["DIR/short.key: isn't the key of DIR/good.crt; give the key that the certificate was requested with"]),
);
t.test("a certificate of another CA", async (t) =>
  t.strictSame(await lines({ ca: "stranger.crt" }), [
    "DIR/good.crt: doesn't lead to DIR/stranger.crt (issued by CN=root); add the missing intermediates to the certificate, or give its CA",
  ]),
);
t.test("a missing intermediate", async (t) =>
  t.strictSame(await lines({ cert: "deep.crt", key: "deep.key" }), [
    "DIR/deep.crt: doesn't lead to DIR/root.crt (issued by O=Example, CN=middle); add the missing intermediates to the certificate, or give its CA",
  ]),
);
t.test("a certificate signed by one that is no CA", async (t) =>
  t.strictSame(await lines({ cert: "leaf-as-ca-chain.crt", key: "leaf-as-ca.key" }), [
    "DIR/leaf-as-ca-chain.crt: doesn't lead to DIR/root.crt (issued by O=Example, CN=good); add the missing intermediates to the certificate, or give its CA",
  ]),
);
t.test("an expired certificate", async (t) =>
  t.strictSame(await lines({ cert: "ended.crt" }), [`DIR/ended.crt: CN=ended expired on ${expiry("ended.crt")}; renew it`]),
);
t.test("a certificate for another address", async (t) =>
  t.strictSame(await lines({}, "10.0.0.2"), [
    "DIR/good.crt: isn't for node-1's address 10.0.0.2 (it is for n1.example.com, 10.0.0.1); have the address added as a subject alternative name",
  ]),
);
t.test("an address in the common name only, which no client looks at", async (t) =>
  t.strictSame(await lines({ cert: "nameless.crt", key: "nameless.key" }, "n1.example.com"), [
    "DIR/nameless.crt: isn't for node-1's address n1.example.com (it is for no name at all); have the address added as a subject alternative name",
  ]),
);
t.test("a certificate for servers only", async (t) =>
  t.strictSame(await lines({ cert: "server-only.crt", key: "server-only.key" }), [
    "DIR/server-only.crt: isn't allowed as a client's (no clientAuth), and nodes are each other's clients; have it issued with serverAuth and clientAuth",
  ]),
);
t.test("a certificate for clients only", async (t) =>
  t.strictSame(await lines({ cert: "client-only.crt", key: "client-only.key" }), [
    "DIR/client-only.crt: isn't allowed as a server's (no serverAuth); have it issued with serverAuth and clientAuth",
  ]),
);

t.test("all faults of all hosts come at once", async (t) => {
  const found = await usageLines(() => ownCertificates(base, [host({ key: "short.key" }, "10.0.0.2"), { ...host({ cert: "none.crt" }), name: "node-2" }]));
  t.equal(found.length, 3);
});
