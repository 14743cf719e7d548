import type { DistanceMatrix } from '../linear-algebra.ts';
import type { KnownDistances } from './known-distances.ts';

/**
 * Distances between computed rows, from those between the rows they are computed of: O(n) per pair instead of O(d).
 * Both formulas also carry what float64 rounding may have done on either side (here, and in the exact sum that the
 * answer stands for), so that the bounds stay true; what they leave open is settled on the rows themselves.
 */

/** Rounding of an exact sum along d, relative to its terms: 256 additions a lane and chunk, then one per chunk. */
const sumRounding = (d: number) => (260 + d / 1024) * 2 ** -53;

/**
 * Rows scaled one by one, x_i → s_i x_i with 0 ≤ s_i:
 * ‖s_i x_i − s_j x_j‖² = s_i s_j D_ij + (s_i − s_j)(s_i N_i − s_j N_j), where N_i = ‖x_i‖².
 */
export function scaledDistances(
  base: KnownDistances,
  squaredNorms: Float64Array,
  factors: Float64Array,
  d: number,
): DistanceMatrix {
  const { n } = base;
  const values = new Float64Array(n * n);
  // The two terms of the formula cancel down from s_i s_j (N_i + N_j), so that is what rounding is relative to.
  const rounding = 8 * sumRounding(d);
  const largest = factors.reduce((most, factor) => Math.max(most, factor), 0);
  const errorOf = (i: number, j: number) => {
    const [si, sj] = [factors[i] as number, factors[j] as number];
    const [ni, nj] = [squaredNorms[i] as number, squaredNorms[j] as number];
    return si * sj * base.error(i, j) + rounding * (si * sj * (ni + nj) + si * si * ni + sj * sj * nj);
  };
  const rowErrors = factors.map(
    (factor, row) =>
      factor * largest * (base.rowErrors[row] as number) +
      rounding * factor * (factor + largest) * (squaredNorms[row] as number),
  );
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const [si, sj] = [factors[i] as number, factors[j] as number];
      const spread = (si - sj) * (si * (squaredNorms[i] as number) - sj * (squaredNorms[j] as number));
      values[i * n + j] = values[j * n + i] = Math.max(0, si * sj * base.value(i, j) + spread);
    }
  }
  return { n, values, errorOf, rowErrors };
}

/**
 * Rows that are means of groups A, B of base rows: with u = 1/|A| on A minus 1/|B| on B (so Σu = 0),
 * ‖a − b‖² = −½ uᵀDu = Q_AB − ½ Q_AA − ½ Q_BB, where Q_AB is the mean of D over A × B; the error is at most
 * ‖u‖₁ Σ|u_i| r_i with r the base's row errors. O(n² · group size) time.
 */
export function groupMeanDistances(
  base: KnownDistances,
  squaredNorms: Float64Array,
  groups: readonly (readonly number[])[],
  d: number,
): DistanceMatrix {
  const n = groups.length;
  const between = meansBetween(base, groups);
  const identity = identityOfGroups(groups);
  const values = new Float64Array(n * n);
  const errors = new Float64Array(n * n);
  const rowErrors = groups.map((group) => 2 * meanOf(group, base.rowErrors));
  // What rounding each mean's values may have moved the whole row by.
  const moved = groups.map((group) => {
    const longest = Math.sqrt(group.reduce((most, row) => Math.max(most, squaredNorms[row] as number), 0));
    return (group.length + 2) * 2 ** -52 * longest;
  });
  const weights = new Float64Array(base.n);
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      if (identity[a] === identity[b]) continue; // Equal to the bit: at distance 0, exactly.
      const [ab, aa, bb] = [between[a * n + b], between[a * n + a], between[b * n + b]] as [number, number, number];
      const value = Math.max(0, ab - aa / 2 - bb / 2);
      const [groupA, groupB] = [groups[a] as number[], groups[b] as number[]];
      const shift = (moved[a] as number) + (moved[b] as number);
      const rounding =
        (sumRounding(d) + (groupA.length + groupB.length) * 2 ** -52) * (ab + aa + bb) +
        2 * Math.sqrt(value + ab) * shift +
        shift * shift;
      const error = carriedError(groupA, groupB, base.rowErrors, weights) + rounding;
      values[a * n + b] = values[b * n + a] = value;
      errors[a * n + b] = errors[b * n + a] = error;
      for (const row of [a, b]) rowErrors[row] = Math.max(rowErrors[row] as number, error);
    }
  }
  return { n, values, errorOf: (i, j) => errors[i * n + j] as number, rowErrors: Float64Array.from(rowErrors) };
}

/** Groups of equal members have the same number: their means are equal to the bit. */
export function identityOfGroups(groups: readonly (readonly number[])[]): Int32Array {
  const first = new Map<string, number>();
  return Int32Array.from(groups, (group, row) => {
    const key = group.join();
    if (!first.has(key)) first.set(key, row);
    return first.get(key) as number;
  });
}

/** Q: mean of D over A × B for all pairs of groups, shape [n, n]; a row's distance to itself is 0. */
function meansBetween(base: KnownDistances, groups: readonly (readonly number[])[]): Float64Array {
  const n = groups.length;
  const toGroup = new Float64Array(n * base.n); // Mean of D between group a and base row j.
  for (const [a, group] of groups.entries()) {
    for (let j = 0; j < base.n; j++) {
      let sum = 0;
      for (const i of group) if (i !== j) sum += base.value(i, j);
      toGroup[a * base.n + j] = sum / group.length;
    }
  }
  const between = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    const row = toGroup.subarray(a * base.n, (a + 1) * base.n);
    for (let b = a; b < n; b++) between[a * n + b] = between[b * n + a] = meanOf(groups[b] as number[], row);
  }
  return between;
}

/** ‖u‖₁ Σ|u_i| r_i. `weights`: scratch of shape [base n], zero before and after. */
function carriedError(
  a: readonly number[],
  b: readonly number[],
  rowErrors: Float64Array,
  weights: Float64Array,
): number {
  for (const row of a) weights[row] = (weights[row] as number) + 1 / a.length;
  for (const row of b) weights[row] = (weights[row] as number) - 1 / b.length;
  let [size, carried] = [0, 0];
  for (const row of [...a, ...b]) {
    const weight = Math.abs(weights[row] as number);
    size += weight;
    carried += weight * (rowErrors[row] as number);
    weights[row] = 0; // A row in both groups counts once.
  }
  return size * carried;
}

function meanOf(rows: readonly number[], values: ArrayLike<number>): number {
  let sum = 0;
  for (const row of rows) sum += values[row] as number;
  return sum / rows.length;
}
