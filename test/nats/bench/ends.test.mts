import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { plain } from "../../../lib/nats/bench/job.mts";
import { runBench } from "../../../lib/nats/bench/run.mts";
import { settleBench } from "../../../lib/nats/bench/spec.mts";
import { sweep } from "../../../lib/nats/load/temporary-stream.mts";
import { eventually } from "../load/cluster.mts";
import { adds, BenchBed } from "./bed.mts";

t.setTimeout(600_000);
const PULL = { rate: 1000, publishers: 3, workers: 3, partitions: 3 };
const LONG = { pull: PULL, push: { rate: 1000 }, seconds: 300 };
// Of its own: generators of other tests have their folders in the machine's.
process.env["TMPDIR"] = mkdtempSync(join(tmpdir(), "sampan-test-"));
process.once("exit", () => rmSync(tmpdir(), { recursive: true, force: true }));
/** Folders that generators were started from. */
const folders = (): string[] => readdirSync(tmpdir()).filter((f) => f.startsWith("sampan-bench-"));

t.test("three servers", async (t) => {
  const bed = await BenchBed.start(t, 3);
  const { target } = bed.cluster;

  t.test("partitions have their leaders on different nodes, and each is told", async (t) => {
    const result = await bed.run({ pull: PULL, seconds: 1 });
    const [flow] = result.rounds[0]!.flows;
    t.same(flow!.partitions.map((p) => p.leader).sort(), ["n1", "n2", "n3"]);
    t.same(flow!.partitions.map((p) => p.consumerLeader).sort(), ["n1", "n2", "n3"]);
    t.match(flow, { sent: 1000, acked: 1000, delivered: 1000, lost: 0 });
  });

  t.test("a server that is killed in the middle: nothing that was acknowledged is lost, and all of it is accounted for", async (t) => {
    const [victim] = bed.cluster.servers.slice(-1);
    const result = await bed.run({ push: { rate: 1000 }, pull: PULL, seconds: 6 }, async () => {
      await victim!.stop("SIGKILL");
      victim!.start();
      await bed.cluster.greets(victim!);
    });
    const [push, pull] = result.rounds[0]!.flows;
    adds(t, push!);
    adds(t, pull!);
    t.equal(pull!.lost, 0);
    t.match(result.rounds[0]!.errors.join("\n"), /on n3 lost its connection/);
    await bed.gone();
  });

  t.test("an abort ends a run with the signal's reason, and removes its streams and its folder", async (t) => {
    const stop = new AbortController();
    const run = bed.run(LONG, async () => stop.abort(new Error("Ctrl-C")), stop.signal);
    await t.rejects(run, { message: "Ctrl-C" });
    t.same(await bed.streams(), []);
    t.same(folders(), []);
  });

  t.test("the program that started it is killed: the generator ends by itself, and removes its streams", async (t) => {
    const spec = settleBench(LONG);
    const job = { id: "x", spec, cluster: target.name, nodes: target.nodes, ca: target.tls!.ca, sys: plain(target.sys), app: plain(target.app) };
    const victim = spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL("./victim.mts", import.meta.url))], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    t.teardown(() => victim.kill("SIGKILL"));
    victim.stdin.end(JSON.stringify(job));
    await eventually(async () => (await bed.streams()).length === 3 || undefined);
    const gone = once(victim, "exit");
    victim.kill("SIGKILL");
    await gone;
    t.ok(await bed.gone());
    t.same(folders(), [], "and its file");
  });

  t.test("the generator itself is killed: told, and the next run sweeps what it left", async (t) => {
    const run = runBench(target, settleBench(LONG), {
      progress: ({ phase }) => {
        if (phase === "measuring") for (const pid of generators()) process.kill(pid, "SIGKILL");
      },
    });
    await t.rejects(run, { message: /the load generator ended with a signal and no result/ });
    t.equal((await bed.streams()).length, 3);
    t.equal((await sweep(bed.jsm, 0)).length, 3);
  });

  t.test("servers that refuse the login say so", async (t) => {
    const wrong = { ...target, app: target.sys, sys: target.app };
    await t.rejects(runBench(wrong, settleBench({ pull: PULL })), { message: /JetStream|system account/ });
    const closed = { ...target, nodes: target.nodes.map((n) => ({ ...n, port: 1 })) };
    await t.rejects(runBench(closed, settleBench({ push: {} })), { message: /can't connect to NATS.*connection refused/s });
  });
});

/** Generators that this process has started. */
function generators(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => read(`/proc/${pid}/status`).includes(`\nPPid:\t${process.pid}\n`) && read(`/proc/${pid}/cmdline`).includes("sampan-bench-"))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // ended meanwhile
  }
}
