// How rows lie to a point, and their sketches: what aggregation/geometry.ts does to a piece of columns, to the same bits.

import { high, joined, low } from './lanes';

const RUN: i32 = 16; // runColumns of places/sketch.ts.

// @ts-ignore: decorator
@inline
function valueAt(at: usize): f64 {
  return <f64>load<f32>(at);
}

/** row · point and ‖row − point‖² over `columns` columns of one chunk: out[row] and out[n + row], float64. */
export function dotsAndDistances(rows: usize, stride: usize, n: i32, point: usize, columns: i32, out: usize): void {
  const whole = columns & ~3;
  for (let i: i32 = 0; i < n; i++) {
    let at = rows + <usize>i * stride;
    let z = point;
    const end = at + ((<usize>whole) << 2);
    let p0 = f64x2.splat(0);
    let p1 = p0;
    let s0 = p0;
    let s1 = p0;
    for (; at < end; at += 16, z += 32) {
      const x = v128.load(at);
      const x0 = low(x);
      const x1 = high(x);
      const z0 = v128.load(z);
      const z1 = v128.load(z, 16);
      const d0 = f64x2.sub(x0, z0);
      const d1 = f64x2.sub(x1, z1);
      p0 = f64x2.add(p0, f64x2.mul(x0, z0));
      p1 = f64x2.add(p1, f64x2.mul(x1, z1));
      s0 = f64x2.add(s0, f64x2.mul(d0, d0));
      s1 = f64x2.add(s1, f64x2.mul(d1, d1));
    }
    for (let lane: i32 = 0; lane < columns - whole; lane++, at += 4, z += 8) {
      const x = valueAt(at);
      const y = load<f64>(z);
      const d = x - y;
      if (lane == 0) {
        p0 = f64x2.replace_lane(p0, 0, f64x2.extract_lane(p0, 0) + x * y);
        s0 = f64x2.replace_lane(s0, 0, f64x2.extract_lane(s0, 0) + d * d);
      } else if (lane == 1) {
        p0 = f64x2.replace_lane(p0, 1, f64x2.extract_lane(p0, 1) + x * y);
        s0 = f64x2.replace_lane(s0, 1, f64x2.extract_lane(s0, 1) + d * d);
      } else {
        p1 = f64x2.replace_lane(p1, 0, f64x2.extract_lane(p1, 0) + x * y);
        s1 = f64x2.replace_lane(s1, 0, f64x2.extract_lane(s1, 0) + d * d);
      }
    }
    f64.store(out + ((<usize>i) << 3), joined(p0, p1));
    f64.store(out + ((<usize>(n + i)) << 3), joined(s0, s1));
  }
}

/** Sums of two groups of four, each (0 + 1) + (2 + 3). */
// @ts-ignore: decorator
@inline
function sumsOfFour(a: v128, b: v128): v128 {
  const a0 = low(a);
  const a1 = high(a);
  const b0 = low(b);
  const b1 = high(b);
  const halvesOfA = f64x2.add(i64x2.shuffle(a0, a1, 0, 2), i64x2.shuffle(a0, a1, 1, 3));
  const halvesOfB = f64x2.add(i64x2.shuffle(b0, b1, 0, 2), i64x2.shuffle(b0, b1, 1, 3));
  return f64x2.add(i64x2.shuffle(halvesOfA, halvesOfB, 0, 2), i64x2.shuffle(halvesOfA, halvesOfB, 1, 3));
}

/**
 * Signed sums of the runs, and of the parts of runs at the ends, that `columns` columns of one chunk lie in: out[row, run], float64.
 * `first`: of the columns, within its run. `flips`: sign bits to turn, a word a column.
 */
export function runSums(
  rows: usize,
  stride: usize,
  n: i32,
  flips: usize,
  first: i32,
  columns: i32,
  out: usize,
): void {
  let to = out;
  for (let i: i32 = 0; i < n; i++) {
    let at = rows + <usize>i * stride;
    let flip = flips;
    let left = columns;
    let count = min(columns, RUN - first);
    while (left > 0) {
      let sum: f64 = 0;
      if (count == RUN) {
        const ab = sumsOfFour(v128.xor(v128.load(at), v128.load(flip)), v128.xor(v128.load(at, 16), v128.load(flip, 16)));
        const cd = sumsOfFour(
          v128.xor(v128.load(at, 32), v128.load(flip, 32)),
          v128.xor(v128.load(at, 48), v128.load(flip, 48)),
        );
        sum += f64x2.extract_lane(ab, 0);
        sum += f64x2.extract_lane(ab, 1);
        sum += f64x2.extract_lane(cd, 0);
        sum += f64x2.extract_lane(cd, 1);
      } else {
        let j: i32 = 0;
        for (; j + 4 <= count; j += 4) {
          const place = (<usize>j) << 2;
          const four = v128.xor(v128.load(at + place), v128.load(flip + place));
          sum += f64x2.extract_lane(sumsOfFour(four, four), 0);
        }
        for (; j < count; j++) {
          const place = (<usize>j) << 2;
          sum += <f64>reinterpret<f32>(load<u32>(at + place) ^ load<u32>(flip + place));
        }
      }
      f64.store(to, sum);
      to += 8;
      at += (<usize>count) << 2;
      flip += (<usize>count) << 2;
      left -= count;
      count = min(left, RUN);
    }
  }
}
