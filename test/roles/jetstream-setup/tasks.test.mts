import t, { type Test } from "tap";
import type { EventInput } from "../../../lib/engine/events.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { waitUntilSafe } from "../../../lib/nats/gate.mts";
import { streamInfo } from "../../../lib/nats/jetstream/api.mts";
import type { TaskResult } from "../../../lib/playbook/role.mts";
import type { Cluster } from "../../../roles/cluster.mts";
import { jetstreamSetup } from "../../../roles/jetstream-setup/tasks.mts";
import { TestCluster, VERSIONS } from "../../nats/servers.mts";
import { clusterWith } from "./fixture.mts";

t.setTimeout(600_000);

/** What the role's tasks end with, by name; and what it says beside them. */
async function ran(cluster: Cluster, mode: "apply" | "check" = "apply"): Promise<{ results: Record<string, TaskResult>; order: string[] }> {
  const results: Record<string, TaskResult> = {};
  for await (const task of jetstreamSetup.tasks(cluster, new AbortController().signal)) {
    results[task.task] = await task
      .run(mode, new AbortController().signal)
      .catch((e: Error): TaskResult => ({ status: "failed", failure: { what: e.message } }));
  }
  return { results, order: Object.keys(results) };
}
const statuses = ({ results }: { results: Record<string, TaskResult> }): Record<string, string> =>
  Object.fromEntries(Object.entries(results).map(([task, r]) => [task, r.status]));

const ARTICLE = `streams:
  - name: LOGS
    subjects: ["logs.>"]
    storage: file
    num_replicas: REPLICAS
    max_age: AGE
    consumers:
      - { durable_name: pull-worker, ack_policy: explicit, max_ack_pending: 50000 }
`;
const declared = (replicas: number, age = "168h", more = ""): string => ARTICLE.replace("REPLICAS", String(replicas)).replace("AGE", age) + more;

for (const version of VERSIONS) {
  t.test(`on nats-server ${version}`, async (t: Test) => {
    const running = await TestCluster.start(version, 3);
    t.teardown(() => running.stop());
    await waitUntilSafe(running.target, {}, { settleMs: 0, timeoutMs: 60_000 });
    const nc = await connectApp(running.target);
    t.teardown(() => nc.close());
    const cluster = (streams: string, events: EventInput[] = []): Cluster => clusterWith(running.target, `nats_version: ${version}\n${streams}`, events);
    const ready = "cluster ready for streams",
      stream = "stream LOGS",
      consumer = "consumer LOGS > pull-worker";

    t.test("--list-tasks names what will run", async (t) => t.same(jetstreamSetup.list(cluster(declared(1))), [ready, stream, consumer]));

    t.test("--check: drift, and nothing is made", async (t) => {
      const { results } = await ran(cluster(declared(1)), "check");
      t.equal(results[stream]?.status, "drift");
      await t.rejects(
        streamInfo(nc, "LOGS").then((info) => {
          if (!info) throw new Error("not there");
        }),
      );
    });

    t.test("made; a second run finds it as declared", async (t) => {
      t.same(statuses(await ran(cluster(declared(1)))), { [ready]: "ok", [stream]: "changed", [consumer]: "changed" });
      t.same(statuses(await ran(cluster(declared(1)))), { [ready]: "ok", [stream]: "ok", [consumer]: "ok" });
      t.same(statuses(await ran(cluster(declared(1)), "check")), { [ready]: "skipped", [stream]: "ok", [consumer]: "ok" });
    });

    t.test("R1 to R3 in place, with its progress, and messages kept", async (t) => {
      for (let i = 0; i < 10; i++) await nc.request(`logs.${i}`, "x", { timeout: 5000 });
      const events: EventInput[] = [];
      const { results } = await ran(cluster(declared(3), events));
      t.match(results[stream], { status: "changed", changes: [{ attribute: "num_replicas", current: "1", desired: "3" }] });
      const info = await streamInfo(nc, "LOGS");
      t.match(info, { config: { num_replicas: 3 }, state: { messages: 10 } });
      t.same(statuses(await ran(cluster(declared(3)))), { [ready]: "ok", [stream]: "ok", [consumer]: "ok" });
    });

    t.test("a changed field is shown as it is and as it shall be, and changed", async (t) => {
      const foreseen = await ran(cluster(declared(3, "1h")), "check");
      t.match(foreseen.results[stream], { status: "drift", changes: [{ attribute: "max_age" }] });
      t.equal(foreseen.results[stream]?.changes?.length, 1);
      t.equal((await ran(cluster(declared(3, "1h")))).results[stream]?.status, "changed");
    });

    t.test("what can't be changed in place fails, with nothing deleted, and the next stream goes on", async (t) => {
      const { results } = await ran(
        cluster(declared(3, "1h").replace("storage: file", "storage: memory") + "  - { name: NEXT, subjects: [next.>], num_replicas: 1 }\n"),
      );
      t.match(results[stream], { status: "failed", failure: { what: /needs to be created anew: storage/ } });
      t.equal(results["stream NEXT"]?.status, "changed");
      t.match(await streamInfo(nc, "LOGS"), { config: { storage: "file" }, state: { messages: 10 } });
    });

    t.test("what exists without being declared is named, and left alone", async (t) => {
      const events: EventInput[] = [];
      await ran(cluster(declared(3, "1h"), events));
      t.match(
        events.filter((e) => e.type === "warning"),
        [{ text: /undeclared and left alone: NEXT$/ }],
      );
      t.ok(await streamInfo(nc, "NEXT"));
    });

    t.test("a cluster without a majority is waited for, and Ctrl-C ends that", async (t) => {
      for (const name of ["n2", "n3"]) await running.server(name).stop();
      const abort = new AbortController();
      for await (const task of jetstreamSetup.tasks(cluster(declared(3)), abort.signal)) {
        setTimeout(() => abort.abort(new Error("interrupted")), 2000);
        t.equal(task.task, ready);
        t.equal((await task.run("apply", abort.signal)).status, "failed");
        break;
      }
    });
  });
}
