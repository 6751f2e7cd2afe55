import { now, pause, whileProgress } from "./clock.mts";
import { gauge } from "./gauge.mts";
import { unreachable } from "./interest.mts";
import { Latencies } from "./latency.mts";
import { Ledger } from "./ledger.mts";
import { settle } from "./options.mts";
import { Pacer } from "./pace.mts";
import { PayloadRing } from "./payload.mts";
import { perSecond, shares } from "./rates.mts";
import type { LoadConnections, LoadOptions, PushResult } from "./types.mts";
import { watch } from "./watch.mts";

/**
 * Queue-group push: offers `rate` msg/s to subscribers that share one queue, and accounts for every message.
 * @throws UsageError on options that make no sense; the signal's reason when aborted
 */
export async function pushTest(connections: LoadConnections, options: LoadOptions = {}): Promise<PushResult> {
  const { publishers, workers } = connections;
  const o = settle(connections, options);
  // 64 MiB is what a server buffers for a subscriber before it cuts it off (max_pending); this stays far below.
  const window = o.window ?? Math.min(65_536, Math.floor(16_777_216 / (o.payload + 128)));
  const subject = `${o.base}.${o.id}.jobs.process`;
  const ledger = new Ledger(Math.round(o.rate * o.seconds), o.tag);
  const latency = new Latencies();
  const taken = new Array<number>(workers.length).fill(0);
  let pacer: Pacer | undefined;
  let last = 0;
  const watcher = watch(connections);
  const queue = workers.map((w, i) =>
    w.nc.subscribe(subject, {
      queue: "workers",
      callback: (error, message) => {
        if (error) {
          watcher.errors.push(`worker ${i + 1} on ${w.node}: ${error.message}`);
          return;
        }
        const due = ledger.deliver(message.data);
        if (due < 0 || !pacer) return;
        taken[i]!++;
        last = now() - pacer.epoch;
        latency.record(last - due);
      },
    }),
  );
  try {
    const apart = await unreachable(connections, `${o.base}.${o.id}.probe`, o.patience, o.signal);
    const rings = publishers.map(() => new PayloadRing(o.tag, o.payload));
    const noReply = { reply: "" };
    const measure = gauge();
    pacer = new Pacer(o, (sequence, due) => {
      const turn = watcher.turn(sequence);
      if (turn < 0 || sequence - ledger.delivered >= window) return false;
      ledger.sent = sequence + 1;
      publishers[turn]!.nc.publish(subject, rings[turn]!.take(sequence, due), noReply);
      return true;
    });
    await pacer.run();
    const sending = now() - pacer.epoch;
    await whileProgress({
      done: () => ledger.delivered === ledger.sent,
      progress: () => ledger.delivered,
      patience: o.patience,
      limit: o.seconds * 1000 + 10 * o.patience,
      signal: o.signal,
    });
    const generator = measure(pacer.late);
    // A late second delivery is a duplicate too: let what is under way arrive.
    await Promise.all(workers.map(async (w) => w.nc.flush().catch(() => {})));
    await pause(100, o.signal);
    const lost = ledger.lost("sent");
    return {
      kind: "push",
      subject,
      planned: pacer.total,
      sent: ledger.sent,
      unsent: pacer.total - ledger.sent,
      delivered: ledger.delivered,
      duplicates: ledger.duplicates,
      lost: lost.count,
      lostAt: lost.at,
      foreign: ledger.foreign,
      rate: { offered: o.rate, sent: perSecond(ledger.sent, o.seconds, sending), delivered: perSecond(ledger.delivered, o.seconds, last) },
      latency: { delivery: latency.summary() },
      workers: shares(workers, taken),
      unreachable: apart,
      generator,
      errors: watcher.errors,
      payload: o.payload,
      seconds: o.seconds,
      ms: now() - pacer.epoch,
    };
  } finally {
    watcher.stop();
    for (const subscription of queue) subscription.unsubscribe();
  }
}
