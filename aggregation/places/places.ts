import { principalAxes } from './principal-axes.ts';
import { sketchBuckets } from './sketch.ts';

export type Place = readonly [x: number, y: number];

/** Where rows stand to each other in the plane that holds most of their distances. */
export type Places = Readonly<{
  /** What part of the rows' squared distances from their mean lies in the plane, 0 to 1; 1 where all rows are equal. */
  share: number;
  rows: readonly Place[];
  /** Of the aggregate, in the same plane. */
  aggregate: Place;
}>;

const digits = 4;

/**
 * Classical multidimensional scaling (Torgerson, 1952) to two dimensions: of Euclidean distances it gives the rows' first two principal
 * components, so no distance is computed. sketches: shape [n + 1, 64], the aggregate last; `factors` scales rows first, as clipping
 * did. Coordinates are rounded to four digits of the largest. O(n) time and memory. Depends on the values alone: float64, in the order of rows,
 * and nothing but sums, products, quotients and square roots.
 */
export function placesOf(sketches: Float64Array, factors: Float64Array): Places {
  const n = factors.length;
  const scaled = (row: number, at: number) =>
    (sketches[row * sketchBuckets + at] as number) * (row < n ? (factors[row] as number) : 1);
  const mean = Float64Array.from({ length: sketchBuckets }, (_, at) => {
    let sum = 0;
    for (let row = 0; row < n; row++) sum += scaled(row, at);
    return sum / n;
  });
  const spread = new Float64Array(sketchBuckets * sketchBuckets);
  const centred = new Float64Array(sketchBuckets);
  for (let row = 0; row < n; row++) {
    for (let at = 0; at < sketchBuckets; at++) centred[at] = scaled(row, at) - (mean[at] as number);
    for (let a = 0; a < sketchBuckets; a++) {
      const left = centred[a] as number;
      for (let b = a; b < sketchBuckets; b++) {
        const cell = a * sketchBuckets + b;
        spread[cell] = (spread[cell] as number) + left * (centred[b] as number);
      }
    }
  }
  const { axes, values, total } = principalAxes(spread, sketchBuckets);
  const place = (row: number): Place => {
    const [x, y] = axes.map((axis) => {
      let sum = 0;
      for (let at = 0; at < sketchBuckets; at++) sum += (scaled(row, at) - (mean[at] as number)) * (axis[at] as number);
      return sum;
    });
    return [x as number, y as number];
  };
  const all = Array.from({ length: n + 1 }, (_, row) => place(row));
  const largest = all.flat().reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const rounded = all.map(([x, y]): Place => [toStep(x, largest), toStep(y, largest)]);
  const held = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  return {
    share: total > 0 ? Number(Math.min(1, held / total).toFixed(3)) : 1,
    rows: rounded.slice(0, n),
    aggregate: rounded[n] as Place,
  };
}

/** To four digits of the largest: what is beyond them is the sketch's own noise, and would make records long. */
function toStep(value: number, largest: number): number {
  if (largest === 0) return 0;
  const exponent = Math.floor(Number(largest.toExponential().split('e')[1]));
  const decimals = digits - 1 - exponent;
  // By text: it rounds the same on every machine, and powers of ten need not be exact.
  const rounded =
    decimals >= 0 && decimals <= 100 ? Number(value.toFixed(decimals)) : Number(value.toPrecision(digits));
  return rounded === 0 ? 0 : rounded; // No minus zero.
}
