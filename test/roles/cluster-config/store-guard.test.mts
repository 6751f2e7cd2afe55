import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { storeGuard } from "../../../lib/resources/store-guard.mts";
import { render } from "../../../lib/template.mts";
import { Disk, LocalHost, programOf } from "../../engine/local-host.mts";
import { shells } from "../../engine/shells.mts";
import { TestCluster, VERSIONS } from "../../nats/servers.mts";

t.setTimeout(600_000);

/** The guard on a store, in every shell that a host may have: its status, and what it says when it fails. */
async function guarded(t: Test, store: string, { conf = "/none", cluster = "hk", routes = ["10.0.0.2:6222", "10.0.0.3:6222"] } = {}): Promise<string[]> {
  const verdicts = new Set<string>();
  for (const [, shell] of shells.filter(([, , missing]) => !missing)) {
    const host = new LocalHost(t, shell, new Disk(t));
    const {
      ends: [end],
    } = await host.run(programOf("apply", storeGuard({ storeDir: store, conf, cluster, routes })));
    await host.close();
    verdicts.add(end!.failure ? `${end!.status}: ${end!.failure.what}` : end!.status);
  }
  return [...verdicts];
}

/** A copy of a server's store as it was left on the disk. */
function kept(t: Test, store: string): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-store-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(store, join(dir, "store"), { recursive: true });
  return join(dir, "store");
}

const create = async (cluster: TestCluster, name: string, replicas: number): Promise<void> => {
  const nc = await connectApp(cluster.target);
  const body = JSON.stringify({ name, subjects: [`${name}.>`], num_replicas: replicas });
  const answer = (await nc.request(`$JS.API.STREAM.CREATE.${name}`, body, { timeout: 20_000 })).json<{ error?: { description: string } }>();
  if (answer.error) throw new Error(answer.error.description);
  await nc.request(`${name}.1`, "x", { timeout: 10_000 });
  await nc.close();
};

for (const version of VERSIONS) {
  t.test(`stores of nats-server ${version}`, async (t) => {
    t.test("a standalone server's, while it has no stream", async (t) => {
      const store = await TestCluster.with(version, 1, async (c) => {
        await c.server("n1").stop("SIGTERM");
        return kept(t, join(c.server("n1").dir, "store"));
      });
      t.same(await guarded(t, store), ["ok"]);
    });

    t.test("a standalone server's with streams, ended well or killed", async (t) => {
      const stores = await TestCluster.with(version, 1, async (c) => {
        await create(c, "ORDERS", 1);
        await create(c, "A-b_c", 1);
        const killed = kept(t, join(c.server("n1").dir, "store"));
        await c.server("n1").stop("SIGTERM");
        return [killed, kept(t, join(c.server("n1").dir, "store"))];
      });
      for (const store of stores)
        t.same(await guarded(t, store), [`failed: ${store} holds streams of a standalone server: A-b_c ORDERS. In a cluster nats-server would delete them`]);
      // moved away, as the guard advises
      rmSync(join(stores[0]!, "jetstream"), { recursive: true });
      t.same(await guarded(t, stores[0]!), ["ok"]);
    });

    t.test("clustered servers', with R3 and R1 streams and without", async (t) => {
      const stores = await TestCluster.with(version, 3, async (c) => {
        await waitUntilSafe(c.target, {}, { settleMs: 0, timeoutMs: 60_000 });
        const empty = kept(t, join(c.server("n1").dir, "store"));
        await create(c, "R3", 3);
        await create(c, "R1", 1);
        return [empty, ...c.servers.map((s) => kept(t, join(s.dir, "store")))];
      });
      for (const store of stores) t.same(await guarded(t, store), ["ok"], readdirSync(join(store, "jetstream")).join(" "));
    });
  });
}

t.test("a store that isn't there yet, or holds something else", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sampan-store-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  t.same(await guarded(t, join(dir, "none")), ["ok"]);
  mkdirSync(join(dir, "lost+found"));
  writeFileSync(join(dir, "file"), "");
  t.same(await guarded(t, dir), ["ok"]);
  t.ok(existsSync(join(dir, "file")));
});

t.test("a cluster's store meets no other cluster; one that is only named anew keeps it", async (t) => {
  const store = mkdtempSync(join(tmpdir(), "sampan-store-"));
  t.teardown(() => rmSync(store, { recursive: true, force: true }));
  const conf = join(store, "nats-server.conf");
  const view = {
    ...{ server_name: "n1", listen: "", http_port: 1, tags: "", max_payload: 1, max_connections: 1, write_deadline: "", ping_interval: "", ping_max: 1 },
    ...{ lame_duck_duration: "", lame_duck_grace_period: "", accounts: [], jetstream: false, links: "" },
    cluster: { name: "hk", listen: "", pooling: false, routes: ["10.0.0.2:6222", "[fe80::1%25eth0]:6222"] },
  };
  writeFileSync(conf, render(new URL("../../../roles/cluster-config/templates/nats-server.conf.mustache", import.meta.url), view));
  const other = { conf, cluster: "sg", routes: ["10.0.0.2:6222", "10.0.1.1:6222"] };
  t.same(await guarded(t, store, other), ["ok"], "an empty store may go anywhere");
  mkdirSync(join(store, "jetstream/SYS/_js_/_meta_"), { recursive: true });
  t.same(await guarded(t, store, other), [
    `failed: ${store} is the store of cluster hk, and as one of sg this host would have a route to 10.0.1.1:6222, which is none of that cluster's. Their meta groups would mix, and streams be lost`,
  ]);
  t.same(await guarded(t, store, { ...other, routes: view.cluster.routes }), ["ok"], "named anew");
  t.same(await guarded(t, store, { ...other, cluster: "hk" }), ["ok"], "its cluster grows");
  t.same(await guarded(t, store, { ...other, conf: "/none" }), ["ok"], "nobody knows whose it was");
});

t.test("the guard changes nothing, also under --check", async (t) => {
  const store = mkdtempSync(join(tmpdir(), "sampan-store-"));
  t.teardown(() => rmSync(store, { recursive: true, force: true }));
  mkdirSync(join(store, "jetstream/APP/streams/S"), { recursive: true });
  const host = new LocalHost(t, ["sh"], new Disk(t));
  const {
    ends: [end],
  } = await host.run(programOf("check", storeGuard({ storeDir: store, conf: "/none", cluster: "hk", routes: [] })));
  t.match(end, { status: "failed", failure: { next: /migrate\.mts/ } });
  t.ok(existsSync(join(store, "jetstream/APP/streams/S")));
});
