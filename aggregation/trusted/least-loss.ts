import type { Convergence } from '../updates.ts';
import { nearestOnCappedSimplex } from './capped-simplex.ts';

/** The trusted loss at w + Σ a_i u_i, how it changes along every u_i there, shape [n], and its gradient where that was needed. */
export type LossAlong = Readonly<{ loss: number; slopes: Float64Array; gradient?: Float32Array }>;
export type LossOfMixture = (shares: Float64Array) => Promise<LossAlong>;

/** `pull`: ρ · L(w) · n, what keeps shares near 1/n; `cap`: the most one row may weigh. */
export type LeastLossParameters = Readonly<{ cap: number; pull: number; stepsMax: number }>;

/** `at`: the loss and slopes at the shares found. */
export type LeastLoss = Readonly<{ shares: Float64Array; at: LossAlong; convergence: Convergence }>;

/** Shares are settled when no projected step moves any of them by more than this. */
const tolerance = 1e-6;
const halvingsMax = 12;

/**
 * argmin L(w + Σ a_i u_i) + ½ pull ‖a − 1/n‖² over 0 ≤ a_i ≤ cap, Σ a_i = 1, from a = 1/n, by spectral projected gradient
 * (Birgin, Martínez, Raydan, SIAM J. Optim. 2000, algorithm SPG2) with a monotone line search: the value never rises, so
 * the answer is never worse than the plain mean, whatever the loss. One evaluation a step where steps are accepted.
 * Float64 in a fixed order: the same bits for the same losses.
 */
export async function leastLoss(
  lossOf: LossOfMixture,
  n: number,
  { cap, pull, stepsMax }: LeastLossParameters,
): Promise<LeastLoss> {
  const objective = async (shares: Float64Array): Promise<Objective> => {
    const at = await lossOf(shares);
    const squared = shares.reduce((sum, share) => sum + (share - 1 / n) ** 2, 0);
    const gradient = at.slopes.map((slope, row) => slope + pull * ((shares[row] as number) - 1 / n));
    return { at, gradient, value: at.loss + 0.5 * pull * squared };
  };
  let shares: Float64Array = new Float64Array(n).fill(1 / n);
  let here = await objective(shares);
  let scale = 1 / Math.max(largest(here.gradient), Number.MIN_VALUE) / n; // Moves no share by more than about 1/n.
  for (let steps = 0; ; steps++) {
    const target = nearestOnCappedSimplex(
      shares.map((share, row) => share - scale * at(here.gradient, row)),
      cap,
    );
    const direction = target.map((value, row) => value - at(shares, row));
    const movedAtMost = largest(direction);
    const converged = movedAtMost <= tolerance;
    if (converged || steps === stepsMax) return { shares, at: here.at, convergence: { steps, converged, movedAtMost } };
    const next = await descend(objective, shares, here, direction);
    if (next === undefined) return { shares, at: here.at, convergence: { steps, converged: true, movedAtMost: 0 } };
    scale = spectralScale(shares, next.shares, here.gradient, next.there.gradient);
    shares = next.shares;
    here = next.there;
  }
}

type Objective = Readonly<{ at: LossAlong; gradient: Float64Array; value: number }>;

/** The first of 1, ½, ¼ … of the direction that lowers the value enough; undefined where rounding leaves nothing to gain. */
async function descend(
  objective: (shares: Float64Array) => Promise<Objective>,
  shares: Float64Array,
  { gradient, value }: Objective,
  direction: Float64Array,
): Promise<Readonly<{ shares: Float64Array; there: Objective }> | undefined> {
  const slope = gradient.reduce((sum, each, row) => sum + each * at(direction, row), 0);
  for (let halving = 0, length = 1; halving < halvingsMax; halving++, length /= 2) {
    const tried = shares.map((share, row) => share + length * at(direction, row));
    const there = await objective(tried);
    if (there.value <= value + 1e-4 * length * slope) return { shares: tried, there };
  }
  return undefined;
}

/** Barzilai and Borwein's step length: sᵀs / sᵀy, within bounds. */
function spectralScale(from: Float64Array, to: Float64Array, before: Float64Array, after: Float64Array): number {
  let [moved, curved] = [0, 0];
  to.forEach((value, row) => {
    const step = value - at(from, row);
    moved += step * step;
    curved += step * (at(after, row) - at(before, row));
  });
  return curved <= 0 ? 1e6 : Math.min(1e6, Math.max(1e-9, moved / curved));
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function at(values: Float64Array, row: number): number {
  return values[row] as number;
}
