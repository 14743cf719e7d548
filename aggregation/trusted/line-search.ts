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
const sufficient = 1e-4;

/**
 * The first of so much of the way, its half, its quarter … that lowers the value enough; undefined where nothing is left to gain.
 * `way`: what is taken from x, shape [d]; `first`: how much of it is tried first.
 */
export async function lowered<At extends Point>(
  at: (x: Float64Array) => Promise<At>,
  { x, value, slope }: At,
  { way, first, search }: Readonly<{ way: Float64Array; first: number; search: Search }>,
): Promise<At | undefined> {
  const gain = dot(slope, way);
  const enough = sufficient * gain;
  for (let halving = 0, tried = first; halving < halvingsMax[search]; halving++, tried /= 2) {
    if (search === 'patient' && !isWorth(tried * gain, value)) return undefined;
    const moved = new Float64Array(x.length);
    for (let j = 0; j < x.length; j++) moved[j] = (x[j] as number) - tried * (way[j] as number);
    const next = await at(moved);
    if (next.value <= value - tried * enough) return next;
  }
  return undefined;
}

/** Whether this much is worth a step from where the value is that. */
export function isWorth(gain: number, value: number): boolean {
  return gain > tolerance * value;
}

/** aᵀb. */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0; // In loops: a call for each of a million values is most of what a step costs.
  for (let j = 0; j < a.length; j++) sum += (a[j] as number) * (b[j] as number);
  return sum;
}

/** ‖values‖². */
export function squared(values: Float64Array): number {
  return dot(values, values);
}

/** ‖a − b‖². */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += ((a[j] as number) - (b[j] as number)) ** 2;
  return sum;
}
