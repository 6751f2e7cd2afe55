import { UsageError } from "../../inventory/types.mts";
import { AckWindow } from "./ack-window.mts";
import { now, pause, whileProgress } from "./clock.mts";
import { gauge } from "./gauge.mts";
import { Latencies } from "./latency.mts";
import { Ledger } from "./ledger.mts";
import { settle } from "./options.mts";
import { Pacer } from "./pace.mts";
import { PayloadRing } from "./payload.mts";
import { pullWorkers } from "./pull-workers.mts";
import { perSecond, shares } from "./rates.mts";
import { streamReach } from "./stream-reach.mts";
import { createTemporary, manager, removeTemporary, streamName, sweep } from "./temporary-stream.mts";
import type { LoadConnections, LoadOptions, PullResult } from "./types.mts";
import { watch } from "./watch.mts";

export interface PullOptions extends LoadOptions {
  /** of the temporary stream: min(3, nodes with JetStream) */
  replicas: number;
  /** streams over which the messages are spread in turn, as over a stream's partitions; default 1 */
  partitions?: number;
  /** messages a worker asks for at a time; default 128 */
  batch?: number;
  /** ms after which an unacknowledged message is delivered again; default 30,000, nats-server's own */
  ackWait?: number;
  /** default 50,000, as the article's pull-worker has it */
  maxAckPending?: number;
}

const DURABLE = "workers";

/**
 * JetStream pull: offers `rate` msg/s to a temporary file stream and has workers pull them from one durable with explicit
 * acks, accounting for every message. The stream is removed on every way out; what a killed run left is removed first.
 * @throws UsageError on options that make no sense; JetStreamApiError when the stream can't be made; the signal's reason when aborted
 */
