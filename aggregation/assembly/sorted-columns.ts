// Rules that sort each column: median, trimmed mean, mean around the median.

import { high, low } from './lanes';
import { flip, sortLanes } from './sort-lanes';

/**
 * One value per column of n float32 rows (`stride` bytes apart) into `out`, float64. columns: a multiple of 4.
 * kind 0: median; 1: trimmed mean, `parameter` = trim; 2: mean around the median, `parameter` = keep.
 * scratch: 16 n bytes.
 */
export function reduceColumns(
  rows: usize,
  stride: usize,
  n: i32,
  columns: i32,
  scratch: usize,
  out: usize,
  kind: i32,
  parameter: i32,
): void {
  for (let column: i32 = 0; column < columns; column += 4) {
    let from = rows + ((<usize>column) << 2);
    for (let i: i32 = 0; i < n; i++) {
      v128.store(scratch + ((<usize>i) << 4), flip(v128.load(from)));
      from += stride;
    }
    sortLanes<i32>(scratch, n);
    const to = out + ((<usize>column) << 3);
    if (kind == 0) storeMedian(scratch, n, to);
    else if (kind == 1) storeTrimmedMean(scratch, n, parameter, to);
    else storeMeanAroundMedian(scratch, n, parameter, to);
  }
}

function storeMedian(keys: usize, n: i32, to: usize): void {
  const upper = flip(v128.load(keys + ((<usize>(n >> 1)) << 4)));
  if (n & 1) {
    v128.store(to, low(upper));
    v128.store(to, high(upper), 16);
    return;
  }
  const lower = flip(v128.load(keys + ((<usize>((n >> 1) - 1)) << 4)));
  const half = f64x2.splat(0.5);
  v128.store(to, f64x2.mul(f64x2.add(low(lower), low(upper)), half));
  v128.store(to, f64x2.mul(f64x2.add(high(lower), high(upper)), half), 16);
}

function storeTrimmedMean(keys: usize, n: i32, trim: i32, to: usize): void {
  let sumLow = f64x2.splat(0);
  let sumHigh = f64x2.splat(0);
  for (let i: i32 = trim; i < n - trim; i++) {
    const values = flip(v128.load(keys + ((<usize>i) << 4)));
    sumLow = f64x2.add(sumLow, low(values));
    sumHigh = f64x2.add(sumHigh, high(values));
  }
  const count = f64x2.splat(<f64>(n - 2 * trim));
  v128.store(to, f64x2.div(sumLow, count));
  v128.store(to, f64x2.div(sumHigh, count), 16);
}

function storeMeanAroundMedian(keys: usize, n: i32, keep: i32, to: usize): void {
  for (let i: i32 = 0; i < n; i++) {
    const at = keys + ((<usize>i) << 4);
    v128.store(at, flip(v128.load(at)));
  }
  for (let lane: i32 = 0; lane < 4; lane++) {
    const values = keys + ((<usize>lane) << 2);
    let above: i32 = n >> 1;
    let below: i32 = above - 1;
    const upper = <f64>f32.load(values + ((<usize>above) << 4));
    const median = n & 1 ? upper : (<f64>f32.load(values + ((<usize>below) << 4)) + upper) / 2;
    let sum: f64 = 0;
    for (let kept: i32 = 0; kept < keep; kept++) {
      const lower = below >= 0 ? <f64>f32.load(values + ((<usize>below) << 4)) : -Infinity;
      const higher = above < n ? <f64>f32.load(values + ((<usize>above) << 4)) : Infinity;
      if (median - lower <= higher - median) {
        sum += lower;
        below--;
      } else {
        sum += higher;
        above++;
      }
    }
    f64.store(to + ((<usize>lane) << 3), sum / <f64>keep);
  }
}

/** `reduceColumns` for float64 rows that hold no -0. columns: a multiple of 2. */
export function reduceColumns64(
  rows: usize,
  stride: usize,
  n: i32,
  columns: i32,
  scratch: usize,
  out: usize,
  kind: i32,
  parameter: i32,
): void {
  for (let column: i32 = 0; column < columns; column += 2) {
    let from = rows + ((<usize>column) << 3);
    for (let i: i32 = 0; i < n; i++) {
      v128.store(scratch + ((<usize>i) << 4), v128.load(from));
      from += stride;
    }
    sortLanes<f64>(scratch, n);
    const to = out + ((<usize>column) << 3);
    if (kind == 1) storeTrimmedMean64(scratch, n, parameter, to);
    else {
      for (let lane: usize = 0; lane < 16; lane += 8) {
        const values = scratch + lane;
        const upper = f64.load(values + ((<usize>(n >> 1)) << 4));
        const median = n & 1 ? upper : (f64.load(values + ((<usize>((n >> 1) - 1)) << 4)) + upper) / 2;
        f64.store(to + lane, kind == 0 ? median : meanAround64(values, n, median, parameter));
      }
    }
  }
}

function storeTrimmedMean64(values: usize, n: i32, trim: i32, to: usize): void {
  let sum = f64x2.splat(0);
  for (let i: i32 = trim; i < n - trim; i++) sum = f64x2.add(sum, v128.load(values + ((<usize>i) << 4)));
  v128.store(to, f64x2.div(sum, f64x2.splat(<f64>(n - 2 * trim))));
}

function meanAround64(values: usize, n: i32, median: f64, keep: i32): f64 {
  let above: i32 = n >> 1;
  let below: i32 = above - 1;
  let sum: f64 = 0;
  for (let kept: i32 = 0; kept < keep; kept++) {
    const lower = below >= 0 ? f64.load(values + ((<usize>below) << 4)) : -Infinity;
    const higher = above < n ? f64.load(values + ((<usize>above) << 4)) : Infinity;
    if (median - lower <= higher - median) {
      sum += lower;
      below--;
    } else {
      sum += higher;
      above++;
    }
  }
  return sum / <f64>keep;
}
