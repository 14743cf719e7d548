import type { RowPair } from '../linear-algebra.ts';
import { type Bounds, cutLowest, resolveCut, unordered } from './cut.ts';
import type { KnownDistances } from './known-distances.ts';

/**
 * The Krum score of row i among `rows`: the sum, in ascending order, of its `neighbours` smallest squared distances to
 * the others of `rows`. Decisions between scores are those of exact distances (linear-algebra.ts says what exact is); where the
 * known ones leave doubt, the pairs in doubt are settled first. Ties go to the lower row.
 */
export type ScoreQuestion = Readonly<{
  distances: KnownDistances;
  rows: readonly number[];
  neighbours: number;
  /** A row's known distances to the others of `rows`, ascending, for callers that keep them; sorted anew when absent. */
  sortedOf?: (row: number) => Float64Array;
}>;

/** The m rows of lowest score, ascending by row. */
export async function lowestScores(question: ScoreQuestion, m: number): Promise<number[]> {
  const { distances, rows } = question;
  const bounds = scoreBounds(question);
  for (;;) {
    const cut = cutLowest(bounds, m);
    const identities = new Set(cut.undecided.map((at) => distances.identity[rows[at] as number]));
    const tied = identities.size === 1; // Equal rows have equal scores, whatever they are.
    const pairs = tied ? [] : openPairs(question, cut.undecided);
    if (pairs.length === 0) {
      const values = tied ? new Float64Array(rows.length) : bounds.low;
      return resolveCut(cut, values, m).map((at) => rows[at] as number);
    }
    await distances.settle(pairs);
    boundAnew(question, bounds, cut.undecided);
  }
}

/** All rows of the question by (score, row), lowest first. Settles every pair whose order is in doubt. */
export async function rankByScore(question: ScoreQuestion): Promise<number[]> {
  const { distances, rows } = question;
  for (;;) {
    const bounds = scoreBounds(question);
    const pairs = openPairs(question, unordered(bounds));
    if (pairs.length === 0) {
      const score = (at: number) => bounds.low[at] as number;
      return [...rows.keys()].sort((a, b) => score(a) - score(b) || a - b).map((at) => rows[at] as number);
    }
    await distances.settle(pairs);
  }
}

/**
 * Scores rounded to `digits` significant digits, shape [rows.length]: the same on every machine, because a score whose
 * bounds would round apart is settled first. What reports and releases carry.
 */
export async function roundedScores(question: ScoreQuestion, digits = 3): Promise<Float64Array> {
  const round = (value: number) => Number(value.toPrecision(digits));
  const bounds = scoreBounds(question);
  const { low, high } = bounds;
  for (;;) {
    const apart = [...low.keys()].filter((at) => round(low[at] as number) !== round(high[at] as number));
    const pairs = openPairs(question, apart);
    if (pairs.length === 0) return low.map(round);
    await question.distances.settle(pairs);
    boundAnew(question, bounds, apart);
  }
}

/** Bounds of every score, shape [rows.length]; equal, and the score itself, where every distance that matters is exact. */
export function scoreBounds(question: ScoreQuestion): Bounds {
  const { rows } = question;
  const bounds = { low: new Float64Array(rows.length), high: new Float64Array(rows.length) };
  boundAnew(question, bounds, rows.keys());
  return bounds;
}

/**
 * In place, for the scores at `places`, whose distances were settled. Those of others stay true, only wider than they might be, and what
 * they decided stays decided: sorting 10,000 rows once more takes seconds.
 */
function boundAnew(question: ScoreQuestion, bounds: Bounds, places: Iterable<number>): void {
  const { rows, neighbours } = question;
  const scratch = new Float64Array(rows.length - 1);
  for (const at of places) {
    const row = rows[at] as number;
    const sorted = sortedDistances(question, row, scratch);
    const sum = sumOfFirst(sorted, neighbours);
    const error = errorWithin(question, row, reachOf(question, row, sorted));
    // Whichever are nearest, each is off by at most that; beside it, room for rounding of the sums.
    const slack = error === 0 ? 0 : neighbours * (error + 2 * Number.EPSILON * sum);
    bounds.low[at] = Math.max(0, sum - slack);
    bounds.high[at] = sum + slack;
  }
}

/** The pairs to settle for the scores at `places` to be exact. */
function openPairs(question: ScoreQuestion, places: readonly number[]): RowPair[] {
  const { distances, rows } = question;
  const scratch = new Float64Array(rows.length - 1);
  return places.flatMap((at) => {
    const row = rows[at] as number;
    const reach = reachOf(question, row, sortedDistances(question, row, scratch));
    return rows.filter((other) => mayBeNear(distances, row, other, reach)).map((other): RowPair => [row, other]);
  });
}

/** How far the farthest of the row's true nearest can be: who is surely farther has no part in its score. */
function reachOf({ distances, rows, neighbours }: ScoreQuestion, row: number, sorted: Float64Array): number {
  if (neighbours === 0) return -1;
  const farthest = sorted[neighbours - 1] as number;
  let error = 0;
  for (const other of rows) {
    if (other !== row && distances.value(row, other) <= farthest) error = Math.max(error, distances.error(row, other));
  }
  return farthest + error;
}

/** The largest error among the distances that may have a part in the row's score. */
function errorWithin({ distances, rows }: ScoreQuestion, row: number, reach: number): number {
  let largest = 0;
  for (const other of rows) {
    if (mayBeNear(distances, row, other, reach)) largest = Math.max(largest, distances.error(row, other));
  }
  return largest;
}

/** Not exact, and perhaps within reach. */
function mayBeNear(distances: KnownDistances, row: number, other: number, reach: number): boolean {
  if (other === row) return false;
  const error = distances.error(row, other);
  return error > 0 && distances.value(row, other) - error <= reach;
}

function sortedDistances(
  { distances, rows, sortedOf }: ScoreQuestion,
  row: number,
  scratch: Float64Array,
): Float64Array {
  if (sortedOf !== undefined) return sortedOf(row);
  let count = 0;
  for (const other of rows) if (other !== row) scratch[count++] = distances.value(row, other);
  return scratch.sort();
}

/** In ascending order, so that equal multisets of distances give equal scores to the bit. */
function sumOfFirst(sorted: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += sorted[i] as number;
  return sum;
}
