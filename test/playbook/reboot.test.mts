import t from "tap";
import type { Event } from "../../lib/engine/events.mts";
import { handler, type Resource, resource } from "../../lib/engine/resource.mts";
import type { Host } from "../../lib/inventory/types.mts";
import type { Options } from "../../lib/playbook/cli.mts";
import { comeBack } from "../../lib/playbook/reboot.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { type Gate, roll } from "../../lib/playbook/roll.mts";
import { Run } from "../../lib/playbook/run.mts";
import { sh } from "../../lib/sh.mts";
import { reboot } from "../../roles/kernel-tuning/handlers.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { connectionTo } from "../resources/host.mts";
import { OPTIONS } from "./fixture.mts";

const open: Gate<unknown> = { order: async (hosts) => hosts, before: async () => {}, after: async () => {} };

/** A role that asks for the reboot, and for nothing else. */
const role = (name: string): HostRole<unknown, void> => ({
  kind: "host",
  name,
  prepare: async () => {},
  resources: (): Resource[] => [resource({ type: "nothing", name: "to do", check: sh`:`, apply: sh`:` }).notify(reboot)],
});

t.test("the role's reboot, rolled over two hosts", { skip }, async (t) => {
  const lab = testLab(t, "reboot");
  await lab.up({ nodes: 2 });
  const names = ["nats-node-1", "nats-node-2"];
  const hosts: Host[] = await Promise.all(names.map(async (name) => ({ name, groups: [], connection: await connectionTo(lab, name), vars: {} })));
  const exec = async (name: string, script: string): Promise<string> => (await lab.exec(name, ["sh", "-c", script])).stdout.trim();
  const bootId = (name: string) => exec(name, "cat /proc/sys/kernel/random/boot_id");
  // an argument that the machine's kernel really has, and that sampan has "taken back" during this boot
  const argument = (await exec(names[0]!, "cat /proc/cmdline")).split(" ")[0]!;
  const takeBack = (name: string) => exec(name, `mkdir -p /run/sampan; echo '${argument}' >/run/sampan/kernel-args.removed`);

  const start = (own: Partial<Options> = {}): { run: Run<unknown>; events: Event[] } => {
    const events: Event[] = [];
    const run = new Run<unknown>({
      playbook: "test",
      options: { ...OPTIONS, ...own },
      inventory: { region: "r", dir: "", hosts, groups: new Map(), warnings: [] },
      hosts,
      reporter: { event: (e) => events.push(e), end: () => {} },
      writes: true,
      storeDir: () => "/var/lib/nats",
      checkFacts: () => [],
    });
    t.teardown(() => run.connections.close());
    return { run, events };
  };
  const ends = (events: readonly Event[]): string[] =>
    events.flatMap((e) => (e.type === "task_end" && e.task.includes("reboot") ? [`${e.lane} ${e.task} ${e.status}`] : []));

  const failures = (events: readonly Event[]) => events.flatMap((e) => ("failure" in e && e.failure ? [e.failure] : []));

  t.test("one after the other, each waited for; then it is no longer due", async (t) => {
    await Promise.all(names.map(takeBack));
    const before = await Promise.all(names.map(bootId));
    const { run, events } = start();
    await run.hosts("tune", [role("kernel-tuning")]);
    t.same(
      names.map((n) => run.due.get(n)?.length),
      [1, 1],
    );
    const up: string[][] = [];
    await roll(run, reboot, {
      ...open,
      after: async (host) => {
        up.push([host.name, ...(await Promise.all(names.map(bootId)))]);
      },
    });
    t.same(
      ends(events),
      names.flatMap((n) => [`${n} handler reboot changed`, `${n} back after reboot ok`]),
    );
    t.equal(up[0]?.[2], before[1], "the second had not been touched when the first was back");
    for (const i of [0, 1]) t.not(up[1]![i + 1], before[i], "a new boot");
    t.same([run.exit, ...failures(events)], [0]);

    run.due.clear();
    await run.hosts("tune again", [role("kernel-tuning")]);
    t.same([...run.due.values()].flat(), [], "over the new sessions");
    await run.connections.close();
  });

  t.test("nats-server is stopped before", async (t) => {
    const [name] = names as [string];
    await exec(
      name,
      `printf '%s\\n' '[Service]' 'ExecStart=/bin/sleep infinity' 'ExecStop=/bin/sh -c "sleep 2; echo stopped >/root/stopped; sync"' >/etc/systemd/system/nats-server.service
      systemctl daemon-reload; systemctl start nats-server`,
    );
    await takeBack(name);
    const { run, events } = start();
    await run.hosts("tune", [role("kernel-tuning")]);
    await roll(run, reboot, {
      ...open,
      after: async () => {
        t.equal(await exec(name, "cat /root/stopped"), "stopped");
      },
    });
    t.same([run.exit, ...failures(events)], [0]);
    await exec(name, "rm /etc/systemd/system/nats-server.service; systemctl daemon-reload");
    await run.connections.close();
  });

  t.test("a host that comes back with the same debt fails instead of rebooting for ever, and the roll ends there", async (t) => {
    await exec(names[0]!, "mkdir -p /var/lib/sampan; echo sampan_test=1 >/var/lib/sampan/kernel-args");
    await takeBack(names[1]!);
    const before = await bootId(names[1]!);
    const { run, events } = start();
    await run.hosts("tune", [role("kernel-tuning")]);
    await roll(run, reboot, open);
    t.match(
      events.find((e) => e.type === "task_end" && e.status === "failed"),
      {
        lane: names[0],
        task: "back after reboot",
        failure: { what: "the host has rebooted, but still: sampan_test=1 not in the running kernel" },
      },
    );
    t.equal(await bootId(names[1]!), before);
    t.equal(run.exit, 1);
    await exec(names[0]!, "rm /var/lib/sampan/kernel-args");
    await run.connections.close();
  });

  t.test("a host that doesn't go down, or doesn't come back, is given up with what was seen last", async (t) => {
    const [host] = hosts as [Host];
    const step = {
      id: 1,
      role: "r",
      task: "handler reboot",
      at: { file: "f", line: 1 },
      kind: "rolling" as const,
      timeout: 60,
      handler: handler("reboot", { rolling: true, check: sh`:`, apply: sh`:` }),
    };
    const { run, events } = start();
    const session = await run.connections.to(host);
    t.equal(await comeBack(run, host, [step], session!.facts.bootId, 3000), false);
    t.match(events.at(-1), { status: "failed", failure: { what: "nats-node-1 was told to reboot and is not back after 3 s: it still runs as before" } });

    await lab.linkDown(host.name);
    t.equal(await comeBack(run, { ...host, connection: { ...host.connection, options: { ConnectTimeout: "1" } } }, [step], session!.facts.bootId, 3000), false);
    t.match(events.at(-1), { status: "failed", failure: { what: /^nats-node-1 was told to reboot and is not back after 3 s: / } });
    await lab.linkUp(host.name);
    await run.connections.close();
  });

  t.test("Ctrl-C ends the waiting", async (t) => {
    const { run, events } = start();
    const session = await run.connections.to(hosts[0]!);
    const step = { id: 1, role: "r", task: "handler reboot", at: { file: "f", line: 1 }, kind: "rolling" as const, handler: reboot, timeout: 60 };
    const waiting = comeBack(run, hosts[0]!, [step], session!.facts.bootId);
    run.stop("SIGINT");
    t.equal(await waiting, false);
    t.same(run.whereStopped, ["nats-node-1: while it rebooted"]);
    t.equal(
      events.some((e) => e.type === "task_end"),
      false,
    );
    await run.connections.close();
  });
});
