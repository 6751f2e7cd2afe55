import t from "tap";
import { plan } from "../../../lib/engine/compile.mts";
import { type Facts, TYPICAL } from "../../../lib/engine/facts.mts";
import { idOf, type Resource } from "../../../lib/engine/resource.mts";
import type { LoadedInventory } from "../../../lib/inventory/load.mts";
import { natsInstall, releaseOf } from "../../../roles/nats-install/tasks.mts";
import { compareVersions, oldestVersion, skippedMinors } from "../../../roles/nats-install/version.mts";
import type { Vars } from "../../../roles/schema.mts";
import { HOSTS, load } from "../../inventory/fixture.mts";
import { skip, testLab } from "../../lab/fixture.mts";
import { serverBinary, VERSIONS } from "../../nats/servers.mts";
import { run, sessionWith } from "../../resources/host.mts";

t.setTimeout(600_000);

const facts: Facts = TYPICAL;
const inventoryOf = (vars: string): LoadedInventory<Vars> => load({ "hosts.yml": HOSTS, "group_vars/all.yml": vars });

/** What the role asks of each host of an inventory. */
async function resources(inventory: LoadedInventory<Vars>): Promise<Map<string, Resource[]>> {
  const prepared = await natsInstall.prepare({ inventory, hosts: inventory.hosts.map((host) => ({ host, facts })), dryRun: true, warn: () => {} });
  return new Map(inventory.hosts.map((host) => [host.name, natsInstall.resources({ host, vars: host.vars, facts, inventory, prepared })]));
}
const names = (list: readonly Resource[]): string[] => list.map(idOf);

t.test("versions lie side by side, and the link says which runs", async (t) => {
  const file = await serverBinary("2.15.1");
  const list = (await resources(inventoryOf(`nats_source: { file: ${file} }\n`))).get("n1")!;
  t.same(names(list), [
    "group nats",
    "user nats",
    "directory /var/lib/nats",
    "artifact /opt/nats-server/2.15.1/nats-server",
    "symlink /usr/local/bin/nats-server",
  ]);
  t.equal(releaseOf("2.10.27"), "/opt/nats-server/2.10.27/nats-server");
});

t.test("one program for all hosts, found once", async (t) => {
  const all = await resources(inventoryOf(`nats_source: { file: '${(await serverBinary("2.15.1")).replace("2.15.1", "{version}")}' }\n`));
  const payloads = new Set([...all.values()].flatMap((list) => list.flatMap((r) => r.payloads ?? [])).map((p) => p.sha256));
  t.equal(payloads.size, 1);
});

t.test("hosts with different versions each get theirs", async (t) => {
  const pattern = (await serverBinary("2.15.1")).replace("2.15.1", "{version}");
  await serverBinary("2.10.27");
  const inventory = load({ "hosts.yml": HOSTS, "group_vars/all.yml": `nats_source: { file: '${pattern}' }\n`, "host_vars/n2.yml": "nats_version: 2.10.27\n" });
  const all = await resources(inventory);
  t.ok(names(all.get("n1")!).includes("artifact /opt/nats-server/2.15.1/nats-server"));
  t.ok(names(all.get("n2")!).includes("artifact /opt/nats-server/2.10.27/nats-server"));
  t.match(inventory.warnings.join("\n"), /n2 has nats_version 2\.10\.27 and n1 2\.15\.1/);
});

t.test("a program of another version than the inventory's is refused on the controller", async (t) => {
  const file = await serverBinary("2.10.27");
  await t.rejects(resources(inventoryOf(`nats_source: { file: ${file} }\n`)), { message: /2\.10\.27/ });
});

t.test("nats_fetch: host gives the host the URL and its checksum", async (t) => {
  const sum = "a".repeat(64);
  const [list] = (
    await resources(inventoryOf(`nats_fetch: host\nnats_source: { url: "http://10.9.9.9/nats-server-v{version}-linux-{arch}.tar.gz", sha256: ${sum} }\n`))
  ).values();
  const fetched = list!.find((r) => r.type === "fetched")!;
  t.match(fetched.apply.text, `${sum} http://10.9.9.9/nats-server-v2.15.1-linux-amd64.tar.gz nats-server-v2.15.1-linux-amd64/nats-server`);
});

t.test("--list-tasks needs nothing prepared", async (t) => {
  const {
    hosts: [host],
    ...inventory
  } = inventoryOf("");
  const list = natsInstall.resources({ host: host!, vars: host!.vars, facts, inventory: { ...inventory, hosts: [host!] }, prepared: undefined as never });
  t.equal(plan([{ role: "nats-install", resources: list }]).length, 5);
});

