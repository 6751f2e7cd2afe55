import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { certificates } from "../../nats/certificates.mts";
import { folder, Rendered } from "./fixture.mts";

const HOSTS = "nats:\n  hosts:\n    n1: { address: 10.0.0.1 }\n    n2: { address: 10.0.0.2 }\n    n3: { address: 10.0.0.3 }\n";
const content = (r: Rendered, path: string): string | undefined => r.resources("n1").find((one) => one.name === path)?.content;

t.test("without regions nothing of them is rendered", async (t) => {
  const r = await Rendered.of(folder(t, { "hosts.yml": HOSTS }));
  t.notOk(r.resources("n1").some((one) => /regions/.test(one.name)));
  t.notMatch(content(r, "/etc/nats/nats-server.conf"), /include|exports|imports/);
  t.notMatch(content(r, "/etc/nats/restart-only"), /regions/);
});

t.test("a region that may copy: its account holds what copying takes, and nothing else; two of them share nothing", async (t) => {
  const dir = folder(t, { "hosts.yml": HOSTS });
  const { ca, caPem } = certificates(dir, ["other"]);
  const regions = ["sg", "la"].map((name) => `  - { name: ${name}, ca: ${ca}, nkey_seed: "\${LINK_${name.toUpperCase()}}", streams: [LOGS] }\n`).join("");
  writeFileSync(join(dir, "group_vars/all.yml"), `regions:\n${regions}streams:\n  - { name: LOGS, subjects: [l] }\n  - { name: OTHER, subjects: [o] }\n`);
  const r = await Rendered.of(dir);
  const conf = content(r, "/etc/nats/nats-server.conf")!;
  t.match(conf, /\ninclude "\.\/regions\.conf"\n/);
  const account = (name: string): string => new RegExp(`^  "${name}" \\{$([^]*?)^  \\}$`, "m").exec(conf)![1]!;
  for (const region of ["sg", "la"]) {
    const text = account(`REGION-${region}`);
    t.notMatch(text, /jetstream: enabled/);
    t.match(text, `REGION.inv.to.${region}.>`);
    t.notMatch(text, `REGION.inv.to.${region === "sg" ? "la" : "sg"}.`);
    t.notMatch(text, /OTHER|"subject":">"|\$JS\.API\.>|CONSUMER\.>/);
  }
  t.match(account("APP"), '{"service":"$JS.API.CONSUMER.CREATE.LOGS","accounts":["REGION-sg","REGION-la"]}');
  t.notMatch(account("SYS"), /exports|imports/);
  const seeds = readFileSync(join(dir, ".env"), "utf8").match(/SU[A-Z2-7]{56}/g)!;
  t.equal(seeds.length, 4);
  for (const seed of seeds) t.notMatch(conf, seed);
  t.equal(content(r, "/etc/nats/regions.conf"), undefined, "never shown");
  t.match(content(r, "/etc/nats/tls/regions.crt"), caPem.trim());
  t.equal(content(r, "/etc/nats/tls/regions.crt")!.match(/BEGIN/g)!.length, 2, "its own CA and the other's, each once");
  t.match(content(r, "/etc/nats/restart-only"), /^regions = [0-9a-f]{64}$/m);
});
