import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { handler, type Resource, resource } from "../../lib/engine/resource.mts";
import { type Host, UsageError } from "../../lib/inventory/types.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { sh } from "../../lib/sh.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { connectionTo } from "../resources/host.mts";
import { counts, startRun } from "./fixture.mts";

t.setTimeout(600_000);

/** A file that must be there; with `broken`, one that can't be made. */
const flag = (name: string, { broken = false, needs = [] as string[], skip: why }: { broken?: boolean; needs?: string[]; skip?: string } = {}): Resource =>
  resource({
    type: "flag",
    name,
    needs,
    skip: why,
    check: sh`[ -e ${`/root/flags/${name}`} ] || differs state absent present`,
    apply: broken ? sh`echo "can't make it"; exit 3` : sh`mkdir -p /root/flags && : >${`/root/flags/${name}`}`,
  });
const role = (name: string, resources: (host: Host) => Resource[], more: Partial<HostRole<unknown, unknown>> = {}): HostRole<unknown, unknown> => ({
  kind: "host",
  name,
  prepare: async () => undefined,
  resources: ({ host }) => resources(host),
  ...more,
});

t.test("a run over two hosts", { skip }, async (t) => {
  const lab = testLab(t, "run");
  await lab.up({ nodes: 2 });
  const names = ["nats-node-1", "nats-node-2"];
  const hosts: Host[] = await Promise.all(
    names.map(async (name) => ({ name, groups: [], connection: { ...(await connectionTo(lab, name)), options: { ConnectTimeout: "5" } }, vars: {} })),
  );
  const nowhere: Host = { ...hosts[1]!, name: "nowhere", connection: { ...hosts[1]!.connection, port: 1 } };
  const clean = () => Promise.all(names.map((n) => lab.exec(n, ["rm", "-rf", "/root/flags"])));
  const flags = async (i: number): Promise<string> =>
    (await lab.exec(names[i]!, ["sh", "-c", "ls /root/flags 2>/dev/null"])).stdout.split("\n").filter(Boolean).join(" ");
  t.beforeEach(clean);

  t.test("0: done; and again, with nothing to do", async (t) => {
    const { run } = startRun(t, hosts);
    await run.hosts("p", [role("r", () => [flag("a"), flag("b")])]);
    t.same(run.recap, { [names[0]!]: counts({ changed: 2 }), [names[1]!]: counts({ changed: 2 }) });
    t.equal(run.exit, 0);
    await run.hosts("again", [role("r", () => [flag("a"), flag("b")])]);
    t.same(run.recap[names[0]!], counts({ changed: 2, ok: 2 }));
    await run.connections.close();
  });

  t.test("1: a failed task ends its host; the other goes on", async (t) => {
    const { run, ends } = startRun(t, hosts);
    await run.hosts("p", [role("r", (h) => [flag("a"), flag("b", { broken: h.name === names[0] }), flag("c")])]);
    await run.hosts("q", [role("s", () => [flag("d")])]);
    t.equal(run.exit, 1);
    t.equal(await flags(0), "a");
    t.equal(await flags(1), "a b c d");
    t.notOk(ends().includes("nats-node-1 flag d changed"));
    await run.connections.close();
  });

  t.test("2: --check finds drift, and changes nothing", async (t) => {
    const { run } = startRun(t, hosts, { check: true });
    await run.hosts("p", [role("r", () => [flag("a"), flag("b", { needs: ["flag a"] })])]);
    t.same(run.recap[names[0]!], counts({ drift: 1, unknown: 1 }));
    t.equal(run.exit, 2);
    t.equal(await flags(0), "");
    await run.connections.close();
  });

  t.test("0: --check with nothing to do; skipped is no drift", async (t) => {
    const { run } = startRun(t, hosts, { check: true });
    await run.hosts("p", [role("r", () => [flag("z", { skip: "not here" })])]);
    t.same(run.recap[names[0]!], counts({ skipped: 1 }));
    t.equal(run.exit, 0);
    await run.connections.close();
  });

  t.test("4: an unreachable host; the others are done", async (t) => {
    const { run, events } = startRun(t, [nowhere, hosts[0]!]);
    await run.hosts("p", [role("r", () => [flag("a")])]);
    await run.hosts("q", [role("s", () => [flag("b")])]);
    t.equal(run.exit, 4);
    t.equal(await flags(0), "a b");
    t.equal(events.filter((e) => e.type === "host_unreachable").length, 1, "told once");
    t.same(run.recap["nowhere"], counts({}));
    await run.connections.close();
  });

  t.test("4 beats 1, as what fails may follow from it", async (t) => {
    const { run } = startRun(t, [nowhere, hosts[0]!]);
    await run.hosts("p", [role("r", () => [flag("a", { broken: true })])]);
    t.equal(run.exit, 4);
    await run.connections.close();
  });

  t.test("130: stopped at a step boundary, and where", async (t) => {
    const { run } = startRun(
      t,
      [hosts[0]!],
      {},
      {
        onEvent: (e) => {
          if (e.type === "task_start" && e.task === "flag slow") run.stop("SIGINT");
        },
      },
    );
    const slow = resource({
      type: "flag",
      name: "slow",
      check: sh`[ -e /root/flags/slow ] || differs state absent present`,
      apply: sh`sleep 2; mkdir -p /root/flags; : >/root/flags/slow`,
    });
    await run.hosts("p", [role("r", () => [flag("a"), slow, flag("b"), flag("c")])]);
    await run.hosts("q", [role("s", () => [flag("d")])]);
    t.equal(run.exit, 130);
    t.equal(await flags(0), "a slow");
    t.same(run.whereStopped, ["nats-node-1: after flag slow (2 of 4)"]);
    await run.connections.close();
  });

  t.test("what doesn't fit the real host is found before anything is changed on any", async (t) => {
    const { run } = startRun(t, hosts, {}, { checkFacts: (h, { cpus }) => (h.name === names[1] ? [`x:1:2: ${cpus.length > 0}`] : []) });
    await t.rejects(run.hosts("p", [role("r", () => [flag("a")])]), new UsageError(["x:1:2: true"]));
    t.equal(await flags(0), "");
    await run.connections.close();
  });

  t.test("so is what the roles find while they prepare", async (t) => {
    const { run } = startRun(t, hosts);
    await t.rejects(
      run.hosts("p", [
        role("r", () => [flag("a")]),
        role("s", () => [], {
          prepare: async () => {
            throw new UsageError("cert.pem: is no certificate");
          },
        }),
      ]),
      new UsageError("cert.pem: is no certificate"),
    );
    t.equal(await flags(0), "");
    await run.connections.close();
  });

  t.test("prepare sees the whole inventory, the connected hosts, and whether it may write", async (t) => {
    const seen: unknown[] = [];
    for (const check of [true, false]) {
      const { run } = startRun(t, [nowhere, hosts[0]!], { check });
      await run.hosts("p", [
        role("r", () => [], {
          prepare: async ({ inventory, hosts, dryRun }) => {
            seen.push([inventory.hosts.length, hosts.map((h) => h.host.name), hosts[0]!.facts.init, dryRun]);
          },
        }),
      ]);
      await run.connections.close();
    }
    t.same(seen, [
      [2, ["nats-node-1"], "systemd", true],
      [2, ["nats-node-1"], "systemd", false],
    ]);
  });

  t.test("--role: only this role, and no host is connected for none", async (t) => {
    const { run, events } = startRun(t, [hosts[0]!], { roles: ["s"] });
    await run.hosts("none", [role("r", () => [flag("a")])]);
    t.same(events, []);
    await run.hosts("p", [role("r", () => [flag("a")]), role("s", () => [flag("b")])]);
    t.equal(await flags(0), "b");
    await run.connections.close();
  });

  t.test("--start-at-task: over several phases; handlers are looked at all the same", async (t) => {
    const due = handler("restart", { rolling: true, check: sh`differs a b c`, apply: sh`:` });
    const { run } = startRun(t, [hosts[0]!], { startAtTask: "flag d" });
    await run.hosts("p", [role("r", () => [flag("a"), flag("b").notify(due)])]);
    await run.hosts("q", [role("s", () => [flag("c"), flag("d")])]);
    await run.hosts("x", [role("u", () => [flag("e")])]);
    t.equal(await flags(0), "d e");
    t.equal(run.due.get(names[0]!)?.length, 1, "kept for the roll");
    await run.connections.close();
  });

  t.test("one operator at a time: the second is told who holds the host, and changes nothing", async (t) => {
    const first = startRun(t, [hosts[0]!]);
    await first.run.hosts("p", [role("r", () => [flag("a")])]);
    const second = startRun(t, [hosts[0]!]);
    await second.run.hosts("p", [role("r", () => [flag("b")])]);
    t.equal(second.run.exit, 4);
    t.match(
      second.events.find((e) => e.type === "host_unreachable"),
      { failure: { what: /^nats-node-1 is being worked on by \S+@\S+ test since/ } },
    );
    t.equal(await flags(0), "a");
    const looking = startRun(t, [hosts[0]!], { check: true });
    await looking.run.hosts("p", [role("r", () => [flag("a")])]);
    t.equal(looking.run.exit, 0, "--check needs no lock");
    for (const { run } of [first, second, looking]) await run.connections.close();
  });

  t.test("bytes that a host lacks are pushed, once", async (t) => {
    const dir = mkdtempSync(join(tmpdir(), "sampan-run-"));
    t.teardown(() => rmSync(dir, { recursive: true, force: true }));
    writeFileSync(join(dir, "x"), "payload");
    const { artifact } = await import("../../lib/resources/file.mts");
    const payload = { path: join(dir, "x"), size: 7, sha256: "239f59ed55e737c77147cf55ad0c1b030b6d7ee748a7426952f9b852d5a935e5" };
    const put = () => [artifact({ path: "/root/flags/x", payload })];
    const { run } = startRun(t, hosts);
    await run.hosts("p", [role("r", put)]);
    t.same(run.recap[names[1]!], counts({ changed: 1 }));
    rmSync(join(dir, "x"));
    await run.hosts("q", [role("r", put)]);
    t.same(run.recap[names[1]!], counts({ changed: 1, ok: 1 }));
    await run.connections.close();
  });
});