t.test("versions are compared as numbers, pre-releases before their release", async (t) => {
  const order = ["2.9.10", "2.10.0", "2.10.9", "2.10.27", "2.15.0-RC.1", "2.15.0-RC.2", "2.15.0", "2.15.1", "10.0.0"];
  t.same([...order].reverse().sort(compareVersions), order);
  t.equal(compareVersions("2.15.1", "2.15.1"), 0);
  t.equal(oldestVersion(["2.15.1", "2.9.10", "2.10.27"]), "2.9.10");
});

t.test("the way up goes over every minor release that has a step of its own", async (t) => {
  t.same(skippedMinors("2.10.27", "2.15.1"), ["2.12", "2.14"]);
  t.same(skippedMinors("2.9.25", "2.12.0"), ["2.10"]);
  t.same(skippedMinors("2.11.9", "2.14.0"), ["2.12"]);
  for (const [from, to] of [
    ["2.10.27", "2.12.4"],
    ["2.10.27", "2.11.9"],
    ["2.12.4", "2.14.0"],
    ["2.14.0", "2.15.1"],
    ["2.15.0", "2.15.1"],
    ["2.15.1", "2.10.27"],
    ["2.10.27", "2.10.27"],
  ] as const)
    t.same(skippedMinors(from, to), [], `${from} → ${to}`);
});

t.test("on a host", { skip }, async (t) => {
  const lab = testLab(t, "inst");
  await lab.up({ nodes: 1 });
  const session = await sessionWith(t, lab, "nats-node-1");
  const sh = async (script: string): Promise<string> => (await lab.exec("nats-node-1", ["sh", "-c", script])).stdout.trim();
  const of = async (version: string): Promise<Resource[]> =>
    [...(await resources(inventoryOf(`nats_version: ${version}\nnats_source: { file: ${await serverBinary(version)} }\n`))).values()][0]!;
  const runs = () => sh("nats-server --version");

  t.test("a bare one: --check writes nothing, the run installs, the next changes nothing", async (t) => {
    const list = await of("2.10.27");
    const foreseen = await run(session, list, "check");
    t.equal(foreseen.outcome.counts.failed, 0);
    t.equal(await sh("ls -A /opt; ls -A /usr/local/bin; id nats 2>/dev/null"), "");
    t.equal((await run(session, list)).outcome.counts.changed, list.length);
    t.equal(await runs(), "nats-server: v2.10.27");
    t.equal((await run(session, list)).outcome.counts.ok, list.length);
    t.equal(
      await sh("stat -c '%U:%G %a' /opt/nats-server/2.10.27/nats-server /var/lib/nats; getent passwd nats | cut -d: -f6,7"),
      "root:root 755\nnats:nats 750\n/var/lib/nats:/usr/sbin/nologin",
    );
  });

  t.test("forward and back is a matter of the link, and nothing is pushed twice", async (t) => {
    await run(session, await of("2.15.1"));
    t.equal(await runs(), "nats-server: v2.15.1");
    const back = await run(session, await of("2.10.27"));
    t.same(
      Object.values(back.tasks)
        .filter((e) => e.status === "changed")
        .map((e) => e.task),
      ["symlink /usr/local/bin/nats-server"],
    );
    t.equal(await runs(), "nats-server: v2.10.27");
    t.equal(await sh("ls /opt/nats-server"), VERSIONS.join("\n"));
  });

  t.test("a program that was tampered with is put right, also while it runs", async (t) => {
    await sh(
      "nats-server -a 127.0.0.1 >/dev/null 2>&1 & sleep 0.5; cp /opt/nats-server/2.10.27/nats-server /tmp/x; echo evil >>/tmp/x; mv /tmp/x /opt/nats-server/2.10.27/nats-server",
    );
    const ran = await run(session, await of("2.10.27"));
    t.match(ran.tasks["artifact /opt/nats-server/2.10.27/nats-server"], { status: "changed", changes: [{ attribute: "content" }] });
    t.equal(ran.outcome.ok, true);
    await sh("kill $(pidof nats-server)");
  });

  t.test("somebody else's program in the link's place is seen", async (t) => {
    await sh("rm /usr/local/bin/nats-server; echo mine >/usr/local/bin/nats-server");
    const checked = await run(session, await of("2.10.27"), "check");
    t.match(checked.tasks["symlink /usr/local/bin/nats-server"], {
      status: "drift",
      changes: [{ attribute: "type", current: "regular file", desired: "symbolic link" }],
    });
  });
});
