/** A point, shape [d], what is minimised there, and its gradient, shape [d]. A value of infinity: no descent may end there. */
export type Point = Readonly<{ x: Float64Array; value: number; slope: Float64Array }>;

/**
 * How long a search goes on: `eightHalvings`, as the first builds had it, gives up on a loss that is steeper than its first step is
 * short; `patient` halves until the step could gain nothing that counts. Policies were frozen with the one, so that both stay.
 */
export type Search = 'eightHalvings' | 'patient';

/** It has settled where the next step would gain less than this part of the value. */
const tolerance = 1e-6;
/** Where a slope is infinite any step seems to gain. */
const halvingsMax: Readonly<Record<Search, number>> = { eightHalvings: 8, patient: 60 };
/** What part of what its slope promises a step must gain. */
export const sufficient = 1e-4;

/**
 * Gradient descent with Barzilai and Borwein's step lengths and a monotone search: the value never rises, and where no step lowers it
 * the point stays. `length`: of a step where nothing is known of the curvature, as a multiple of the slope. Float64 in a fixed
 * order: the same bits for the same values. One evaluation a step, most steps one alone; O(d) memory.
 */
export async function descent<At extends Point>(
  at: (x: Float64Array) => Promise<At>,
  start: At,
  { length, stepsMax, search }: Readonly<{ length: (slope: Float64Array) => number; stepsMax: number; search: Search }>,
): Promise<At> {
  let here = start;
  let next = length(here.slope);
  for (let step = 0; step < stepsMax && isWorth(next * squared(here.slope), here.value); step++) {
    const there = await lowered(at, here, next, search);
    if (there === undefined) break;
    next = spectral(here, there) ?? length(there.slope);
    here = there;
  }
  return here;
}

/** The first of the length, its half, its quarter … that lowers the value enough; undefined where rounding leaves nothing to gain. */
async function lowered<At extends Point>(
  at: (x: Float64Array) => Promise<At>,
  { x, value, slope }: At,
  length: number,
  search: Search,
): Promise<At | undefined> {
  const enough = sufficient * squared(slope);
  for (let halving = 0, tried = length; halving < halvingsMax[search]; halving++, tried /= 2) {
    if (search === 'patient' && !isWorth(tried * squared(slope), value)) return undefined;
    const moved = new Float64Array(x.length);
    for (let j = 0; j < x.length; j++) moved[j] = (x[j] as number) - tried * (slope[j] as number);
    const next = await at(moved);
    if (next.value <= value - tried * enough) return next;
  }
  return undefined;
}

/** Whether this much is worth a step from where the value is that. */
export function isWorth(gain: number, value: number): boolean {
  return gain > tolerance * value;
}

/** ‖values‖². */
export function squared(values: Float64Array): number {
  let sum = 0; // In loops: a call for each of a million values is most of what a step costs.
  for (let j = 0; j < values.length; j++) sum += (values[j] as number) * (values[j] as number);
  return sum;
}

/** ‖a − b‖². */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += ((a[j] as number) - (b[j] as number)) ** 2;
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
