import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import type { SavedStream, UnsavedStream } from "../../../lib/nats/backup/manifest.mts";
import { save } from "../../../lib/nats/backup/save.mts";
import type { NatsConnection } from "../../../lib/nats/connect.mts";
import { request, streamInfo, streamNames } from "../../../lib/nats/jetstream/api.mts";
import { eventually } from "../load/cluster.mts";

export function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "sampan-backup-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const create = (nc: NatsConnection, name: string, config: object = {}): Promise<unknown> =>
  request(nc, name, `STREAM.CREATE.${name}`, {
    name,
    ...("mirror" in config ? {} : { subjects: [`${name}.>`] }),
    num_replicas: 1,
    retention: "limits",
    storage: "file",
    ...config,
  });

/** With its subject's interest known on the node that is asked: a new stream's may be on its way there for a moment. */
async function acknowledged(nc: NatsConnection, subject: string, payload: string | Uint8Array): Promise<{ error?: { description: string } }> {
  for (const until = Date.now() + 20_000; ; ) {
    try {
      return (await nc.request(subject, payload, { timeout: 20_000 })).json();
    } catch (error) {
      if (!/no responders/.test(String(error)) || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Publishes with acknowledgements, many at once. */
export async function fill(
  nc: NatsConnection,
  count: number,
  subject: (i: number) => string,
  payload: (i: number) => string | Uint8Array = (i) => `message ${i}`,
): Promise<void> {
  for (let i = 0; i < count; i += 200) {
    await Promise.all(
      Array.from({ length: Math.min(200, count - i) }, async (_, k) => {
        const answer = await acknowledged(nc, subject(i + k), payload(i + k));
        if (answer.error) throw new Error(answer.error.description);
      }),
    );
  }
}

export const consumer = (nc: NatsConnection, stream: string, name: string, config: object = {}): Promise<unknown> =>
  request(nc, name, `CONSUMER.CREATE.${stream}.${name}`, {
    stream_name: stream,
    config: { name, durable_name: name, ack_policy: "explicit", ...config },
    action: "create",
  });

/** Takes messages from a pull consumer and acknowledges those that `ack` wants. */
export async function work(nc: NatsConnection, stream: string, name: string, count: number, ack: (i: number) => boolean = () => true): Promise<void> {
  const inbox = `work.${stream}.${name}.${Math.random().toString(36).slice(2)}`;
  const sub = nc.subscribe(inbox, { max: count });
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, JSON.stringify({ batch: count }), { reply: inbox });
  let i = 0;
  for await (const message of sub) if (ack(i++)) await nc.request(message.reply!, "+ACK");
}

/** Streams of every kind that a backup may meet. */
export async function everyKind(nc: NatsConnection): Promise<void> {
  await create(nc, "PLAIN");
  await fill(
    nc,
    1000,
    (i) => `PLAIN.${i % 7}`,
    (i) => "x".repeat(i % 900),
  );
  await consumer(nc, "PLAIN", "reader");
  await consumer(nc, "PLAIN", "filtered", { filter_subject: "PLAIN.3", ack_policy: "all" });
  await work(nc, "PLAIN", "reader", 120);
  await work(nc, "PLAIN", "filtered", 10);

  await create(nc, "HOLES", { duplicate_window: 1e9 });
  await fill(nc, 600, (i) => `HOLES.${i % 3}`);
  for (let seq = 5; seq <= 600; seq += 11) await request(nc, "HOLES", "STREAM.MSG.DELETE.HOLES", { seq, no_erase: seq % 2 === 0 });
  for (const seq of [598, 599, 600]) await request(nc, "HOLES", "STREAM.MSG.DELETE.HOLES", { seq, no_erase: true }).catch(() => undefined);

  await create(nc, "JOBS", { retention: "workqueue" });
  await consumer(nc, "JOBS", "workers");
  await fill(nc, 300, (i) => `JOBS.${i}`);
  await work(nc, "JOBS", "workers", 100, (i) => i % 9 !== 8);

  await create(nc, "NEWS", { retention: "interest" });
  await consumer(nc, "NEWS", "one");
  await consumer(nc, "NEWS", "two");
  await fill(nc, 90, () => "NEWS.today");
  await work(nc, "NEWS", "one", 60);
  await work(nc, "NEWS", "two", 30);

  await create(nc, "EMPTY");
  await create(nc, "DRAINED");
  await fill(nc, 20, () => "DRAINED.x");
  await request(nc, "DRAINED", "STREAM.PURGE.DRAINED");
  await create(nc, "RING", { max_msgs: 50 });
  await fill(nc, 180, (i) => `RING.${i}`);

  // as the clients make buckets
  await create(nc, "KV_settings", { subjects: ["$KV.settings.>"], max_msgs_per_subject: 5, discard: "new", allow_rollup_hdrs: true, deny_delete: true });
  await fill(nc, 200, (i) => `$KV.settings.key${i % 20}`);
  await create(nc, "OBJ_files", { subjects: ["$O.files.C.>", "$O.files.M.>"], discard: "new", allow_rollup_hdrs: true });
  await fill(
    nc,
    12,
    (i) => `$O.files.C.${i}`,
    (i) => Buffer.alloc(100_000, i),
  );
  await fill(nc, 3, (i) => `$O.files.M.${i}`);
}

/** Saves all streams. */
export async function saveAll(nc: NatsConnection, dir: string): Promise<(SavedStream | UnsavedStream)[]> {
  const all = [];
  for (const name of (await streamNames(nc)).sort()) all.push(await save(nc, "APP", name, join(dir, `${name}.snapshot`), `${name}.snapshot`));
  return all;
}

/** Until a stream with so many replicas can be made. */
export const ready = (nc: NatsConnection, replicas: number): Promise<boolean> =>
  eventually(async () => {
    await request(
      nc,
      "READY",
      "STREAM.CREATE.READY",
      { name: "READY", subjects: ["ready"], num_replicas: replicas, retention: "limits", storage: "file" },
      { patienceMs: 1000 },
    );
    await request(nc, "READY", "STREAM.DELETE.READY");
    return (await streamInfo(nc, "READY")) === undefined;
  });