export async function pullTest(connections: LoadConnections, options: PullOptions): Promise<PullResult> {
  const { publishers, workers } = connections;
  const o = settle(connections, options);
  const { replicas, partitions = 1, batch = 128, ackWait = 30_000, maxAckPending = 50_000 } = options;
  // Servers answer 429 above 10,000 messages queued for one stream.
  const window = o.window ?? 1024;
  if (!(window >= publishers.length && window <= 10_000)) throw new UsageError(`load: window ${window}; use ${publishers.length} to 10000 messages`);
  const ingest = `${o.base}.${o.id}.logs.ingest`;
  const parts = Array.from({ length: partitions }, (_, i) =>
    partitions === 1 ? { subject: ingest, stream: streamName(o.id) } : { subject: `${ingest}.${i}`, stream: streamName(`${o.id}p${i}`) },
  );
  const ledger = new Ledger(Math.round(o.rate * o.seconds), o.tag);
  const latency = { publish: new Latencies(), delivery: new Latencies() };
  const watcher = watch(connections);
  const cleanUp: (() => void)[] = [() => watcher.stop()];
  try {
    o.signal?.throwIfAborted();
    const jsm = await manager(watcher.live());
    await sweep(jsm);
    // 160 bytes: record header, subject and checksum, generously.
    const bytes = Math.ceil((ledger.total / partitions) * (o.payload + 160) * 1.25) + 16 * 1024 * 1024;
    for (const { stream: name, subject } of parts) {
      await createTemporary(jsm, { name, subject, replicas, bytes, durable: DURABLE, ackWait, maxAckPending });
      await streamReach(connections, { stream: name, durable: DURABLE, subject, patience: o.patience, signal: o.signal });
    }
    let pacer: Pacer | undefined;
    const epoch = (): number => pacer?.epoch ?? 0;
    const pulling = await pullWorkers(workers, { streams: parts.map((p) => p.stream), durable: DURABLE, batch, ledger, latency: latency.delivery, epoch });
    cleanUp.push(() => pulling.stop());
    let rejected = 0;
    let rejection: string | undefined;
    let lastAck = 0;
    const windows = publishers.map(
      (p) =>
        new AckWindow(p, Math.floor(window / publishers.length), (sequence, due, refusal) => {
          if (refusal !== undefined) {
            rejected++;
            rejection ??= refusal;
            return;
          }
          ledger.ack(sequence);
          lastAck = now() - epoch();
          latency.publish.record(lastAck - due);
        }),
    );
    cleanUp.push(...windows.map((w) => () => w.close()));
    const rings = publishers.map(() => new PayloadRing(o.tag, o.payload));
    const measure = gauge();
    pacer = new Pacer(o, (sequence, due) => {
      const turn = watcher.turn(sequence);
      if (turn < 0 || windows[turn]!.full) return false;
      ledger.sent = sequence + 1;
      windows[turn]!.publish(parts[sequence % partitions]!.subject, rings[turn]!.take(sequence, due), sequence, due);
      return true;
    });
    await pacer.run();
    const sending = now() - pacer.epoch;
    const limits = { patience: o.patience, limit: o.seconds * 1000 + 10 * o.patience, signal: o.signal };
    await whileProgress({
      done: () => ledger.acked + rejected === ledger.sent && ledger.delivered >= ledger.acked,
      progress: () => ledger.acked + rejected + ledger.delivered,
      ...limits,
    });
    const generator = measure(pacer.late);
    const end = await drained(
      await manager(watcher.live()),
      parts.map((p) => p.stream),
      limits,
    );
    const lost = ledger.lost("acked");
    return {
      kind: "pull",
      subject: parts.map((p) => p.subject).join(", "),
      stream: parts.map((p) => p.stream).join(", "),
      partitions,
      replicas,
      leader: end.leader,
      batch,
      window,
      planned: pacer.total,
      sent: ledger.sent,
      unsent: pacer.total - ledger.sent,
      acked: ledger.acked,
      rejected,
      rejection,
      unacked: ledger.sent - ledger.acked - rejected,
      delivered: ledger.delivered,
      duplicates: ledger.duplicates,
      redelivered: pulling.redelivered,
      lost: lost.count,
      lostAt: lost.at,
      foreign: ledger.foreign,
      consumer: end.consumer,
      stored: end.stored,
      rate: {
        offered: o.rate,
        sent: perSecond(ledger.sent, o.seconds, sending),
        acked: perSecond(ledger.acked, o.seconds, lastAck),
        delivered: perSecond(ledger.delivered, o.seconds, pulling.last - pacer.epoch),
      },
      latency: { publish: latency.publish.summary(), delivery: latency.delivery.summary() },
      workers: shares(workers, pulling.taken),
      generator,
      errors: watcher.errors,
      payload: o.payload,
      seconds: o.seconds,
      ms: now() - pacer.epoch,
    };
  } finally {
    for (const step of cleanUp) step();
    await Promise.all(parts.map(({ stream }) => removeTemporary(() => manager(watcher.live()), stream)));
  }
}

/** Waits until the durables have nothing pending and nothing unacknowledged, or until that stops getting less. */
async function drained(
  jsm: Awaited<ReturnType<typeof manager>>,
  streams: readonly string[],
  o: { patience: number; limit: number; signal?: AbortSignal },
): Promise<{ consumer: PullResult["consumer"]; stored: number; leader: string }> {
  const end = now() + o.limit;
  let since = now();
  let before = Infinity;
  for (;;) {
    const infos = await Promise.all(streams.map((stream) => jsm.consumers.info(stream, DURABLE)));
    const sum = (count: (info: (typeof infos)[number]) => number): number => infos.reduce((all, info) => all + count(info), 0);
    const open = sum((i) => i.num_pending + i.num_ack_pending);
    if (open < before) {
      before = open;
      since = now();
    }
    if (open === 0 || now() > end || now() - since > o.patience) {
      const stored = await Promise.all(streams.map((stream) => jsm.streams.info(stream)));
      return {
        consumer: { pending: sum((i) => i.num_pending), ackPending: sum((i) => i.num_ack_pending), redelivered: sum((i) => i.num_redelivered) },
        stored: stored.reduce((all, { state }) => all + state.messages, 0),
        leader: stored.map(({ cluster }) => cluster?.leader ?? "").join(", "),
      };
    }
    await pause(50, o.signal);
  }
}
