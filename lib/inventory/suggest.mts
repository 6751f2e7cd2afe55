/** Edits (insert, delete, replace, swap of neighbours) from one word to the other, or more than `most`. */
function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}

/** The known word that was probably meant: at most a third of its letters differ. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined,
    least = Infinity;
  const plain = word.toLowerCase().replaceAll("-", "_");
  for (const other of known) {
    const most = Math.max(1, Math.min(3, Math.floor(other.length / 3)));
    const edits = distance(plain, other.toLowerCase().replaceAll("-", "_"), most);
    if (edits <= most && edits < least) [best, least] = [other, edits];
  }
  return best;
}

/** `did you mean "x"?`, or else the known words. */
export function didYouMean(word: string, known: readonly string[], noun: string): string {
  const guess = nearest(word, known);
  if (guess !== undefined) return `did you mean "${guess}"?`;
  return known.length <= 12 ? `${noun}: ${known.join(", ")}` : `remove it (docs/inventory.md lists the keys)`;
}
