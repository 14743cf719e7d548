import { movedBy } from '../trusted/losses-along.ts';
import type { TrustedLoss } from '../trusted/trusted-loss.ts';
import { type BlockValues, gathered, placed } from './block-values.ts';

type Gradient = NonNullable<TrustedLoss['gradient']>;

/** Steps at most, and how often one of them is halved at most. Each takes a gradient, most steps one alone. */
const stepsMax = 20;
const halvingsMax = 8;
/** It has settled where the next step would gain less than this part of the value. */
const tolerance = 1e-6;

/**
 * What the sample says against blocks that it does not cover: what it holds is something else. What was agreed on there, v,
 * becomes
 *
 *     argmin over x of  L(w + known + x) + ½ pull ‖x − v‖²
 *
 * `known` the aggregate elsewhere, zero in these blocks. Clusters contrast a class only with what they have themselves, so its
 * block grows on whatever else looks like it; liars who are honest where the sample sees can make it grow there. Both cost the
 * sample what it knows, and are taken back; what its traces have nothing of stays as the holders said.
 *
 * The sample never loses by it: L there ≤ L(w + known + v), so ‖x − v‖² ≤ 2 L(w + known + v) / pull. Gradient descent with
 * Barzilai and Borwein's lengths and a monotone search, float64 in a fixed order: the same bits for the same losses. One
 * gradient of the sample a step, no pass over the updates, O(d) memory.
 */
export async function contrasted(
  gradient: Gradient,
  base: Float32Array,
  known: Float64Array,
  said: BlockValues,
  pull: number,
): Promise<BlockValues> {
  const { ranges, values: agreed } = said;
  if (agreed.length === 0 || !(pull > 0 && Number.isFinite(pull))) return said; // Nothing is known, or nothing was learnt.
  const at = async (x: Float64Array): Promise<Point> => {
    const { loss, gradient: whole } = await gradient(movedBy(base, placed(known, { ranges, values: x }, 1)));
    const slope = gathered(whole, ranges);
    let value = loss;
    for (let j = 0; j < x.length; j++) {
      const away = (x[j] as number) - (agreed[j] as number);
      value += 0.5 * pull * away * away;
      slope[j] = (slope[j] as number) + pull * away;
    }
    return { x, value, slope };
  };
  let here = await at(agreed);
  let length = 1 / pull;
  for (let step = 0; step < stepsMax && length * squared(here.slope) > tolerance * here.value; step++) {
    const next = await descended(at, here, length);
    if (next === undefined) break;
    length = spectral(here, next) ?? 1 / pull;
    here = next;
  }
  return { ranges, values: here.x };
}

type Point = Readonly<{ x: Float64Array; value: number; slope: Float64Array }>;

/** The first of the length, its half, its quarter … that lowers the value enough; undefined where rounding leaves nothing to gain. */
async function descended(
  at: (x: Float64Array) => Promise<Point>,
  { x, value, slope }: Point,
  length: number,
): Promise<Point | undefined> {
  const enough = 1e-4 * squared(slope);
  for (let halving = 0, tried = length; halving < halvingsMax; halving++, tried /= 2) {
    const moved = new Float64Array(x.length);
    for (let j = 0; j < x.length; j++) moved[j] = (x[j] as number) - tried * (slope[j] as number);
    const next = await at(moved);
    if (next.value <= value - tried * enough) return next;
  }
  return undefined;
}

function squared(values: Float64Array): number {
  let sum = 0; // In loops: a call for each of a million values is most of what a step costs.
  for (let j = 0; j < values.length; j++) sum += (values[j] as number) * (values[j] as number);
  return sum;
}

/** Barzilai and Borwein's step length sᵀs / sᵀy; undefined where the value does not curve upwards between the two. */
function spectral(from: Point, to: Point): number | undefined {
  let [moved, curved] = [0, 0];
  for (let j = 0; j < to.x.length; j++) {
    const step = (to.x[j] as number) - (from.x[j] as number);
    moved += step * step;
    curved += step * ((to.slope[j] as number) - (from.slope[j] as number));
  }
  return curved > 0 ? moved / curved : undefined;
}

/** What part of its length a block lost or changed: 0 where nothing was taken back. */
export function takenBack(said: BlockValues, left: BlockValues): number {
  const away = said.values.map((value, j) => value - (left.values[j] as number));
  return Math.sqrt(squared(away) / Math.max(squared(said.values), Number.MIN_VALUE));
}
