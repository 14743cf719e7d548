import { type Aggregated, ok, refuse } from '../fault.ts';
import { needs, refuseRows } from '../requirements.ts';
import type { Decision, Updates } from '../updates.ts';
import { allRows } from './coordinate-wise.ts';

/**
 * The weighted mean, Σ w_i x_i / Σ w_i. Not robust: one update moves it anywhere (breakdown point 0). Weights are the
 * coordinator's own, never the example counts that clients claim, which would hand any client the model.
 *
 * Shapes: updates [n, d], weights [n] (all 1 when absent) → [d]. O(nd) time, O(n · block) memory.
 */
export async function mean(updates: Updates, assigned?: Float64Array): Promise<Aggregated<Decision>> {
  const { source } = updates;
  const refused = refuseRows({ ...needs.majority, rule: 'the mean' }, source.n, 0);
  if (refused) return refused;
  const weights = assigned ?? new Float64Array(source.n).fill(1);
  if (weights.length !== source.n) {
    return refuse('LENGTH_MISMATCH', `need one weight for each of the ${source.n} updates, got ${weights.length}`);
  }
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (!weights.every((weight) => weight >= 0 && Number.isFinite(weight)) || sum <= 0 || !Number.isFinite(sum)) {
    return refuse('PARAMETER_OUT_OF_RANGE', 'weights must be finite, at least 0, and not all 0');
  }
  const selected = allRows(source.n).filter((row) => (weights[row] as number) > 0);
  const shares = weights.map((weight) => weight / sum);
  return ok({ plan: { kind: 'combine', source, weights, divisor: sum }, selected, shares });
}
