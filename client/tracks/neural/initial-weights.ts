import { normalValues, seededRandom } from '../../../base/random.ts';
import { layoutOf } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { gatesPerCell } from './gates-per-cell.ts';

export type WeightsPlan = Readonly<{
  /** Standard deviation of a matrix's values; Glorot and Bengio's (AISTATS 2010) unless given. */
  deviationOf?: (name: string, rows: number, columns: number) => number;
  /** Biases of LSTM cells, [4H]: their forget gates begin open (1). */
  recurrent?: ReadonlySet<string>;
}>;

/** sqrt(2 / (rows + columns)). */
export function glorotDeviation(rows: number, columns: number): number {
  return Math.sqrt(2 / (rows + columns));
}

/**
 * Weights to begin with, shape [layout.length]: normal values in matrices, 0 in vectors but for open forget gates. The same
 * seed gives the same bits.
 */
export function initialWeights(
  spec: ModelSpec,
  seed: number,
  { deviationOf = (_, rows, columns) => glorotDeviation(rows, columns), recurrent = new Set() }: WeightsPlan = {},
): Float32Array {
  const random = seededRandom(seed);
  const layout = layoutOf(spec);
  const flat = new Float32Array(layout.length);
  for (const { name, shape, offset, length } of layout.slots) {
    const values = flat.subarray(offset, offset + length);
    const [rows = 1, columns] = shape;
    if (columns !== undefined) values.set(normalValues(length, deviationOf(name, rows, columns), random));
    else if (recurrent.has(name)) values.fill(1, length / gatesPerCell, (2 * length) / gatesPerCell);
  }
  return flat;
}
