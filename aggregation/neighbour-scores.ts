import { type Bounds, cutLowest, resolveCut, unordered } from './cut.ts';
import type { RowPair } from './engine.ts';
import type { KnownDistances } from './known-distances.ts';

/**
 * The Krum score of row i among `rows`: the sum, in ascending order, of its `neighbours` smallest squared distances to
 * the others of `rows`. Decisions between scores are those of exact distances (engine.ts says what exact is); where the
 * known ones leave doubt, the pairs in doubt are settled first. Ties go to the lower row.
 */
export type ScoreQuestion = Readonly<{ distances: KnownDistances; rows: readonly number[]; neighbours: number }>;

/** The m rows of lowest score, ascending by row. */
export async function lowestScores(question: ScoreQuestion, m: number): Promise<number[]> {
  const { distances, rows } = question;
  for (;;) {
    const { bounds, open } = scoreBounds(question);
    const cut = cutLowest(bounds, m);
    const [first] = cut.undecided;
    const identityOf = (at: number) => distances.identity[rows[at] as number];
    const tied = first !== undefined && cut.undecided.every((at) => identityOf(at) === identityOf(first));
    const pairs = tied ? [] : cut.undecided.flatMap((at) => open[at] as RowPair[]);
    if (pairs.length === 0) {
      const values = tied ? new Float64Array(rows.length) : bounds.low;
      return resolveCut(cut, values, m).map((at) => rows[at] as number);
    }
    await distances.settle(pairs);
  }
}

/** All rows of the question by (score, row), lowest first. Settles every pair whose order is in doubt. */
export async function rankByScore(question: ScoreQuestion): Promise<number[]> {
  const { distances, rows } = question;
  for (;;) {
    const { bounds, open } = scoreBounds(question);
    const pairs = unordered(bounds).flatMap((at) => open[at] as RowPair[]);
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
  for (;;) {
    const { bounds, open } = scoreBounds(question);
    const pairs = open.flatMap((pending, at) =>
      round(bounds.low[at] as number) === round(bounds.high[at] as number) ? [] : pending,
    );
    if (pairs.length === 0) return bounds.low.map(round);
    await question.distances.settle(pairs);
  }
}

/** Bounds of every score, shape [rows.length], and for each the pairs that would have to be settled to make it exact. */
export function scoreBounds(question: ScoreQuestion): { bounds: Bounds; open: RowPair[][] } {
  const { rows } = question;
  const bounds = { low: new Float64Array(rows.length), high: new Float64Array(rows.length) };
  const scratch = { low: new Float64Array(rows.length - 1), high: new Float64Array(rows.length - 1) };
  const open = rows.map((row, at) => {
    const score = boundScore(question, row, scratch);
    bounds.low[at] = score.low;
    bounds.high[at] = score.high;
    return score.open;
  });
  return { bounds, open };
}

function boundScore({ distances, rows, neighbours }: ScoreQuestion, row: number, scratch: Bounds) {
  let count = 0;
  let errors = 0;
  for (const other of rows) {
    if (other === row) continue;
    const value = distances.value(row, other);
    const error = distances.error(row, other);
    errors += error;
    scratch.low[count] = Math.max(0, value - error);
    scratch.high[count++] = value + error;
  }
  scratch.low.sort();
  if (errors === 0) {
    const score = sumOfFirst(scratch.low, neighbours);
    return { low: score, high: score, open: [] };
  }
  scratch.high.sort();
  // Only others that may be among the nearest matter: whoever is surely farther than `reach` has no part in the score.
  const reach = neighbours === 0 ? -1 : (scratch.high[neighbours - 1] as number);
  const open: RowPair[] = [];
  for (const other of rows) {
    if (other === row) continue;
    const error = distances.error(row, other);
    if (error > 0 && distances.value(row, other) - error <= reach) open.push([row, other]);
  }
  // With nothing open the nearest are exact, so both sums are the score itself; else leave room for their rounding.
  const rounding = open.length === 0 ? 0 : neighbours * Number.EPSILON;
  return {
    low: sumOfFirst(scratch.low, neighbours) * (1 - rounding),
    high: sumOfFirst(scratch.high, neighbours) * (1 + rounding),
    open,
  };
}

/** In ascending order, so that equal multisets of distances give equal scores to the bit. */
function sumOfFirst(sorted: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += sorted[i] as number;
  return sum;
}
