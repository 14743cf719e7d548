import { scaledRows } from '../blocks/views.ts';
import { type Aggregated, ok, refuse } from '../fault.ts';
import { needs, refuseRows } from '../requirements.ts';
import { medianOf } from '../trusted/clipped-rows.ts';
import type { TrustedSample } from '../trusted/trusted-loss.ts';
import type { Decision, Updates } from '../updates.ts';
import { allRows } from './coordinate-wise.ts';

/**
 * FLTrust: every update scaled to the length of the server's own, weighted by its cosine to it where that is positive.
 * Cao, Fang, Liu, Gong, "FLTrust: Byzantine-robust Federated Learning via Trust Bootstrapping", NDSS 2021.
 *
 *     aggregate = Σ max(0, cos(x_i, r)) · ‖r‖ / ‖x_i‖ · x_i  /  Σ max(0, cos(x_i, r))
 *
 * r: what training on the trusted sample makes of the base (`reference`); where none is given, the sample's steepest descent,
 * as long as the median update. What the sample does not hold has cosine near 0, and so little weight: a peer to compare
 * with. Shapes: updates [n, d] → [d]. Needs f < n. O(nd). Zero where nobody has a positive cosine.
 */
export async function fltrust(
  updates: Updates,
  f: number,
  { trusted, base }: Readonly<{ trusted: TrustedSample; base: Float32Array }>,
): Promise<Aggregated<Decision>> {
  const { source, algebra } = updates;
  const refused = refuseRows({ ...needs.trusted, rule: 'FLTrust' }, source.n, f);
  if (refused) return refused;
  const norms = (await updates.squaredNorms()).map(Math.sqrt);
  const reference = trusted.reference ?? (await steepest(trusted, base, medianOf(norms)));
  if (reference === undefined) {
    return refuse('CONTEXT_MISSING', 'FLTrust needs an update of the server itself, or a loss with a gradient');
  }
  const length = Math.sqrt(reference.reduce((sum, value) => sum + value * value, 0));
  const dots = await algebra.dots(source, reference);
  const trust = dots.map((dot, row) => Math.max(0, dot / (length * (norms[row] as number))) || 0);
  const total = trust.reduce((sum, each) => sum + each, 0);
  const shares = trust.map((each) => (total === 0 ? 0 : each / total));
  const scaled = scaledRows(source, norms.map((norm) => (norm === 0 ? 0 : length / norm))); // biome-ignore format: one line
  const plan = { kind: 'combine', source: scaled, weights: shares, divisor: 1 } as const;
  return ok({ plan, selected: allRows(source.n).filter((row) => shares[row] !== 0), shares });
}

async function steepest({ loss }: TrustedSample, base: Float32Array, length: number) {
  if (loss.gradient === undefined) return undefined;
  const { gradient } = await loss.gradient(base);
  const norm = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
  return gradient.map((value) => (norm === 0 ? 0 : (-value * length) / norm));
}
