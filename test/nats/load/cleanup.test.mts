import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { JetStreamManager } from "@nats-io/jetstream";
import t from "tap";
import { pullTest } from "../../../lib/nats/load/pull.mts";
import { manager, streamName, sweep } from "../../../lib/nats/load/temporary-stream.mts";
import type { ClusterTarget } from "../../../lib/nats/target.mts";
import { type Bed, bed, eventually, jetstreamReady } from "./cluster.mts";

t.setTimeout(600_000);
let b: Bed;
let jsm: JetStreamManager;
t.before(async () => {
  b = await bed();
  await jetstreamReady(b.stranger);
  jsm = await manager(b.stranger);
});
t.teardown(async () => b?.stop());

const names = async (): Promise<string[]> => {
  const all: string[] = [];
  for await (const n of jsm.streams.names()) all.push(n);
  return all.sort();
};

t.test("an abort ends a run with the signal's reason, and removes its stream", async (t) => {
  const stop = new AbortController();
  const run = pullTest(await b.open(3), { rate: 1000, seconds: 60, replicas: 3, id: "abort", signal: stop.signal });
  const ended = t.rejects(run, { message: "Ctrl-C" });
  await eventually(async () => (await jsm.streams.info(streamName("abort"))).state.messages > 0 || undefined);
  stop.abort(new Error("Ctrl-C"));
  await ended;
  t.same(await names(), []);
});

t.test("what a killed run leaves behind is swept; nobody else's stream is", async (t) => {
  await jsm.streams.add({ name: "LOGS", subjects: ["logs.>"] });
  await jsm.streams.add({ name: "_sampan_verify_mine", subjects: ["mine"] });
  const victim = spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL("./victim.mts", import.meta.url))], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  t.teardown(() => victim.kill("SIGKILL"));
  victim.stdin.end(JSON.stringify(plain(b.cluster.target)));
  await eventually(async () => (await jsm.streams.info(streamName("victim"))).state.messages > 0 || undefined);
  const gone = once(victim, "exit");
  victim.kill("SIGKILL");
  await gone;

  t.same(await sweep(jsm), [], "too young: it may be somebody's run");
  t.same(await sweep(jsm, 0), ["_sampan_verify_victim"]);
  t.same(await names(), ["LOGS", "_sampan_verify_mine"]);
});

/** Secrets print as ***; the child needs the seed. */
const plain = (target: ClusterTarget): unknown => {
  if (!("nkeySeed" in target.app)) throw new Error("the test cluster uses nkeys");
  return { ...target, sys: undefined, app: target.app.nkeySeed.reveal() };
};
