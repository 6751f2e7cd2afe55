import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Holds an exclusive lock on `file` while `work` runs. Node has no flock(2), so `flock FILE cat` holds it for us: cat
 * echoes a line once it has the lock, and ends when its stdin closes, which it also does when we are killed.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  // Its own session: Ctrl-C must not take the lock away from work that is still being wound up.
  const holder = spawn("flock", [file, "cat"], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const ended = once(holder, "close");
  try {
    holder.stdin.write("\n");
    await Promise.race([
      once(holder.stdout, "data"),
      ended.then(() => {
        throw new Error(`flock ${file} ended without the lock`);
      }),
    ]);
    return await work();
  } finally {
    holder.stdin.end();
    await ended; // only now is the lock free
  }
}
