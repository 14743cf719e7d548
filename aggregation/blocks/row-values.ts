import { requireSpan, type UpdateBlocks } from './blocks.ts';

/** One whole row, shape [d], rounded to float32 where it was computed. */
export async function rowValues(source: UpdateBlocks, row: number): Promise<Float32Array> {
  const values = new Float32Array(source.d);
  await source.pick([row]).read(0, source.d, values);
  return values;
}

/** One computed row, shape [1, d]; read where it lies. */
export function oneRow(values: Float64Array): UpdateBlocks {
  return {
    n: 1,
    d: values.length,
    precision: 'float64',
    pick: (rows) => {
      if (rows.length !== 1 || rows[0] !== 0) throw new RangeError(`rows ${rows.join()} of 1`);
      return oneRow(values);
    },
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      into.set(values.subarray(offset, offset + columns));
    },
  };
}
