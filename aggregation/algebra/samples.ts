import { type SeededNumbers, seededNumbers } from '../../base/random.ts';
import { memoryBlocks, type UpdateBlocks } from '../blocks/blocks.ts';
import type { Aggregated } from '../fault.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { twinAlgebra } from './twin-algebra.ts';

/** Helpers of tests and benchmarks. */

export function granted<Value>(result: Aggregated<Value>): Value {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

export function blocksOf(vectors: readonly Float32Array[]): UpdateBlocks {
  return granted(memoryBlocks(vectors));
}

/** n standard normal vectors of shape [d] around `centre`, rounded to float32. */
export function normalVectors(random: SeededNumbers, n: number, d: number, centre = 0): Float32Array[] {
  return Array.from({ length: n }, () => Float32Array.from({ length: d }, () => centre + random.normal()));
}

/**
 * The twin with its distances blurred, as float32 arithmetic would: each off by up to `relative` of the two rows' scale,
 * and honest about it. Whatever depends on its answers more than its bounds allow will differ from the twin's.
 */
export function blurredAlgebra(seed: string, relative: number): LinearAlgebra {
  const twin = twinAlgebra();
  const random = seededNumbers(seed);
  return {
    ...twin,
    async squaredDistances(source) {
      const { n, values } = await twin.squaredDistances(source);
      const norms = await twin.distancesToMean(source, new Float64Array(n).fill(1 / n));
      const rowErrors = norms.map((norm) => relative * norm);
      const errorOf = (i: number, j: number) => (rowErrors[i] as number) + (rowErrors[j] as number);
      for (let i = 0; i < n; i++) {
        for (let j = i + 1; j < n; j++) {
          const blurred = (values[i * n + j] as number) + (2 * random.uniform() - 1) * 0.999 * errorOf(i, j);
          values[i * n + j] = values[j * n + i] = Math.max(0, blurred);
        }
      }
      return { n, values, errorOf, rowErrors };
    },
  };
}
