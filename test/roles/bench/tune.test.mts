import t from "tap";
import { parse } from "yaml";
import type { EventInput } from "../../../lib/engine/events.mts";
import { UsageError } from "../../../lib/inventory/types.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { streamNames } from "../../../lib/nats/jetstream/api.mts";
import type { Options } from "../../../lib/playbook/cli.mts";
import type { TaskResult } from "../../../lib/playbook/role.mts";
import type { Given } from "../../../roles/bench/options.mts";
import { tune, wantsTuning } from "../../../roles/bench/tune.mts";
import { faults } from "../../inventory/fixture.mts";
import { TestCluster } from "../../nats/servers.mts";
import { clusterWith } from "../jetstream-setup/fixture.mts";

t.setTimeout(600_000);

/** All but the publishers are given, so the search is short. */
const GIVEN: Given = { flow: { window: 512, workers: 3 }, pull: { batch: 64, partitions: 3 }, run: { seconds: 1, warmUp: 0 } };
const LOGS = "streams:\n  - { name: ORDERS, subjects: [orders.>], consumers: [{ durable_name: till }] }\n";

t.test("--tune and flags that don't go with it", async (t) => {
  const options = (own: object): Options => ({ own }) as unknown as Options;
  const none: Given = { flow: {}, pull: {}, run: {} };
  t.equal(wantsTuning(options({}), none), false);
  t.equal(wantsTuning(options({ tune: true }), none), true);
  for (const [given, words] of [
    [{ ...none, flow: { rate: 100 } }, "--tune finds the most that gets through; leave --rate out"],
    [{ ...none, mode: "push" }, "--tune is about the pull way; leave --mode out"],
    [{ ...none, run: { rounds: 3 } }, "--tune takes as many rounds as it needs; leave --rounds out"],
  ] as [Given, string][])
    t.throws(() => wantsTuning(options({ tune: true }), given), new UsageError(words));
});

t.test("on three real servers", async (t) => {
  const running = await TestCluster.start("2.15.1", 3);
  t.teardown(() => running.stop());
  await waitUntilSafe(running.target, {}, { settleMs: 0, timeoutMs: 60_000 });
  const events: EventInput[] = [];
  const cluster = clusterWith(running.target, LOGS, events);
  const ran = async (mode: "apply" | "check"): Promise<TaskResult> => {
    const { signal } = new AbortController();
    const [task] = [...(tune({ flags: GIVEN, nodes: () => 3 }).tasks(cluster, signal) as Iterable<{ run(m: string, s: AbortSignal): Promise<TaskResult> }>)];
    return task!.run(mode, signal);
  };
  const table = (title: RegExp): string[][] => events.flatMap((e) => (e.type === "table" && title.test(e.title) ? e.rows : []));

  t.test("--check tells what would be tried, and how long that takes at most", async (t) => {
    t.match(await ran("check"), { status: "skipped" });
    t.match(table(/what would be tried/), [
      ["load"],
      ["publishers", "3, 6"],
      ["time", /^at most 12 rounds of 0 \+ 1 s, so 1 minutes?$/],
      ["generator", "this machine"],
    ]);
  });

  t.test("finds a setting, and writes it as YAML that the inventory takes", async (t) => {
    const result = await ran("apply");
    t.match(result, { status: "ok", reason: /^\d+ msg\/s with 3 partitions, window 512, batch 64, 3 workers, [36] publishers, \d\.\d\d times/ });
    t.same(
      table(/: rounds/).map((r) => [r[0], r[5]]),
      [
        ["start", "3"],
        ["publishers", "6"],
      ],
    );
    t.ok(table(/: rounds/).every((r) => (Number(r[6]!.replaceAll(",", "")) > 0 && r[8] !== "" ? r[8] === "the generator's limit" : true)));
    t.equal(table(/finalists/).length, 2);
    t.equal(table(/finalists/).filter((r) => r[0] === "best").length, 1);
    const yaml = table(/for the inventory/)
      .map((r) => r[0])
      .join("\n");
    t.match(parse(yaml), {
      streams: [{ name: "ORDERS", subjects: ["orders.>"], partitions: 3, consumers: [{ durable_name: "till" }] }],
      bench: { pull: { partitions: 3 } },
    });
    t.same(faults({ "group_vars/all.yml": yaml }), []);
    const nc = await connectApp(running.target);
    t.same(await streamNames(nc), [], "its streams are gone");
    await nc.close();
  });
});
