import { isWorth, lowered, type Point, type Search, squared } from './line-search.ts';

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
    const there = await lowered(at, here, { way: here.slope, first: next, search });
    if (there === undefined) break;
    next = spectral(here, there) ?? length(there.slope);
    here = there;
  }
  return here;
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
