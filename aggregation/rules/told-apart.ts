import { memorySink, type UpdateBlocks } from '../blocks/blocks.ts';
import { rowValues } from '../blocks/row-values.ts';
import { type Point, squared, squaredDistance } from '../trusted/line-search.ts';
import { movedBy } from '../trusted/losses-along.ts';
import { lowest, type SampleSearch } from '../trusted/sample-descent.ts';
import { type LossGradient, noBetterThanChance, type TrustedSample } from '../trusted/trusted-loss.ts';
import { carryOut, type Decision, ofOneRow, type ToldApart, type Updates } from '../updates.ts';

/** What a nat of score between attack and normal counts, beside one of the loss on normal work. */
const attacksCount = 4;
/** No farther is the aggregate moved, of its length. */
const movedMax = 0.5;
/** By how much of the loss before the round normal work may cost more: as much as a class that the sample does not hold. */
const risesMax = 0.1;
/** Of the aggregate's length: so long is a step where nothing is known of the curvature. */
const stepLength = 0.1;
const stepsMax = 10;

/**
 * When a sample is doubted whose attacks are told no better than chance by what clusters agreed on: never, always, or only where most
 * clusters, each by what it alone sent, tell them no better either. Who lies, and is heard, can raise that loss past chance, and so keep
 * attacks from being told apart; fewer liars than half cannot make it most.
 */
export type DoubtSample = boolean | 'mostClusters';

type Context = Readonly<{ trusted: TrustedSample; base: Float32Array; search: SampleSearch; doubtSample: DoubtSample }>;

/**
 * Outlier exposure (Hendrycks, Mazeika, Dietterich, ICLR 2019) of what a rule agreed on. A loss that knows only normal work costs a
 * liar nothing who teaches that an attack is normal. So what was agreed on, v, goes from there down
 *
 *     c A(w + x) + L(w + x)   where   ‖x − v‖ ≤ ½ ‖v‖   and   L(w + x) ≤ L(w + v) + 0.1 L(w)
 *
 * A how badly the model tells the sample's attacks from its normal work, L the loss on that. Down A alone it would be no model of normal
 * work any more. Both bounds hold wherever it ends, whatever the attacks are: those of a mistaken sample move the model by half
 * of what clusters did at most, and cost normal work that the sample holds no more than that. It can cost what the sample does not hold
 * far more, so that with `doubtSample` nothing is moved where A(w + v) is no less than that of a coin: whoever learns normal work alone
 * scores most attacks above it, and normal work that is called an attack as all else. Where the loss brings no attacks nothing is moved
 * either. Shapes: base, v [d]. O(d) memory; two gradients an evaluation, of which ten steps take some fifteen, no pass over updates; where a
 * sample would be doubted one gradient of its attacks for each of up to n updates, until more than half have the same to say.
 */
export async function toldApart(
  { algebra, source }: Updates,
  decision: Decision,
  { trusted: { loss }, base, search, doubtSample }: Context,
): Promise<Decision> {
  const { attacks, gradient: normal } = loss;
  const { onSample } = decision;
  if (attacks === undefined || normal === undefined || onSample === undefined) return decision;
  const { values: agreed } = await valuesOf(decision, algebra, source.d);
  const reach = Math.sqrt(squared(agreed));
  const at = exposed({ attacks, normal }, base);
  const before = await at(agreed, Number.POSITIVE_INFINITY);
  const normalMax = before.normal + risesMax * onSample.lossBefore;
  const within = async (x: Float64Array) => {
    if (Math.sqrt(squaredDistance(x, agreed)) > movedMax * reach) return outside(x);
    return at(x, normalMax);
  };
  const length = (slope: Float64Array) => (stepLength * reach) / Math.sqrt(squared(slope));
  const isDoubted =
    before.attacks >= noBetterThanChance &&
    (doubtSample === 'mostClusters' ? await mostDoubt(attacks, base, source) : doubtSample);
  const after = isDoubted ? before : await lowest(within, before, { length, stepsMax, search });
  const told: ToldApart = {
    moved: reach === 0 ? 0 : Math.sqrt(squaredDistance(after.x, agreed)) / reach,
    ...{ attacksBefore: before.attacks, attacksAfter: after.attacks },
    ...{ normalBefore: before.normal, normalAfter: after.normal },
  };
  return {
    ...decision,
    plan: ofOneRow(after.x),
    onSample: { ...onSample, lossAfter: after.normal, toldApart: told },
  };
}

/** Whether more than half of the updates, each alone, leave the sample's attacks told no better than chance. */
async function mostDoubt(attacks: LossGradient, base: Float32Array, source: UpdateBlocks): Promise<boolean> {
  let [doubting, telling] = [0, 0];
  for (let row = 0; row < source.n; row++) {
    const { loss } = await attacks(movedBy(base, await rowValues(source, row)));
    if (loss >= noBetterThanChance) doubting++;
    else telling++;
    if (2 * doubting > source.n) return true;
    if (2 * telling >= source.n) return false;
  }
  return false;
}

/** Where no descent may end. */
function outside(x: Float64Array): Exposed {
  const [value, slope] = [Number.POSITIVE_INFINITY, new Float64Array(0)];
  return { x, value, slope, attacks: value, normal: value };
}

async function valuesOf({ plan }: Decision, algebra: Updates['algebra'], d: number) {
  const sink = memorySink(d);
  await carryOut(algebra, plan, sink);
  return sink;
}

/** What is descended, and what it is made of. */
type Exposed = Point & Readonly<{ attacks: number; normal: number }>;

/** Where normal work loses more than `normalMax` nobody may end: of the attacks, the dearer part, nothing is asked there. */
function exposed(
  { attacks, normal }: Readonly<{ attacks: LossGradient; normal: LossGradient }>,
  base: Float32Array,
): (x: Float64Array, normalMax: number) => Promise<Exposed> {
  return async (x, normalMax) => {
    const weights = movedBy(base, x);
    const usual = await normal(weights);
    if (usual.loss > normalMax) return outside(x);
    const apart = await attacks(weights);
    const slope = new Float64Array(x.length);
    for (let j = 0; j < x.length; j++) {
      slope[j] = attacksCount * (apart.gradient[j] as number) + (usual.gradient[j] as number);
    }
    return { x, value: attacksCount * apart.loss + usual.loss, slope, attacks: apart.loss, normal: usual.loss };
  };
}
