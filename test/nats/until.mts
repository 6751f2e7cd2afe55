/** Looks again until `good`, and gives back the last look in any case: the assertion that follows then says what was wrong. */
export async function until<T>(look: () => Promise<T>, good: (seen: T) => boolean, timeoutMs = 15_000): Promise<T> {
  for (const end = Date.now() + timeoutMs; ; ) {
    const seen = await look();
    if (good(seen) || Date.now() > end) return seen;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
