import { congruentialStates } from '../../../base/random.ts';
import { segmentColumns, segmentsPerStrip } from '../packed/packed-block.ts';
import type { BlockMultiplier } from './matmul.ts';

/**
 * How precise the native multiplication really is: the worst error over a few inputs made to be hard, in units of
 * u · Σ|a||b| with u = 2^-24. True float32 stays below 96 whatever order it sums in; a library that was told to multiply
 * in bfloat16 or TF32 is thousands of units off, and its distances must not be trusted.
 */
export function worstErrorInUnits(multiplier: BlockMultiplier): number {
  const rows = 8;
  const values = probeValues(rows);
  const tensor = multiplier.hold(values, 1, rows);
  const products = multiplier.products(tensor, tensor);
  multiplier.release(tensor);
  let worst = 0;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++) {
      const [exact, size] = exactProduct(values, rows, i, j);
      const error = Math.abs((products[i * rows + j] as number) - exact);
      worst = Math.max(worst, Number.isFinite(error) ? error / (2 ** -24 * size) : Number.POSITIVE_INFINITY);
    }
  }
  return worst;
}

/** Full mantissas of both signs in half of the rows, of one sign in the others: roundings that add up. */
function probeValues(rows: number): Float32Array {
  const memory = new SharedArrayBuffer(4 * rows * segmentColumns * segmentsPerStrip);
  const values = new Float32Array(memory);
  const next = congruentialStates(1);
  for (let at = 0; at < values.length; at++) {
    const value = (next() >>> 8) / 2 ** 24;
    const row = Math.floor(at / segmentColumns) % rows;
    values[at] = row % 2 === 0 ? value - 0.5 : value + 1;
  }
  return values;
}

function exactProduct(values: Float32Array, rows: number, i: number, j: number): [value: number, size: number] {
  let [value, size] = [0, 0];
  for (let segment = 0; segment < segmentsPerStrip; segment++) {
    for (let k = 0; k < segmentColumns; k++) {
      const product =
        (values[(segment * rows + i) * segmentColumns + k] as number) *
        (values[(segment * rows + j) * segmentColumns + k] as number);
      value += product;
      size += Math.abs(product);
    }
  }
  return [value, size];
}
