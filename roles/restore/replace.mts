import { BackupFolder } from "../../lib/nats/backup/folder.mts";
import type { Manifest, SavedStream } from "../../lib/nats/backup/manifest.mts";
import { type PutBackOptions, putBack, remove } from "../../lib/nats/backup/put-back.mts";
import { fileName, save } from "../../lib/nats/backup/save.mts";
import type { NatsConnection } from "../../lib/nats/connect.mts";
import { streamInfo } from "../../lib/nats/jetstream/api.mts";
import { freeze, isFrozen, isRestoring, open, writable } from "../../lib/nats/jetstream/freeze.mts";

export interface Replacement extends PutBackOptions {
  /** folder of the backup, and the stream in it */
  dir: string;
  saved: SavedStream;
  /** folder to be made, for the stream that is there now */
  side: string;
  about: Pick<Manifest, "cluster" | "servers">;
  warn: (text: string) => void;
}

/**
 * Puts a saved stream in the place of the present one, which is closed to publishers and saved first. When anything goes wrong the
 * present one is put back, or stays; but for what others have made under its name meanwhile.
 * @throws Error that says where the present one is
 */
export async function replace(nc: NatsConnection, { dir, saved, side, about, warn, ...options }: Replacement): Promise<string[]> {
  const before = await freeze(nc, saved.name);
  const folder = new BackupFolder(side);
  let kept: SavedStream;
  try {
    const file = fileName(saved.account, saved.name, new Set());
    const entry = await save(nc, saved.account, saved.name, folder.path(file), file, options);
    if (!("file" in entry)) throw new Error(`stream ${saved.name} is ${entry.why}, so that it can't be kept; delete it yourself if its messages may go`);
    kept = { ...entry, config: before ?? entry.config };
    folder.complete({ format: 1, made: new Date().toISOString(), ...about, streams: [kept], unsaved: [] });
  } catch (error) {
    folder.abandon();
    if (before) await open(nc, before);
    throw error;
  }
  warn(`stream ${saved.name} as it was is kept in ${folder.dir}; remove it when it isn't needed any more`);
  let begun = false;
  try {
    await remove(nc, saved.name);
    return await putBack(nc, dir, saved, {
      ...options,
      begun: () => {
        begun = true;
      },
    });
  } catch (error) {
    const what = (error as Error).message;
    const why = await putFormerBack(nc, { saved: kept, dir: folder.dir }, begun, options.tell).catch((e: Error) => e.message);
    throw why === undefined
      ? new Error(`${what}. The stream that was there before is back, and kept in ${folder.dir}`)
      : Object.assign(new Error(`${what}; and the stream that was there before isn't back: ${why}. It is kept in ${folder.dir}`), {
          next: `make sure that nobody else makes the stream; then run again, or have the one before with restore.mts --from ${folder.dir} --replace`,
        });
  }
}

interface Former {
  saved: SavedStream;
  dir: string;
}

/** @returns why it isn't put back, where something stands in its place that is nobody's half copy */
async function putFormerBack(nc: NatsConnection, { saved, dir }: Former, begun: boolean, tell?: (text: string) => void): Promise<string | undefined> {
  const there = await streamInfo(nc, saved.name);
  if (there && isFrozen(there.config)) return void (await open(nc, saved.config)); // it never went
  // Nothing marks a half copy of what takes no messages: it is one if we had begun.
  const half = there && (isRestoring(there.config) || (begun && !writable(there.config)));
  if (there && !half) return `stream ${saved.name} that stands there now is left alone, as others may have written to it`;
  if (half) await remove(nc, saved.name);
  // also after Ctrl-C: a stream that is gone is worse than a late end
  await putBack(nc, dir, saved, { replicas: saved.config.num_replicas, tell });
  return undefined;
}
