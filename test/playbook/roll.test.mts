import t, { type Test } from "tap";
import { handler, type Resource, resource } from "../../lib/engine/resource.mts";
import type { Host } from "../../lib/inventory/types.mts";
import type { HostRole } from "../../lib/playbook/role.mts";
import { type Gate, roll } from "../../lib/playbook/roll.mts";
import { sh } from "../../lib/sh.mts";
import { skip, testLab } from "../lab/fixture.mts";
import { connectionTo } from "../resources/host.mts";
import { type Started, startRun } from "./fixture.mts";

t.setTimeout(600_000);

/** Due while /root/due is there; fails where /root/broken is. */
const restart = handler("restart it", {
  rolling: true,
  check: sh`[ ! -e /root/due ] || differs process old new`,
  apply: sh`echo done >>/root/log; [ ! -e /root/broken ] || { echo "it broke"; exit 7; }; rm /root/due`,
});
const other = handler("another", { rolling: true, check: sh`[ ! -e /root/other ] || differs process old new`, apply: sh`rm /root/other` });
const role: HostRole<unknown, void> = {
  kind: "host",
  name: "r",
  prepare: async () => {},
  resources: (): Resource[] => [resource({ type: "nothing", name: "to do", check: sh`:`, apply: sh`:` }).notify(restart, other)],
};

