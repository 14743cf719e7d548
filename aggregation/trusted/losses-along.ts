import { memorySink, type UpdateBlocks } from '../blocks/blocks.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { addDot } from '../ordered-sums.ts';
import type { Scaled } from './clipped-rows.ts';
import type { LossOfMixture } from './least-loss.ts';
import type { LinearOutputs, TrustedLoss } from './trusted-loss.ts';

/**
 * z(w + Σ a_i u_i) = z(w) + Σ a_i z(u_i): n + 1 forward passes, and then every evaluation is O(n k), whatever d is.
 * Holds outputs, n × k values, and one row at a time.
 */
export async function lossByOutputs(
  linear: LinearOutputs,
  base: Float32Array,
  { rows, factors }: Scaled,
): Promise<LossOfMixture> {
  const start = linear.outputsOf(base);
  const outputs: Float64Array[] = [];
  const values = new Float32Array(rows.d);
  for (let row = 0; row < rows.n; row++) {
    const factor = at(factors, row);
    await rows.pick([row]).read(0, rows.d, values);
    outputs.push(linear.outputsOf(values).map((value) => factor * value));
  }
  return async (shares) => {
    const mixed = Float64Array.from(start);
    outputs.forEach((values, row) => {
      const share = shares[row] as number;
      if (share !== 0) for (let j = 0; j < mixed.length; j++) mixed[j] = at(mixed, j) + share * at(values, j);
    });
    const { loss, gradient } = linear.lossOf(mixed);
    return { loss, slopes: Float64Array.from(outputs, (values) => addDot(0, values, 0, gradient, 0, values.length)) };
  };
}

/**
 * The same for any model, by its gradient: two passes over [n, d] an evaluation, O(n · block) memory and two vectors. Each
 * answer carries the gradient that it comes from.
 */
export function lossByGradient(
  gradientOf: NonNullable<TrustedLoss['gradient']>,
  base: Float32Array,
  { rows, factors }: Scaled,
  algebra: LinearAlgebra,
): LossOfMixture {
  return async (shares) => {
    const mixed = await weightedSum(algebra, rows, times(shares, factors));
    const { loss, gradient } = await gradientOf(movedBy(base, mixed));
    return { loss, slopes: times(await algebra.dots(rows, gradient), factors), gradient };
  };
}

/** Σ weights[i] x_i, shape [d]; one pass. */
export async function weightedSum(
  algebra: LinearAlgebra,
  rows: UpdateBlocks,
  weights: Float64Array,
): Promise<Float64Array> {
  const sink = memorySink(rows.d);
  await algebra.combine(rows, weights, 1, sink);
  return sink.values;
}

/** a_i b_i, shape [n]. */
export function times(a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  return Float64Array.from(a, (value, row) => value * at(b, row));
}

/** base + delta, shape [d], float32 as models are. */
export function movedBy(base: Float32Array, delta: Float64Array | Float32Array): Float32Array {
  const moved = new Float32Array(base.length);
  for (let j = 0; j < moved.length; j++) moved[j] = (base[j] as number) + (delta[j] as number);
  return moved;
}

function at(values: Float64Array, index: number): number {
  return values[index] as number;
}
