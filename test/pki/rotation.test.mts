import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ensurePki } from "../../lib/pki/ca.mts";
import { beginRenewal, endRenewal, renewal } from "../../lib/pki/renewal.mts";
import { apply, caPhase, dropOld, signWithNew, trustNew } from "../../lib/pki/rotation.mts";
import { contents, inventoryFolder, usageLines } from "./fixture.mts";

const HOSTS = [
  { name: "nats-node-1", serverName: "n1", address: "10.0.0.1" },
  { name: "nats-node-2", serverName: "n2", address: "10.0.0.2" },
];
const pems = (text: string): string[] => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];

/** Whether openssl trusts a host's certificate by a bundle. */
function trusted(dir: string, bundle: string, cert: string): boolean {
  const [ca, leaf] = [join(dir, "bundle.tmp"), join(dir, "leaf.tmp")];
  writeFileSync(ca, bundle);
  writeFileSync(leaf, cert);
  try {
    execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, leaf], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

t.test("from one CA to the next: at each step every certificate is trusted by those of the step before and after", async (t) => {
  const dir = inventoryFolder(t);
  const one = await ensurePki(dir, HOSTS);
  t.equal(caPhase(dir), "single");

  apply(dir, await trustNew(dir));
  t.equal(caPhase(dir), "trusted");
  const two = await ensurePki(dir, HOSTS);
  t.same(two.changed, [], "no certificate changes");
  t.same(pems(two.ca)[0], one.ca, "the old one is still trusted");
  t.equal(pems(two.ca).length, 2);
  t.not(new X509Certificate(pems(two.ca)[1]!).subject, new X509Certificate(one.ca).subject, "they have names of their own");

  apply(dir, signWithNew(dir));
  t.equal(caPhase(dir), "switched");
  const three = await ensurePki(dir, HOSTS);
  t.same(
    three.changed,
    HOSTS.map((h) => `${h.name}.crt: signed by another CA`),
  );
  for (const { name } of HOSTS) {
    t.ok(trusted(dir, two.ca, three.hosts.get(name)!.cert), "who has the bundle trusts the new certificates");
    t.ok(trusted(dir, three.ca, one.hosts.get(name)!.cert), "and still the old ones");
    t.notOk(trusted(dir, one.ca, three.hosts.get(name)!.cert), "who has the old CA alone doesn't: that is what the step in between is for");
  }
  t.same((await ensurePki(dir, HOSTS)).changed, [], "a rerun changes nothing");

  apply(dir, dropOld(dir));
  t.equal(caPhase(dir), "single");
  const four = await ensurePki(dir, HOSTS);
  t.same(four.changed, []);
  t.ok(trusted(dir, four.ca, three.hosts.get("nats-node-1")!.cert));
  t.notOk(trusted(dir, four.ca, one.hosts.get("nats-node-1")!.cert), "the old CA is trusted no longer");
  for (const key of ["ca.key", "nats-node-1.key"]) t.equal(statSync(join(dir, "pki", key)).mode & 0o777, 0o600);
  t.notOk(existsSync(join(dir, "pki/ca-next.key")));
});

t.test("each step again changes nothing, and none does another's work", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  t.equal(signWithNew(dir).size + dropOld(dir).size, 0, "nothing to switch to or to drop");
  apply(dir, await trustNew(dir));
  const files = contents(dir);
  t.equal((await trustNew(dir)).size + dropOld(dir).size, 0);
  apply(dir, signWithNew(dir));
  t.notSame(contents(dir), files);
  t.equal((await trustNew(dir)).size + signWithNew(dir).size, 0);
});

t.test("a look ahead writes nothing", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  const files = contents(dir);
  const ahead = await trustNew(dir);
  t.equal(pems((await ensurePki(dir, HOSTS, { dryRun: true, instead: ahead })).ca).length, 2);
  const renewed = await ensurePki(dir, HOSTS, { dryRun: true, instead: renewal(dir, Date.now() + 2000).file });
  t.same(
    renewed.changed,
    HOSTS.map((h) => `${h.name}.crt: renewal asked for`),
  );
  t.same(contents(dir), files);
});

t.test("a crash between any two files leaves a phase from which the next run goes on", async (t) => {
  await t.test("the new key is there, and not yet its certificate", async (t) => {
    const dir = inventoryFolder(t);
    await ensurePki(dir, HOSTS);
    const next = (await trustNew(dir)).get("ca-next.key")!;
    writeFileSync(join(dir, "pki/ca-next.key"), next, { mode: 0o600 });
    t.equal(caPhase(dir), "single");
    apply(dir, await trustNew(dir));
    t.equal(readFileSync(join(dir, "pki/ca-next.key"), "utf8"), next, "goes on with that key");
    t.equal(caPhase(dir), "trusted");
  });
  await t.test("the new key signs, and ca.crt isn't in its order yet", async (t) => {
    const dir = inventoryFolder(t);
    await ensurePki(dir, HOSTS);
    apply(dir, await trustNew(dir));
    const [, fresh] = pems(readFileSync(join(dir, "pki/ca.crt"), "utf8"));
    renameSync(join(dir, "pki/ca-next.key"), join(dir, "pki/ca.key"));
    t.equal(caPhase(dir), "switched");
    const { hosts } = await ensurePki(dir, HOSTS);
    t.ok(new X509Certificate(hosts.get("nats-node-1")!.cert).verify(new X509Certificate(fresh!).publicKey), "certificates come from the new one");
    apply(dir, dropOld(dir));
    t.equal(readFileSync(join(dir, "pki/ca.crt"), "utf8"), fresh);
  });
});

t.test("certificates are renewed on demand: new keys, once", async (t) => {
  const dir = inventoryFolder(t);
  const before = await ensurePki(dir, HOSTS);
  const now = Date.now() + 2000; // certificates tell whole seconds
  beginRenewal(dir, renewal(dir, now).file);
  const after = await ensurePki(dir, HOSTS.slice(0, 1));
  t.not(after.hosts.get("nats-node-1")!.key.reveal(), before.hosts.get("nats-node-1")!.key.reveal(), "a new key");
  const again = renewal(dir, now + 60_000);
  t.ok(again.underWay, "what was interrupted is gone on with");
  t.equal(again.file.get("renew"), readFileSync(join(dir, "pki/renew"), "utf8"), "by the same moment");
  t.notOk(renewal(dir, now + 90_000_000).underWay, "but not days later");
  endRenewal(dir);
  t.same((await ensurePki(dir, HOSTS)).changed, [], "ended");
});

t.test("a renewal without the CA's key says so, and replaces no key", async (t) => {
  const dir = inventoryFolder(t);
  await ensurePki(dir, HOSTS);
  beginRenewal(dir, renewal(dir, Date.now() + 2000).file);
  renameSync(join(dir, "pki/ca.key"), join(dir, "elsewhere.key"));
  const files = contents(dir);
  t.match(await usageLines(() => ensurePki(dir, HOSTS)), [/ca\.key: is missing, and certificates have to be issued/]);
  t.same(contents(dir), files);
});
