/**
 * The order of every exact sum along d: columns are cut at multiples of 1,024 from the start of the update; inside such
 * a chunk four lanes take columns j ≡ 0..3 (mod 4) and are joined as (lane 0 + lane 2) + (lane 1 + lane 3), the order
 * that two float64 SIMD registers give for free; chunk sums are added to the total one after another. All in float64.
 * Blocks that are read must therefore start and end at multiples of `chunkColumns` (or at d): see `wholeChunks`.
 */
export const chunkColumns = 1024;

type Vector = Float32Array | Float64Array;

/** The largest number of columns at most `columns` that keeps chunks whole; at least one chunk. */
export function wholeChunks(columns: number): number {
  return Math.max(chunkColumns, columns - (columns % chunkColumns));
}

/** ‖a − b‖² added to `total`, chunk by chunk. `a` from aAt and `b` from bAt, `count` values, aAt at a chunk's start. */
export function addSquaredDistance(
  total: number,
  a: Vector,
  aAt: number,
  b: Vector,
  bAt: number,
  count: number,
): number {
  let sum = total;
  for (let start = 0; start < count; start += chunkColumns) {
    const length = Math.min(chunkColumns, count - start);
    const whole = length - (length % 4);
    let [lane0, lane1, lane2, lane3] = [0, 0, 0, 0];
    let i = aAt + start;
    let j = bAt + start;
    for (const end = i + whole; i < end; i += 4, j += 4) {
      const d0 = (a[i] as number) - (b[j] as number);
      const d1 = (a[i + 1] as number) - (b[j + 1] as number);
      const d2 = (a[i + 2] as number) - (b[j + 2] as number);
      const d3 = (a[i + 3] as number) - (b[j + 3] as number);
      lane0 += d0 * d0;
      lane1 += d1 * d1;
      lane2 += d2 * d2;
      lane3 += d3 * d3;
    }
    const rest = length - whole;
    if (rest > 0) lane0 += ((a[i] as number) - (b[j] as number)) ** 2;
    if (rest > 1) lane1 += ((a[i + 1] as number) - (b[j + 1] as number)) ** 2;
    if (rest > 2) lane2 += ((a[i + 2] as number) - (b[j + 2] as number)) ** 2;
    sum += lane0 + lane2 + (lane1 + lane3);
  }
  return sum;
}

/** a · b added to `total`, in the same order. */
export function addDot(total: number, a: Vector, aAt: number, b: Vector, bAt: number, count: number): number {
  let sum = total;
  for (let start = 0; start < count; start += chunkColumns) {
    const length = Math.min(chunkColumns, count - start);
    const whole = length - (length % 4);
    let [lane0, lane1, lane2, lane3] = [0, 0, 0, 0];
    let i = aAt + start;
    let j = bAt + start;
    for (const end = i + whole; i < end; i += 4, j += 4) {
      lane0 += (a[i] as number) * (b[j] as number);
      lane1 += (a[i + 1] as number) * (b[j + 1] as number);
      lane2 += (a[i + 2] as number) * (b[j + 2] as number);
      lane3 += (a[i + 3] as number) * (b[j + 3] as number);
    }
    const rest = length - whole;
    if (rest > 0) lane0 += (a[i] as number) * (b[j] as number);
    if (rest > 1) lane1 += (a[i + 1] as number) * (b[j + 1] as number);
    if (rest > 2) lane2 += (a[i + 2] as number) * (b[j + 2] as number);
    sum += lane0 + lane2 + (lane1 + lane3);
  }
  return sum;
}

/** a · b and ‖a − b‖² added to the sums at `dotAt` and `distanceAt`, in the same order, to the same bits: one walk for both. */
export function addDotAndSquaredDistance(
  dots: Float64Array,
  dotAt: number,
  distances: Float64Array,
  distanceAt: number,
  a: Vector,
  aAt: number,
  b: Float64Array,
  bAt: number,
  count: number,
): void {
  let dot = dots[dotAt] as number;
  let distance = distances[distanceAt] as number;
  for (let start = 0; start < count; start += chunkColumns) {
    const length = Math.min(chunkColumns, count - start);
    let dot0 = 0;
    let dot1 = 0;
    let dot2 = 0;
    let dot3 = 0;
    let lane0 = 0;
    let lane1 = 0;
    let lane2 = 0;
    let lane3 = 0;
    let i = aAt + start;
    let j = bAt + start;
    for (const end = i + length - (length % 4); i < end; i += 4, j += 4) {
      const a0 = a[i] as number;
      const a1 = a[i + 1] as number;
      const a2 = a[i + 2] as number;
      const a3 = a[i + 3] as number;
      const b0 = b[j] as number;
      const b1 = b[j + 1] as number;
      const b2 = b[j + 2] as number;
      const b3 = b[j + 3] as number;
      dot0 += a0 * b0;
      dot1 += a1 * b1;
      dot2 += a2 * b2;
      dot3 += a3 * b3;
      lane0 += (a0 - b0) * (a0 - b0);
      lane1 += (a1 - b1) * (a1 - b1);
      lane2 += (a2 - b2) * (a2 - b2);
      lane3 += (a3 - b3) * (a3 - b3);
    }
    const rest = length % 4;
    if (rest > 0) {
      dot0 += (a[i] as number) * (b[j] as number);
      lane0 += ((a[i] as number) - (b[j] as number)) ** 2;
    }
    if (rest > 1) {
      dot1 += (a[i + 1] as number) * (b[j + 1] as number);
      lane1 += ((a[i + 1] as number) - (b[j + 1] as number)) ** 2;
    }
    if (rest > 2) {
      dot2 += (a[i + 2] as number) * (b[j + 2] as number);
      lane2 += ((a[i + 2] as number) - (b[j + 2] as number)) ** 2;
    }
    dot += dot0 + dot2 + (dot1 + dot3);
    distance += lane0 + lane2 + (lane1 + lane3);
  }
  dots[dotAt] = dot;
  distances[distanceAt] = distance;
}
