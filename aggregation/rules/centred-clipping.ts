import { appendRow } from '../blocks/views.ts';
import { type Aggregated, ok, refuse } from '../fault.ts';
import { needs, refuseInteger, refusePositive, refuseRows } from '../requirements.ts';
import type { Decision, Updates } from '../updates.ts';
import { allRows } from './coordinate-wise.ts';

/**
 * Centred clipping: every update pulls the centre towards itself, none by more than `radius`, `steps` times
 *
 *     v ← v + (1/n) Σ (x_i − v) · min(1, radius / ‖x_i − v‖),   v starting from `start` (the zero vector when absent)
 *
 * Karimireddy, He, Jaggi, "Learning from History for Byzantine Robust Optimization", ICML 2021. The history is the
 * caller's: pass the previous round's aggregate as `start`, and each cluster's momentum as its update. Nothing is kept here.
 *
 * Shapes: updates [n, d], start [d] → [d]. Needs n ≥ 2f + 1; the paper's bound holds for f ≤ n / 10. O(nd) time a step,
 * O(n · block) memory: v stays a combination of start and the updates, so only its n + 1 coefficients are kept.
 */
export async function centredClipping(
  updates: Updates,
  f: number,
  parameters: Readonly<{ radius: number; steps: number }>,
  start?: Float64Array,
): Promise<Aggregated<Decision>> {
  const { algebra } = updates;
  const { n, d } = updates.source;
  const { radius, steps } = parameters;
  const refused =
    refuseRows({ ...needs.majority, rule: 'centred clipping' }, n, f) ??
    refusePositive('radius', radius) ??
    refuseInteger('PARAMETER_OUT_OF_RANGE', 'steps', steps, 1, 1000);
  if (refused) return refused;
  if (start !== undefined && start.length !== d) {
    return refuse('LENGTH_MISMATCH', `the start has ${start.length} values where updates have ${d}`);
  }
  if (start !== undefined && !start.every(Number.isFinite)) {
    return refuse('NON_FINITE', 'the start holds a value that is not finite; pass the last good aggregate, or none');
  }
  const source = start === undefined ? updates.source : appendRow(updates.source, start);
  const coefficients = new Float64Array(source.n);
  if (start !== undefined) coefficients[n] = 1;
  for (let step = 0; step < steps; step++) {
    const squared = await algebra.distancesToMean(source, coefficients);
    const pulls = squared.subarray(0, n).map((distance) => Math.min(1, radius / Math.sqrt(distance)));
    const left = 1 - pulls.reduce((total, pull) => total + pull, 0) / n; // Exactly 0 when nobody is clipped.
    for (let row = 0; row < source.n; row++) {
      coefficients[row] = (coefficients[row] as number) * left + (pulls[row] ?? 0) / n;
    }
  }
  const plan = { kind: 'combine', source, weights: coefficients, divisor: 1 } as const;
  return ok({ plan, selected: allRows(n), shares: coefficients.slice(0, n) });
}
