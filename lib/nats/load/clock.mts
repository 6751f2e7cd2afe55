/** Milliseconds on the machine's monotonic clock, with a fraction. One time line for all threads and processes of a machine, unlike performance.now(). */
export const now = (): number => OFFSET + performance.now();

const OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Waits without keeping anything alive after an abort. @throws the signal's reason */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Polls until `done`, for as long as `progress` keeps changing: a slow machine gets all the time it uses, a stuck cluster doesn't.
 * @param patience milliseconds without progress after which it gives up
 * @param limit milliseconds after which it gives up in any case
 * @returns whether it got done
 */
export async function whileProgress(o: {
  done: () => boolean;
  progress: () => number;
  patience: number;
  limit: number;
  signal?: AbortSignal;
}): Promise<boolean> {
  const end = now() + o.limit;
  let seen = o.progress();
  let since = now();
  while (!o.done()) {
    if (now() > end || now() - since > o.patience) return false;
    await pause(5, o.signal);
    const current = o.progress();
    if (current !== seen) {
      seen = current;
      since = now();
    }
  }
  return true;
}
