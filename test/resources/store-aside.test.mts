import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { connectApp } from "../../lib/nats/connect.mts";
import { asideOf, storeAside } from "../../lib/resources/store-aside.mts";
import { quote } from "../../lib/sh.mts";
import { Disk, LocalHost, programOf } from "../engine/local-host.mts";
import { shells } from "../engine/shells.mts";
import { create, fill, ready } from "../nats/backup/fixture.mts";
import { TestCluster, VERSIONS } from "../nats/servers.mts";

t.setTimeout(300_000);

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-aside-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Its status in every shell that a host may have, and what it says when it fails. The host has no server that would have to be stopped. */
async function aside(t: Test, mode: "apply" | "check", store: string, saved: string[]): Promise<string> {
  const verdicts = new Set<string>(),
    commands = folder(t);
  for (const command of ["systemctl", "pidof"]) {
    writeFileSync(join(commands, command), "#!/bin/sh\n");
    chmodSync(join(commands, command), 0o755);
  }
  for (const [, shell] of mode === "check" ? shells.filter(([, , missing]) => !missing) : [["", ["sh"], false] as const]) {
    const host = new LocalHost(t, shell, new Disk(t), `mkdir -p /usr/local/sbin && mount --bind ${quote(commands)} /usr/local/sbin`);
    const {
      ends: [end],
    } = await host.run(programOf(mode, storeAside({ storeDir: store, unit: "nats-server", saved })));
    await host.close();
    verdicts.add(end!.failure ? `${end!.status}: ${end!.failure.what}` : end!.status);
  }
  return [...verdicts].join(" | ");
}

/** The store of a server alone: ORDERS and LOGS in files, CACHE in memory, all in the account APP. */
async function alone(t: Test, version: string): Promise<string> {
  const dir = folder(t);
  await TestCluster.with(version, 1, async (servers) => {
    const nc = await connectApp(servers.target);
    await ready(nc, 1);
    await create(nc, "ORDERS");
    await fill(nc, 5, () => "ORDERS.x");
    await create(nc, "LOGS");
    await create(nc, "CACHE", { storage: "memory" });
    await nc.close();
    await servers.server("n1").stop("SIGTERM");
    cpSync(join(servers.server("n1").dir, "store"), dir, { recursive: true });
  });
  return dir;
}
const ALL = ["LOGS", "ORDERS"];

for (const version of VERSIONS) {
  t.test(`the store of nats-server ${version} alone`, async (t) => {
    const store = await alone(t, version),
      streams = join(store, "jetstream/APP/streams");
    t.equal(await aside(t, "check", store, ALL), "drift", "what is in memory has no folder");
    t.match(await aside(t, "check", store, ["LOGS"]), /^failed: .* holds the stream ORDERS \(account APP\), which wasn't saved$/);
    t.match(await aside(t, "check", folder(t), ALL), /^failed: .* holds none of the old server's streams$/);

    await t.test("another account has a stream of a saved name", async (t) => {
      cpSync(join(streams, "ORDERS"), join(store, "jetstream/OTHER/streams/ORDERS"), { recursive: true });
      t.match(await aside(t, "apply", store, ALL), /^failed: .* holds streams of two accounts, APP and OTHER \(ORDERS\), and those of one are saved$/);
      t.ok(existsSync(streams), "nothing is moved");
      rmSync(join(store, "jetstream/OTHER"), { recursive: true });
    });

    await t.test("it was in a cluster once", async (t) => {
      const meta = join(store, "jetstream/$SYS/_js_/_meta_");
      mkdirSync(meta, { recursive: true });
      t.match(await aside(t, "apply", store, ALL), /^failed: .*_meta_ is of a cluster, and .*jetstream\.standalone isn't there/);
      t.ok(existsSync(streams), "nothing is moved");
      rmSync(meta, { recursive: true });
    });

    t.equal(await aside(t, "apply", store, ALL), "changed");
    t.ok(existsSync(join(asideOf(store), "APP/streams/ORDERS")));
    t.equal(await aside(t, "check", store, ALL), "ok");
    // then the cluster's own is there
    mkdirSync(join(store, "jetstream/$SYS/_js_/_meta_"), { recursive: true });
    mkdirSync(join(streams, "ORDERS"), { recursive: true });
    t.equal(await aside(t, "check", store, ALL), "ok");
  });
}

t.test("a server without streams in files is stopped too, and that is known of a rerun", async (t) => {
  const store = folder(t);
  t.equal(await aside(t, "apply", store, []), "changed");
  mkdirSync(join(store, "jetstream/$SYS/_js_/_meta_"), { recursive: true });
  t.equal(await aside(t, "apply", store, []), "ok");
});
