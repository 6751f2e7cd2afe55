import type { JetStreamManager } from "@nats-io/jetstream";
import type { Test } from "tap";
import { runBench } from "../../../lib/nats/bench/run.mts";
import { type BenchOptions, settleBench } from "../../../lib/nats/bench/spec.mts";
import type { BenchProgress, BenchResult, FlowRound } from "../../../lib/nats/bench/types.mts";
import { connectApp } from "../../../lib/nats/connect.mts";
import { manager } from "../../../lib/nats/load/temporary-stream.mts";
import { eventually, jetstreamReady } from "../load/cluster.mts";
import { TestCluster } from "../servers.mts";

/** Real servers with JetStream up, and what the generator left on them. */
export class BenchBed {
  readonly cluster: TestCluster;
  readonly jsm: JetStreamManager;

  private constructor(cluster: TestCluster, jsm: JetStreamManager) {
    this.cluster = cluster;
    this.jsm = jsm;
  }

  static async start(t: Test, count: number, version = "2.15.1"): Promise<BenchBed> {
    const cluster = await TestCluster.start(version, count);
    t.teardown(() => cluster.stop());
    const nc = await connectApp(cluster.target);
    t.teardown(() => nc.close());
    if (count > 1) await jetstreamReady(nc);
    return new BenchBed(cluster, await manager(nc));
  }

  /** @param during called once, in the second of the measured time */
  async run(options: BenchOptions, during: (stream: string) => Promise<unknown> = async () => {}, signal?: AbortSignal): Promise<BenchResult> {
    let done: Promise<unknown> | undefined;
    const progress = ({ phase, at }: BenchProgress): void => {
      if (phase === "measuring" && at >= 1) done ??= this.streams().then(([stream = ""]) => during(stream));
    };
    const result = await runBench(this.cluster.target, settleBench({ seconds: 3, warmUp: 1, ...options }), { progress, signal });
    await done;
    // Whatever happened: nothing of it stays.
    await this.gone();
    return result;
  }

  async streams(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of this.jsm.streams.names()) names.push(name);
    return names.sort();
  }

  /** Waits until no stream is left. */
  gone(): Promise<boolean> {
    return eventually(async () => (await this.streams()).length === 0 || undefined);
  }
}

/** What must be true of any round, whatever happened: every message is somewhere. */
export function adds(t: Test, f: FlowRound): void {
  t.equal(f.sent + f.unsent, f.planned, `${f.kind}: sent ${f.sent} + unsent ${f.unsent}`);
  if (f.kind === "pull") {
    t.equal(f.acked + f.rejected + f.unacked, f.sent, `pull: acked ${f.acked}, rejected ${f.rejected}, unanswered ${f.unacked} of ${f.sent}`);
    t.ok(f.delivered + f.lost + f.waiting >= f.acked, "what is acknowledged was delivered, or is lost");
  } else t.equal(f.delivered + f.lost, f.sent, `push: delivered ${f.delivered} + lost ${f.lost}`);
  t.equal(f.workers.reduce((sum, w) => sum + w.delivered, 0) >= f.delivered, true, "workers' counts hold the deliveries");
}
