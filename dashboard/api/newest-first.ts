/** Rows of a list that grows at its beginning: all that fit from number `before` on, to number `to`. `before` 0: there are no earlier ones. */
export type Shown<Row> = Readonly<{ entries: readonly Row[]; before: number; to: number }>;

/**
 * What is shown once the newest page was asked for again: what a reader asked for of earlier ones stays below it, also where nothing fitted
 * yet. An answer that a later one overtook changes nothing. Where more has come than a page covers, the newest page stands alone: nothing
 * may be missing between.
 */
export function withNewest<Row extends Readonly<{ sequence: number }>>(
  shown: Shown<Row> | undefined,
  newest: Shown<Row>,
): Shown<Row> {
  if (shown === undefined || newest.before > shown.to + 1) return newest;
  if (newest.to < shown.to) return shown;
  const below = shown.entries.filter(({ sequence }) => sequence < newest.before);
  return { entries: [...newest.entries, ...below], before: Math.min(newest.before, shown.before), to: newest.to };
}

/** The same with the page before what is shown; one that was asked for twice comes once. */
export function withEarlier<Row>(shown: Shown<Row> | undefined, from: number, earlier: Shown<Row>): Shown<Row> {
  if (shown === undefined) return earlier;
  if (shown.before !== from) return shown;
  return { ...shown, entries: [...shown.entries, ...earlier.entries], before: earlier.before };
}
