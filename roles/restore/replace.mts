import type { NatsConnection } from "../../lib/nats/connect.mts";
import { BackupFolder } from "../../lib/nats/backup/folder.mts";
import type { Manifest, SavedStream } from "../../lib/nats/backup/manifest.mts";
import { putBack, type PutBackOptions, remove } from "../../lib/nats/backup/put-back.mts";
import { fileName, save } from "../../lib/nats/backup/save.mts";
import { freeze, open } from "../../lib/nats/jetstream/freeze.mts";

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
 * present one is put back, or stays.
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
  try {
    await remove(nc, saved.name);
    return await putBack(nc, dir, saved, options);
  } catch (error) {
    await remove(nc, saved.name);
    // also after Ctrl-C: a stream that is gone is worse than a late end
    await putBack(nc, folder.dir, kept, { replicas: kept.config.num_replicas, tell: options.tell });
    throw new Error(`${(error as Error).message}. The stream that was there before is back, and kept in ${folder.dir}`);
  }
}
