/** Quantities known to lie in [low[i], high[i]], both inclusive; exact where low equals high. */
export type Bounds = Readonly<{ low: Float64Array; high: Float64Array }>;

/** Positions (not rows) of bounded quantities, relative to a cut after the m lowest. */
export type Cut = Readonly<{ inside: readonly number[]; undecided: readonly number[] }>;

/**
 * Which of the quantities are among the m lowest whatever their true values are, and which may or may not be. Order is
 * by value, then by position. The one place where bounds turn into decisions. O(n log n), O(n) where m is small.
 */
export function cutLowest(bounds: Bounds, m: number): Cut {
  const { low, high } = bounds;
  // Surely inside: at most m can be as low, itself among them. Surely outside: m are lower whatever happens.
  const insideBelow = valueAt(low, m) ?? Number.POSITIVE_INFINITY;
  const outsideAbove = valueAt(high, m - 1) ?? Number.NEGATIVE_INFINITY;
  const inside: number[] = [];
  const undecided: number[] = [];
  for (let i = 0; i < low.length; i++) {
    if ((high[i] as number) < insideBelow) inside.push(i);
    else if ((low[i] as number) <= outsideAbove) undecided.push(i);
  }
  return { inside, undecided };
}

/** Up to here the few lowest are kept in order while all pass by, rather than all sorted. */
const ranksKeptMax = 8;

/** What stands at `rank` (from 0) when they are sorted; undefined where there are not as many. */
function valueAt(values: Float64Array, rank: number): number | undefined {
  if (rank > ranksKeptMax) return values.toSorted()[rank];
  if (rank < 0 || rank >= values.length) return undefined;
  const lowest = new Float64Array(rank + 1).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value < (lowest[rank] as number))) continue;
    let at = rank;
    for (; at > 0 && value < (lowest[at - 1] as number); at--) lowest[at] = lowest[at - 1] as number;
    lowest[at] = value;
  }
  return lowest[rank];
}

/** The m lowest by (value, position), once every undecided quantity is exact or tied with the others by construction. */
export function resolveCut(cut: Cut, values: Float64Array, m: number): number[] {
  const ranked = [...cut.undecided].sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
  return [...cut.inside, ...ranked.slice(0, m - cut.inside.length)].sort((a, b) => a - b);
}

/** Positions whose place in the order (by value, then position) their bounds leave open, ties included. O(n log n). */
export function unordered(bounds: Bounds): number[] {
  const lows = bounds.low.toSorted();
  const highs = bounds.high.toSorted();
  return [...lows.keys()].filter(
    (i) => countAtMost(lows, bounds.high[i] as number) - countBelow(highs, bounds.low[i] as number) > 1,
  );
}

/** How many of the ascending `sorted` are ≤ limit. */
function countAtMost(sorted: Float64Array, limit: number): number {
  return partition(sorted, (value) => value <= limit);
}

/** How many of the ascending `sorted` are < limit. */
function countBelow(sorted: Float64Array, limit: number): number {
  return partition(sorted, (value) => value < limit);
}

function partition(sorted: Float64Array, holds: (value: number) => boolean): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (holds(sorted[middle] as number)) from = middle + 1;
    else to = middle;
  }
  return from;
}
