/**
 * Weights in 8 bits: w ≈ scale · q with q from −127 to 127, one scale for each column, so that a column of small weights
 * keeps its detail beside one of large weights (Jacob et al., CVPR 2018, symmetric, per channel).
 */
export type Quantised = Readonly<{
  /** Row-major, [rows × columns]. */
  values: Int8Array;
  /** [columns]; 1 for a column of zeros. */
  scales: Float32Array;
}>;

/** values: row-major, [rows × columns], finite. */
export function quantiseColumns(values: Float32Array, columns: number): Quantised {
  const scales = new Float32Array(columns);
  for (const [index, value] of values.entries()) {
    const column = index % columns;
    scales[column] = Math.max(scales[column] as number, Math.abs(value));
  }
  for (const [column, largest] of scales.entries()) scales[column] = largest === 0 ? 1 : largest / 127;
  const quantised = Int8Array.from(values, (value, index) => Math.round(value / (scales[index % columns] as number)));
  return { values: quantised, scales };
}

/** Codes are one byte. */
export const levelsCount = 256;

export type Codebook = Readonly<{
  /** One code a value. */
  codes: Uint8Array;
  /** What each code stands for, [levelsCount]; code 0 is exactly 0. */
  levels: Float32Array;
}>;

/**
 * Sparse evidence in 8 bits: code 0 is nothing at all, and the other 255 levels are spread over the values there are as
 * they are spread, by quantile: whether there is evidence survives exactly, and how much nearly. values: not negative.
 */
export function quantiseEvidence(values: Float32Array): Codebook {
  const present = values.filter((value) => value > 0).sort();
  const levels = new Float32Array(levelsCount);
  if (present.length === 0) return { codes: new Uint8Array(values.length), levels };
  const last = present.length - 1;
  for (let code = 1; code < 256; code++) levels[code] = present[Math.round((last * (code - 1)) / 254)] as number;
  return { codes: Uint8Array.from(values, (value) => nearestCode(levels, value)), levels };
}

function nearestCode(levels: Float32Array, value: number): number {
  if (!(value > 0)) return 0;
  let low = 1;
  let high = 255;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((levels[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  const above = levels[low] as number;
  const below = low > 1 ? (levels[low - 1] as number) : above;
  return value - below < above - value ? low - 1 : low;
}
