import { createHash } from "node:crypto";

/** How many messages each subject has, in a form that can be kept and compared however many subjects there are. */
export interface Subjects {
  /** sum over all messages of a 64-bit hash of the subject, in hex: equal when every subject has the same count, in any order */
  digest: string;
  /** the counts themselves, when there are few subjects */
  counts?: Record<string, number>;
}

/** So many subjects are kept by name in a manifest; beyond, the digest stands for them. */
const NAMED = 1000;
/** So many subjects are held in memory while counting. */
const HELD = 1 << 16;
const MODULUS = 1n << 64n;

/** Counts messages by subject in bounded memory. */
export class SubjectTally {
  #counts = new Map<string, number>();
  #sum = 0n;
  #all = true;

  add(subject: string, messages = 1): void {
    const known = this.#counts.get(subject);
    if (known === undefined && this.#counts.size >= HELD) this.#fold();
    this.#counts.set(subject, (known ?? 0) + messages);
  }

  get result(): Subjects {
    const counts = this.#all && this.#counts.size <= NAMED ? Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))) : undefined;
    const digest = [...this.#counts].reduce((sum, [subject, count]) => sum + hash(subject) * BigInt(count), this.#sum) % MODULUS;
    return { digest: digest.toString(16).padStart(16, "0"), ...(counts && { counts }) };
  }

  #fold(): void {
    for (const [subject, count] of this.#counts) this.#sum += hash(subject) * BigInt(count);
    this.#counts.clear();
    this.#all = false;
  }
}

const hash = (subject: string): bigint => createHash("sha256").update(subject).digest().readBigUInt64BE();

/** The subjects that differ, for people: `a.b: 3 instead of 4`; without names where the digests are all there is. Empty: none does. */
export function subjectDifferences(is: Subjects, expected: Subjects): string[] {
  if (is.digest === expected.digest) return [];
  if (!is.counts || !expected.counts) return ["the counts of single subjects differ"];
  const [a, b] = [is.counts, expected.counts];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((s) => a[s] !== b[s]).map((s) => `${s}: ${a[s] ?? 0} instead of ${b[s] ?? 0}`);
}
