/** Mistakes that still say what was meant: a third of the word, one at least. */
function mistakesMax(word: string): number {
  return Math.max(1, Math.floor(word.length / 3));
}

/** Of words that exist, the one that was probably meant: letters changed, added, left out or swapped. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = mistakesMax(word) + 1;
  for (const other of known) {
    if (Math.abs(other.length - word.length) >= fewest) continue;
    const mistakes = mistakesBetween(word.toLowerCase(), other.toLowerCase());
    if (mistakes >= fewest) continue;
    best = other;
    fewest = mistakes;
  }
  return best;
}

/** "; did you mean X?", or nothing where no word is near. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

/** Edit distance in which two letters that changed places are one mistake (optimal string alignment). */
function mistakesBetween(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] && i > 1 && j > 1 ? (beforeLast[j - 2] as number) + 1 : replaced;
      row.push(Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, replaced, swapped));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] as number;
}
