import { type Point, squared } from '../trusted/line-search.ts';
import { movedBy } from '../trusted/losses-along.ts';
import { lowest, type SampleSearch } from '../trusted/sample-descent.ts';
import type { LossGradient } from '../trusted/trusted-loss.ts';
import { type BlockValues, gathered, placed } from './block-values.ts';

const stepsMax = 20;

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
 * The sample never loses by it: L there ≤ L(w + known + v), so ‖x − v‖² ≤ 2 L(w + known + v) / pull. One gradient of the sample a
 * step of the descent (`sample-descent.ts`), no pass over the updates.
 */
export async function contrasted(
  gradient: LossGradient,
  base: Float32Array,
  known: Float64Array,
  said: BlockValues,
  { pull, search }: Readonly<{ pull: number; search: SampleSearch }>,
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
  const { x } = await lowest(at, await at(agreed), { length: () => 1 / pull, stepsMax, search });
  return { ranges, values: x };
}

/** What part of its length a block lost or changed: 0 where nothing was taken back. */
export function takenBack(said: BlockValues, left: BlockValues): number {
  const away = said.values.map((value, j) => value - (left.values[j] as number));
  return Math.sqrt(squared(away) / Math.max(squared(said.values), Number.MIN_VALUE));
}