t.test("a roll over three hosts", { skip }, async (t) => {
  const lab = testLab(t, "roll");
  await lab.up({ nodes: 3 });
  const names = ["nats-node-1", "nats-node-2", "nats-node-3"];
  const hosts: Host[] = await Promise.all(names.map(async (name) => ({ name, groups: [], connection: await connectionTo(lab, name), vars: {} })));
  const on = async (i: number, script: string): Promise<string> => (await lab.exec(names[i - 1]!, ["sh", "-c", script])).stdout.trim();
  const all = (script: string): Promise<string[]> => Promise.all([1, 2, 3].map((i) => on(i, script)));
  const due = async (): Promise<string> => (await all("[ ! -e /root/due ] || echo due")).map((s) => s || "-").join(" ");

  /** A gate that notes what it is asked, and fails where told. */
  const gateOf = (fails: string[] = [], order: (h: readonly Host<unknown>[]) => readonly Host<unknown>[] = (h) => h) => {
    const asked: string[] = [];
    const side =
      (name: string) =>
      async (host: Host<unknown>, progress: (s: string) => void): Promise<void> => {
        asked.push(`${name} ${host.name.at(-1)}`);
        progress("almost");
        if (fails.includes(`${name} ${host.name.at(-1)}`)) throw Object.assign(new Error("x"), { failure: { what: "n2 is missing", next: "start it" } });
      };
    const gate: Gate<unknown> = {
      order: async (h) => {
        asked.push(`order ${h.map((x) => x.name.at(-1)).join("")}`);
        return order(h);
      },
      before: side("before"),
      after: side("after"),
    };
    return { gate, asked };
  };
  const ready = async (t: Test, own: Parameters<typeof startRun>[2] = {}, more: Parameters<typeof startRun>[3] = {}): Promise<Started> => {
    await all("rm -f /root/log /root/broken /root/other; : >/root/due");
    const started = startRun(t, hosts, own, more);
    await started.run.hosts("look", [role]);
    return started;
  };
  const end = async ({ run }: Started): Promise<void> => run.connections.close();

  t.test("one by one in the gate's order, which is asked anew each time", async (t) => {
    const started = await ready(t);
    const { gate, asked } = gateOf([], (h) => [...h].reverse());
    await roll(started.run, restart, gate);
    t.same(asked, ["order 123", "before 3", "after 3", "order 12", "before 2", "after 2", "order 1", "before 1", "after 1"]);
    t.equal(await due(), "- - -");
    t.equal(started.run.exit, 0);
    t.match(started.events.filter((e) => e.type === "phase_start").at(-1), { phase: "restart it", lanes: names });
    t.ok(started.events.some((e) => e.type === "gate" && e.status === "waiting" && e.detail === "almost"));
    await end(started);
  });

  t.test("where nothing is due the gate isn't asked", async (t) => {
    const started = startRun(t, hosts);
    await all("rm -f /root/due");
    await started.run.hosts("look", [role]);
    const { gate, asked } = gateOf();
    await roll(started.run, restart, gate);
    t.same(asked, []);
    t.equal(started.events.filter((e) => e.type === "phase_start").length, 1);
    await end(started);
  });

  t.test("only the hosts where it is due", async (t) => {
    await all(": >/root/due");
    await on(2, "rm /root/due");
    const started = startRun(t, hosts);
    await started.run.hosts("look", [role]);
    const { gate, asked } = gateOf();
    await roll(started.run, restart, gate);
    t.same(
      asked.filter((a) => a.startsWith("before")),
      ["before 1", "before 3"],
    );
    await end(started);
  });

  t.test("what something else has settled in between: nothing is done, and nothing waited for", async (t) => {
    const started = await ready(t);
    await on(2, "rm /root/due");
    const { gate, asked } = gateOf();
    await roll(started.run, restart, gate);
    t.same(asked, ["order 123", "before 1", "after 1", "order 23", "before 2", "order 3", "before 3", "after 3"]);
    t.equal(started.run.exit, 0);
    await end(started);
  });

  t.test("--check rolls nothing", async (t) => {
    const started = await ready(t, { check: true });
    const { gate, asked } = gateOf();
    await roll(started.run, restart, gate);
    t.same(asked, []);
    t.equal(await due(), "due due due");
    t.equal(started.run.exit, 2);
    await end(started);
  });

  t.test("a closed gate before a host: it isn't touched, nor any after it, by no later roll either; the next run goes on", async (t) => {
    const started = await ready(t);
    await all(": >/root/other");
    await started.run.hosts("look again", [role]);
    const { gate, asked } = gateOf(["before 2"]);
    await roll(started.run, restart, gate);
    t.same(asked.slice(-2), ["order 23", "before 2"]);
    t.equal(await due(), "- due due");
    t.match(
      started.events.findLast((e) => e.type === "gate"),
      { lane: names[1], status: "failed", gate: "the others can do without it", failure: { what: "n2 is missing", next: "start it" } },
    );
    t.equal(started.run.exit, 1);
    const second = gateOf();
    await roll(started.run, other, second.gate);
    t.same(
      second.asked.filter((a) => a.startsWith("before")),
      ["before 1"],
      "the hosts left out stay out",
    );
    await end(started);

    const again = startRun(t, hosts);
    await again.run.hosts("look", [role]);
    const next = gateOf();
    await roll(again.run, restart, next.gate);
    t.same(next.asked[0], "order 23");
    t.equal(await due(), "- - -");
    await end(again);
  });

  t.test("a closed gate after a host: the roll ends there, and no later one starts on the others", async (t) => {
    const started = await ready(t);
    const { gate, asked } = gateOf(["after 1"]);
    await roll(started.run, restart, gate);
    t.same(asked, ["order 123", "before 1", "after 1"]);
    t.equal(await due(), "- due due");
    t.equal(started.run.exit, 1);
    t.same([...started.run.out].sort(), names);
    await end(started);
  });

  t.test("a restart that fails: the roll ends, with the command's own words", async (t) => {
    const started = await ready(t);
    await on(1, ": >/root/broken");
    const { gate, asked } = gateOf();
    await roll(started.run, restart, gate);
    t.same(asked, ["order 123", "before 1"]);
    t.equal(await due(), "due due due");
    t.match(
      started.events.findLast((e) => e.type === "task_end"),
      { lane: names[0], status: "failed", failure: { exit: 7, output: /it broke/ } },
    );
    t.equal(started.run.exit, 1);
    await end(started);
  });

  t.test("a gate that can't tell the order: the inventory's", async (t) => {
    const started = await ready(t);
    const { gate, asked } = gateOf();
    await roll(started.run, restart, {
      ...gate,
      order: async () => {
        throw new Error("nobody answers");
      },
    });
    t.same(
      asked.filter((a) => a.startsWith("before")),
      ["before 1", "before 2", "before 3"],
    );
    await end(started);
  });

  t.test("--all-at-once: no gate before, all together, and then each is waited for", async (t) => {
    const started = await ready(t, { allAtOnce: true });
    const { gate, asked } = gateOf();
    await roll(started.run, restart, gate);
    t.same(asked, ["after 1", "after 2", "after 3"]);
    t.equal(await due(), "- - -");
    t.equal(started.run.exit, 0);
    await end(started);
  });

  t.test("--all-at-once with one that fails: the others are done", async (t) => {
    const started = await ready(t, { allAtOnce: true });
    await on(2, ": >/root/broken");
    await roll(started.run, restart, gateOf().gate);
    t.equal(await due(), "- due -");
    t.equal(started.run.exit, 1);
    await end(started);
  });

  t.test("Ctrl-C while it waits at a gate: nothing further, and it says where", async (t) => {
    const started = await ready(t);
    await roll(started.run, restart, {
      order: async (h) => h,
      after: async () => {},
      before: async (host) => {
        if (host.name === names[1]) {
          started.run.stop("SIGINT");
          throw new Error("interrupted");
        }
      },
    });
    t.equal(await due(), "- due due");
    t.match(started.run.whereStopped, ["nats-node-2: waiting until the others can do without it"]);
    t.notOk(started.events.some((e) => e.type === "gate" && e.status === "failed"));
    t.equal(started.run.exit, 130);
    await end(started);
  });

  t.test("Ctrl-C while a host restarts: that one finishes, the rest is named", async (t) => {
    const started: Started = await ready(
      t,
      {},
      {
        onEvent: (e) => {
          if (e.type === "task_start" && e.task === "handler restart it" && e.phase === "restart it") started.run.stop("SIGINT");
        },
      },
    );
    await roll(started.run, restart, gateOf().gate);
    t.equal(await due(), "- due due");
    t.match(started.run.whereStopped.join("; "), /nats-node-2, nats-node-3|nats-node-1: waiting/);
    t.equal(started.run.exit, 130);
    await end(started);
  });
});
