/**
 * What the house does not keep yet. This list only shrinks: the check fails where something new would have to be added,
 * and as well where an entry is no longer needed, so that nothing that was cut grows back.
 */
export type Known = Readonly<{
  /** Files and folders that are in some circle with their neighbours. */
  inCircles: readonly string[];
  /** Pairs of rooms, "from → to", where `from` stands below `to` in the order of rooms or beside it. */
  upwards: readonly string[];
  /** Folders with too many files on one level, and files with too many lines. */
  tooLarge: readonly string[];
}>;

export const known: Known = {
  inCircles: [],
  upwards: [],
  tooLarge: [],
};
