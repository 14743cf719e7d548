import type { UpdateBlocks } from '../blocks/blocks.ts';
import { rowValues } from '../blocks/row-values.ts';

/**
 * What those who hold a class say of it, where a value above zero speaks for the class: weights of features that are never
 * negative, as counts are. For a class each of its holders speaks with its part; against it only all of them together:
 *
 *     v_j = Σ_i max(0, x_ij) / h   where some x_ij > 0,   else max_i x_ij
 *
 * Liars among the holders, however many, cannot take away what an honest one teaches: they thin it to its part 1/h, and put
 * at most k/h of their own length beside it. A median would follow them where they are the most. Continuous in the rows, so
 * that it settles. Shapes: [h, d], h >= 1 → [d]; rows are summed in their order.
 */
export async function holdersEvidence(rows: UpdateBlocks): Promise<Float64Array> {
  const { n, d } = rows;
  const spokenFor = new Float64Array(d);
  const highest = new Float64Array(d).fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < n; row++) {
    const values = await rowValues(rows, row);
    for (let j = 0; j < d; j++) {
      const value = values[j] as number;
      if (value > 0) spokenFor[j] = (spokenFor[j] as number) + value / n;
      if (value > (highest[j] as number)) highest[j] = value;
    }
  }
  for (let j = 0; j < d; j++) if (!((spokenFor[j] as number) > 0)) spokenFor[j] = highest[j] as number;
  return spokenFor;
}
