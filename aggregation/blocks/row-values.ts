import type { UpdateBlocks } from './blocks.ts';

/** One whole row, shape [d], rounded to float32 where it was computed. */
export async function rowValues(source: UpdateBlocks, row: number): Promise<Float32Array> {
  const values = new Float32Array(source.d);
  await source.pick([row]).read(0, source.d, values);
  return values;
}
