// Weighted sums of rows; distances of rows to a point, and products with one.

import { high, joined, low } from './lanes';

/**
 * (Σ weight · row) / divisor per column, float64, rows in the order of `terms`: `count` times {row: i32, pad: i32,
 * weight: f64}. columns: a multiple of 16.
 */
export function combine(
  rows: usize,
  stride: usize,
  terms: usize,
  count: i32,
  columns: i32,
  divisor: f64,
  out: usize,
): void {
  const by = f64x2.splat(divisor);
  for (let column: i32 = 0; column < columns; column += 16) {
    const from = rows + ((<usize>column) << 2);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let s4 = s0;
    let s5 = s0;
    let s6 = s0;
    let s7 = s0;
    let term = terms;
    for (let i: i32 = 0; i < count; i++) {
      const at = from + <usize>load<u32>(term) * stride;
      const weight = v128.load64_splat(term, 8);
      const a = v128.load(at);
      const b = v128.load(at, 16);
      const c = v128.load(at, 32);
      const d = v128.load(at, 48);
      s0 = f64x2.add(s0, f64x2.mul(weight, low(a)));
      s1 = f64x2.add(s1, f64x2.mul(weight, high(a)));
      s2 = f64x2.add(s2, f64x2.mul(weight, low(b)));
      s3 = f64x2.add(s3, f64x2.mul(weight, high(b)));
      s4 = f64x2.add(s4, f64x2.mul(weight, low(c)));
      s5 = f64x2.add(s5, f64x2.mul(weight, high(c)));
      s6 = f64x2.add(s6, f64x2.mul(weight, low(d)));
      s7 = f64x2.add(s7, f64x2.mul(weight, high(d)));
      term += 16;
    }
    const to = out + ((<usize>column) << 3);
    v128.store(to, f64x2.div(s0, by));
    v128.store(to, f64x2.div(s1, by), 16);
    v128.store(to, f64x2.div(s2, by), 32);
    v128.store(to, f64x2.div(s3, by), 48);
    v128.store(to, f64x2.div(s4, by), 64);
    v128.store(to, f64x2.div(s5, by), 80);
    v128.store(to, f64x2.div(s6, by), 96);
    v128.store(to, f64x2.div(s7, by), 112);
  }
}

/** Sums of (row − point)² over one chunk into out[row], float64. columns: at most 1,024, a multiple of 4. */
export function distancesToPoint(rows: usize, stride: usize, n: i32, point: usize, columns: i32, out: usize): void {
  for (let i: i32 = 0; i < n; i++) {
    let at = rows + <usize>i * stride;
    let z = point;
    const end = at + ((<usize>columns) << 2);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    for (; at < end; at += 16, z += 32) {
      const x = v128.load(at);
      const d0 = f64x2.sub(low(x), v128.load(z));
      const d1 = f64x2.sub(high(x), v128.load(z, 16));
      s0 = f64x2.add(s0, f64x2.mul(d0, d0));
      s1 = f64x2.add(s1, f64x2.mul(d1, d1));
    }
    f64.store(out + ((<usize>i) << 3), joined(s0, s1));
  }
}

/** Sums of row · point over one chunk into out[row], float64. columns: at most 1,024, a multiple of 4. */
export function dotsWithPoint(rows: usize, stride: usize, n: i32, point: usize, columns: i32, out: usize): void {
  for (let i: i32 = 0; i < n; i++) {
    let at = rows + <usize>i * stride;
    let z = point;
    const end = at + ((<usize>columns) << 2);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    for (; at < end; at += 16, z += 32) {
      const x = v128.load(at);
      s0 = f64x2.add(s0, f64x2.mul(low(x), v128.load(z)));
      s1 = f64x2.add(s1, f64x2.mul(high(x), v128.load(z, 16)));
    }
    f64.store(out + ((<usize>i) << 3), joined(s0, s1));
  }
}

/** `combine` for float64 rows. columns: a multiple of 4. */
export function combine64(
  rows: usize,
  stride: usize,
  terms: usize,
  count: i32,
  columns: i32,
  divisor: f64,
  out: usize,
): void {
  const by = f64x2.splat(divisor);
  for (let column: i32 = 0; column < columns; column += 4) {
    const from = rows + ((<usize>column) << 3);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let term = terms;
    for (let i: i32 = 0; i < count; i++) {
      const at = from + <usize>load<u32>(term) * stride;
      const weight = v128.load64_splat(term, 8);
      s0 = f64x2.add(s0, f64x2.mul(weight, v128.load(at)));
      s1 = f64x2.add(s1, f64x2.mul(weight, v128.load(at, 16)));
      term += 16;
    }
    const to = out + ((<usize>column) << 3);
    v128.store(to, f64x2.div(s0, by));
    v128.store(to, f64x2.div(s1, by), 16);
  }
}

/** `distancesToPoint` for float64 rows. */
export function distancesToPoint64(rows: usize, stride: usize, n: i32, point: usize, columns: i32, out: usize): void {
  for (let i: i32 = 0; i < n; i++) {
    let at = rows + <usize>i * stride;
    let z = point;
    const end = at + ((<usize>columns) << 3);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    for (; at < end; at += 32, z += 32) {
      const d0 = f64x2.sub(v128.load(at), v128.load(z));
      const d1 = f64x2.sub(v128.load(at, 16), v128.load(z, 16));
      s0 = f64x2.add(s0, f64x2.mul(d0, d0));
      s1 = f64x2.add(s1, f64x2.mul(d1, d1));
    }
    f64.store(out + ((<usize>i) << 3), joined(s0, s1));
  }
}

/** `dotsWithPoint` for float64 rows. */
export function dotsWithPoint64(rows: usize, stride: usize, n: i32, point: usize, columns: i32, out: usize): void {
  for (let i: i32 = 0; i < n; i++) {
    let at = rows + <usize>i * stride;
    let z = point;
    const end = at + ((<usize>columns) << 3);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    for (; at < end; at += 32, z += 32) {
      s0 = f64x2.add(s0, f64x2.mul(v128.load(at), v128.load(z)));
      s1 = f64x2.add(s1, f64x2.mul(v128.load(at, 16), v128.load(z, 16)));
    }
    f64.store(out + ((<usize>i) << 3), joined(s0, s1));
  }
}
