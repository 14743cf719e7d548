/** Rows of a list that grows at its beginning, and where to ask on from; 0: there are no earlier ones. */
export type Shown<Row> = Readonly<{ entries: readonly Row[]; before: number }>;

/**
 * What is shown once the newest page was asked for again: the earlier pages that a reader asked for stay below it. An answer that a later
 * one overtook changes nothing. Where more has come than a page holds, the newest page stands alone: nothing may be missing between.
 */
export function withNewest<Row extends Readonly<{ sequence: number }>>(
  shown: Shown<Row>,
  newest: Shown<Row>,
): Shown<Row> {
  const [first, last] = [newest.entries[0]?.sequence ?? 0, newest.entries.at(-1)?.sequence];
  if (first < (shown.entries[0]?.sequence ?? 0)) return shown;
  const at = shown.entries.findIndex(({ sequence }) => sequence === last);
  if (at < 0 || at === shown.entries.length - 1) return newest;
  return { entries: [...newest.entries, ...shown.entries.slice(at + 1)], before: shown.before };
}

/** The same with the page before what is shown; one that was asked for twice comes once. */
export function withEarlier<Row>(shown: Shown<Row>, from: number, earlier: Shown<Row>): Shown<Row> {
  if (shown.before !== from) return shown;
  return { entries: [...shown.entries, ...earlier.entries], before: earlier.before };
}
