import { type Aggregated, ok } from '../fault.ts';
import { needs, refuseInteger, refusePositive, refuseRows } from '../requirements.ts';
import type { Convergence, Decision, Updates } from '../updates.ts';
import { allRows } from './coordinate-wise.ts';

/**
 * `smoothing`: ν, the distance below which an update pulls no harder, in units of the updates. `tolerance`: stop when a
 * step moves at most this share of the mean distance. `stepsMax`: stop anyway, and say so.
 */
export type WeiszfeldParameters = Readonly<{
  smoothing: number;
  tolerance: number;
  stepsMax: number;
  start: 'mean' | 'zero';
}>;

/** RFA's ν, and a tolerance well below what float32 weights resolve. */
const weiszfeldDefaults: WeiszfeldParameters = {
  smoothing: 1e-6,
  tolerance: 1e-7,
  stepsMax: 200,
  start: 'mean',
};

/**
 * Geometric median: the point of least summed distance to all updates, by the smoothed Weiszfeld iteration
 *
 *     z ← Σ β_i x_i / Σ β_i,   β_i = 1 / max(ν, ‖x_i − z‖)
 *
 * Pillutla, Kakade, Harchaoui, "Robust Aggregation for Federated Learning", IEEE TSP 2022. Every iterate is a weighted
 * mean of the updates, so only the n weights are kept and each step is one pass for n distances.
 *
 * Shapes: updates [n, d] → [d]. Needs n ≥ 2f + 1: breakdown point f < n / 2. O(nd) time a step, O(n · block) memory.
 * The step is measured without a further pass: moving weight Δw_i moves z by at most Σ |Δw_i| ‖x_i − z‖.
 */
export async function geometricMedian(
  updates: Updates,
  f: number,
  parameters: WeiszfeldParameters = weiszfeldDefaults,
): Promise<Aggregated<Decision>> {
  const { source, algebra } = updates;
  const { smoothing, tolerance, stepsMax } = parameters;
  const refused =
    refuseRows({ ...needs.majority, rule: 'the geometric median' }, source.n, f) ??
    refusePositive('smoothing', smoothing) ??
    refuseInteger('PARAMETER_OUT_OF_RANGE', 'stepsMax', stepsMax, 1, 100_000) ??
    (tolerance === 0 ? undefined : refusePositive('tolerance', tolerance));
  if (refused) return refused;
  let weights = new Float64Array(source.n).fill(parameters.start === 'mean' ? 1 / source.n : 0);
  let convergence: Convergence = { steps: 0, converged: false, movedAtMost: Number.POSITIVE_INFINITY };
  while (!convergence.converged && convergence.steps < stepsMax) {
    const distances = (await algebra.distancesToMean(source, weights)).map(Math.sqrt);
    const next = normalised(distances.map((distance) => 1 / Math.max(smoothing, distance)));
    const movedAtMost = shareMoved(weights, next, distances);
    // A step from the zero vector is not between two weighted means: the bound says nothing about it.
    const measured = convergence.steps > 0 || parameters.start === 'mean';
    weights = next;
    convergence = { steps: convergence.steps + 1, converged: measured && movedAtMost <= tolerance, movedAtMost };
  }
  const plan = { kind: 'combine', source, weights, divisor: 1 } as const;
  return ok({ plan, selected: allRows(source.n), shares: weights, convergence });
}

function normalised(weights: Float64Array): Float64Array<ArrayBuffer> {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float64Array.from(weights, (weight) => weight / sum);
}

function shareMoved(before: Float64Array, after: Float64Array, distances: Float64Array): number {
  let [moved, total] = [0, 0];
  distances.forEach((distance, row) => {
    moved += Math.abs((after[row] as number) - (before[row] as number)) * distance;
    total += distance;
  });
  return total === 0 ? 0 : moved / (total / distances.length);
}
