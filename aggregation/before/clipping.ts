import { scaledRows } from '../blocks/views.ts';
import { knownDistances } from '../distances/known-distances.ts';
import { scaledDistances } from '../distances/view-distances.ts';
import { type Aggregated, ok } from '../fault.ts';
import { needs, refusePositive, refuseRows } from '../requirements.ts';
import { type Updates, updatesOf } from '../updates.ts';

/** `factors`, shape [n]: what each row was scaled by; 1 where it was left alone. `norm`: none is longer afterwards. */
export type Clipped = Readonly<{ updates: Updates; norm: number; factors: Float64Array }>;

/**
 * Static clipping: x_i ← x_i · min(1, norm / ‖x_i‖). Shapes: [n, d] → [n, d]. O(nd). Not robust by itself.
 */
export async function clipToNorm(updates: Updates, norm: number): Promise<Aggregated<Clipped>> {
  return refusePositive('norm', norm) ?? ok(await clip(updates, norm));
}

/**
 * Adaptive robust clipping (ARC): with k = ⌊2 (f/n)(n − f)⌋, the k longest updates are clipped to the norm of the next
 * longest. Allouah, Guerraoui, Gupta, Jellouli, Rizk, Stephan, "Adaptive Gradient Clipping for Robust Federated Learning",
 * ICLR 2025 (arXiv 2405.14432). Needs n ≥ 2f + 1. Shapes: [n, d] → [n, d]. O(nd). Keeps the robustness of what follows.
 */
export async function clipAdaptively(updates: Updates, f: number): Promise<Aggregated<Clipped>> {
  const { n } = updates.source;
  const refused = refuseRows({ ...needs.majority, rule: 'adaptive clipping' }, n, f);
  if (refused) return refused;
  const descending = (await updates.squaredNorms()).toSorted().reverse();
  const clippedCount = Math.floor((2 * f * (n - f)) / n); // Below n for every f < n / 2.
  return ok(await clip(updates, Math.sqrt(descending[clippedCount] as number)));
}

async function clip(updates: Updates, norm: number): Promise<Clipped> {
  const { algebra } = updates;
  const squaredNorms = await updates.squaredNorms();
  const factors = squaredNorms.map((squared) => (squared > norm * norm ? norm / Math.sqrt(squared) : 1));
  if (factors.every((factor) => factor === 1)) return { updates, norm, factors };
  const source = scaledRows(updates.source, factors);
  const distances = async () =>
    knownDistances(algebra, source, scaledDistances(await updates.distances(), squaredNorms, factors, source.d));
  return { updates: updatesOf(algebra, source, { distances }), norm, factors };
}
