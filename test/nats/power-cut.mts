import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectApp } from "../../lib/nats/connect.mts";
import { GateError, waitUntilSafe } from "../../lib/nats/gate.mts";
import { request, streamInfo } from "../../lib/nats/jetstream/api.mts";
import { TestCluster, type TestServer } from "./servers.mts";

/** Loop devices, and the right to mount them. */
export const skip: string | false =
  process.getuid?.() === 0 && statSync("/dev/loop-control", { throwIfNoEntry: false }) ? false : "needs root and loop devices";

export interface Cut {
  acked: number;
  lost: number;
  /** the replicas hold the same again, without anybody's help */
  whole: boolean;
}

const run = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
};

/** A server's store on a file system of its own, whose device is a file: what a disk holds at one moment is a copy of that file. */
class Disk {
  readonly #image: string;
  readonly #folder: string;
  #mounted = false;
  // Lazily: a server that stands still may hold it for a moment longer. Before the cluster's own handler, which removes the folder.
  readonly #onExit = (): void => {
    if (this.#mounted) run("umount", "-l", this.#folder);
  };

  constructor(server: TestServer) {
    this.#image = join(server.dir, "disk");
    this.#folder = join(server.dir, "store");
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder);
    run("truncate", "-s", "192M", this.#image);
    run("mkfs.ext4", "-q", "-F", this.#image);
    process.prependListener("exit", this.#onExit);
    this.mount();
  }

  mount(): void {
    run("mount", "-o", "loop", this.#image, this.#folder);
    this.#mounted = true;
  }
  /** What has reached the device so far; what the page cache still holds isn't there, as after a power cut. */
  copy(): void {
    run("cp", "--sparse=always", this.#image, `${this.#image}.cut`);
  }
  /** The power is back: the device as it was, its journal replayed. */
  asCopied(): void {
    this.#unmount();
    run("mv", `${this.#image}.cut`, this.#image);
    this.mount();
  }
  remove(): void {
    process.off("exit", this.#onExit);
    this.#unmount();
  }
  #unmount(): void {
    if (this.#mounted) run("umount", this.#folder);
    this.#mounted = false;
  }
}

/**
 * Three servers lose their power at the same moment, while acknowledged messages come in.
 * @param sync value of sync_interval; the server's own default when left out
 * @returns messages acknowledged before, how many of them the stream doesn't have afterwards, and whether its replicas agree
 */
export async function powerCut(version: string, { replicas, sync }: { replicas: number; sync?: string }): Promise<Cut> {
  const cluster = await TestCluster.start(version, 3);
  const disks: Disk[] = [];
  try {
    for (const server of cluster.servers) await server.stop();
    for (const server of cluster.servers) {
      disks.push(new Disk(server));
      const conf = join(server.dir, "nats-server.conf");
      if (sync) writeFileSync(conf, readFileSync(conf, "utf8").replace("jetstream {", `jetstream { sync_interval: ${sync},`));
    }
    await restarted(cluster);
    const acked = await published(cluster, replicas, () => {
      for (const disk of disks) disk.copy();
    });
    for (const server of cluster.servers) await server.stop();
    for (const disk of disks) disk.asCopied();
    const whole = await restarted(cluster).then(
      () => true,
      (error: unknown) => {
        if (error instanceof GateError) return false;
        throw error;
      },
    );
    return { acked: acked.size, lost: await missing(cluster, acked), whole };
  } finally {
    await Promise.all(cluster.servers.map((s) => s.stop()));
    for (const disk of disks) disk.remove();
    await cluster.stop();
  }
}

async function restarted(cluster: TestCluster): Promise<void> {
  for (const server of cluster.servers) server.start();
  await waitUntilSafe(cluster.target, {}, { settleMs: 500, timeoutMs: 40_000 });
}

/** Publishes for three seconds; then the servers stand still, and `cut` sees their disks. What was acknowledged until then counts. */
async function published(cluster: TestCluster, replicas: number, cut: () => void): Promise<Set<number>> {
  const nc = await connectApp(cluster.target);
  try {
    await request(nc, "stream CUT", "STREAM.CREATE.CUT", { name: "CUT", subjects: ["cut"], storage: "file", num_replicas: replicas });
    await waitUntilSafe(cluster.target, {}, { settleMs: 500 });
    run("sync"); // the stream itself is old; only its messages are new
    const acked = new Set<number>();
    let next = 0;
    const until = Date.now() + 3000;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (Date.now() < until) {
          const number = next++;
          const answer = await nc.request("cut", String(number), { timeout: 20_000 });
          if (typeof answer.json<{ seq?: number }>().seq === "number") acked.add(number);
        }
      }),
    );
    for (const server of cluster.servers) server.signal("SIGSTOP");
    cut();
    return acked;
  } finally {
    void nc.close().catch(() => {});
    await sleep(0);
  }
}

async function missing(cluster: TestCluster, acked: ReadonlySet<number>): Promise<number> {
  const nc = await connectApp(cluster.target);
  try {
    const info = (await streamInfo(nc, "CUT")) as { state: { first_seq: number; last_seq: number } } | undefined;
    const left = new Set(acked);
    for (let seq = Math.max(1, info?.state.first_seq ?? 1); seq <= (info?.state.last_seq ?? 0); seq++) {
      const { message } = await request<{ message: { data: string } }>(nc, "stream CUT", "STREAM.MSG.GET.CUT", { seq });
      left.delete(Number(Buffer.from(message.data, "base64").toString()));
    }
    return left.size;
  } finally {
    await nc.close();
  }
}
