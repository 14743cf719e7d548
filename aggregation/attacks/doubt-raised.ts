import type { LossGradient } from '../trusted/trusted-loss.ts';
import type { Scene } from './attacks.ts';
import { along, dot, meanOf, scaled } from './honest.ts';
import { medianNorm } from './knowing.ts';

/**
 * Who knows the sample and the rule. `attacks`, `normal`: the sample's losses at weights of shape [d]. `attacksOf`: what the attacker's
 * own run of the rule makes of the f updates that it would send, as the sample's loss of its attacks.
 */
export type DoubtScene = Scene &
  Readonly<{
    base: Float32Array;
    attacks: LossGradient;
    normal: LossGradient;
    attacksOf(sent: readonly Float32Array[]): Promise<number>;
  }>;

/** How hard normal work is pulled down beside what attacks are pushed up, both at one length: what harms the sample gets no weight. */
const pulls = [0.7, 0.9];
/** Of the honest median norm. Farther up the rule heard less of it, seeds 1 and 2. */
const stepLength = 0.3;
const stepsTried = [2, 3];
/** What clipping lets through. */
const lengthMax = 1.5;

/**
 * Doubt raised: a rule that doubts a sample whose attacks are told no better than chance tells none of them apart while it does. So
 * from the honest mean up the loss of the sample's attacks, and down that of its normal work, to where the rule agrees on the highest.
 * Deterministic. Two gradients a step, four runs of the rule.
 */
export async function doubtRaised(scene: DoubtScene): Promise<Float32Array[]> {
  const { honest, f, base, attacks, normal, attacksOf } = scene;
  const norm = medianNorm(honest);
  let best: Readonly<{ sent: Float32Array[]; loss: number }> = { sent: [], loss: Number.NEGATIVE_INFINITY };
  for (const pull of pulls) {
    let x = meanOf(honest);
    for (let step = 1; step <= Math.max(...stepsTried); step++) {
      const weights = base.map((value, j) => value + (x[j] as number));
      const [up, down] = [await attacks(weights), await normal(weights)];
      const way = unit(along(unit(up.gradient), -pull, unit(down.gradient)));
      const moved = along(x, stepLength * norm, way);
      x = scaled(moved, Math.min(1, (lengthMax * norm) / lengthOf(moved)));
      if (!stepsTried.includes(step)) continue;
      const sent = Array.from({ length: f }, () => Float32Array.from(x));
      const loss = await attacksOf(sent);
      if (loss > best.loss) best = { sent, loss };
    }
  }
  return best.sent;
}

function unit(vector: ArrayLike<number>): Float64Array {
  const length = lengthOf(vector);
  return Float64Array.from(vector, (value) => (length === 0 ? 0 : value / length));
}

function lengthOf(vector: ArrayLike<number>): number {
  return Math.sqrt(dot(vector, vector));
}
