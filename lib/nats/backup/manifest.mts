import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { UsageError } from "../../inventory/types.mts";

export const MANIFEST = "manifest.json";

const count = () => v.pipe(v.number(), v.integer(), v.minValue(0));
const config = () => v.looseObject({ name: v.string(), num_replicas: v.number() });
const consumer = v.object({
  name: v.string(),
  /** of the stream's sequences */
  ackFloor: count(),
  delivered: count(),
  /** absent when the consumer had gone by the time it was asked for */
  config: v.optional(v.record(v.string(), v.unknown())),
});
const stream = v.object({
  account: v.string(),
  name: v.string(),
  /** in the backup's folder */
  file: v.pipe(v.string(), v.regex(/^[^/\\]+$/)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  bytes: count(),
  /** of the archive: 1 up to nats-server 2.14, 2 from 2.15 on */
  format: v.picklist([1, 2]),
  /** as nats-server gave them; a restore sends them back */
  config: config(),
  state: v.looseObject({ messages: count(), bytes: count(), first_seq: count(), last_seq: count() }),
  /** what the file holds, counted */
  messages: count(),
  first: count(),
  last: count(),
  /** so many went while the snapshot was taken (acknowledged, aged, deleted): they may be in the file, and need not come back. Format 1 only */
  deleted: count(),
  subjects: v.object({ digest: v.string(), counts: v.optional(v.record(v.string(), count())) }),
  consumers: v.array(consumer),
});
/** What nats-server gives no snapshot of: streams in memory, before 2.15. */
const unsaved = v.object({
  account: v.string(),
  name: v.string(),
  why: v.string(),
  messages: count(),
  config: config(),
  consumers: v.array(v.record(v.string(), v.unknown())),
});

const manifest = v.object({
  format: v.literal(1),
  /** ISO time at which the backup was complete */
  made: v.string(),
  cluster: v.string(),
  /** version of each server, by name */
  servers: v.record(v.string(), v.string()),
  streams: v.array(stream),
  unsaved: v.array(unsaved),
});

export type Manifest = v.InferOutput<typeof manifest>;
export type SavedStream = v.InferOutput<typeof stream>;
export type UnsavedStream = v.InferOutput<typeof unsaved>;

/** @throws UsageError in one line */
export function readManifest(dir: string): Manifest {
  const file = join(dir, MANIFEST);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(
      code === "ENOENT" || code === "ENOTDIR"
        ? `${dir} holds no complete backup: there is no ${MANIFEST}; name the folder that backup.mts told`
        : `${file} can't be read: ${(error as Error).message}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is damaged: it isn't JSON; take another backup`);
  }
  const result = v.safeParse(manifest, value);
  if (result.success) return result.output;
  if (typeof (value as { format?: unknown } | null)?.format === "number" && (value as { format: number }).format > 1)
    throw new UsageError(`${file} is of a newer sampan; use that one`);
  const [issue] = result.issues;
  throw new UsageError(`${file} is damaged: ${v.getDotPath(issue) ?? "it"}: ${issue.message}; take another backup`);
}
