/**
 * The point of {a : 0 ≤ a_i ≤ cap, Σ a_i = 1} that is nearest to `point`: a_i = min(cap, max(0, point_i − τ)), τ from the
 * sum, which falls piecewise linearly in τ. Exact up to rounding: the piece is found among the 2n breakpoints, then solved.
 * Needs cap · n ≥ 1. Shape [n] → [n]. O(n log n). Wang, Lu, "Projection onto the capped simplex", 2015 (arXiv 1503.01002).
 */
export function nearestOnCappedSimplex(point: Float64Array, cap: number): Float64Array {
  if (!(cap * point.length >= 1 - 1e-12))
    throw new RangeError(`cap ${cap} of ${point.length} weights is below 1 in all`);
  const breakpoints = Float64Array.from([...point, ...point.map((value) => value - cap)]).sort();
  const sumAt = (shift: number) => point.reduce((sum, value) => sum + clamped(value - shift, cap), 0);
  let [low, high] = [0, breakpoints.length - 1]; // sumAt(breakpoints[low]) ≥ 1 ≥ sumAt(breakpoints[high]) = 0.
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sumAt(breakpoints[middle] as number) >= 1) low = middle;
    else high = middle;
  }
  const [from, to] = [breakpoints[low] as number, breakpoints[high] as number];
  const [above, below] = [sumAt(from), sumAt(to)];
  const shift = above === below ? from : from + ((above - 1) / (above - below)) * (to - from);
  return Float64Array.from(point, (value) => clamped(value - shift, cap));
}

function clamped(value: number, cap: number): number {
  return Math.min(cap, Math.max(0, value));
}
