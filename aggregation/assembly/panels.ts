// Products of many rows with each other: rows packed into panels of twelve, and panels multiplied with panels.

import { PANEL, SEGMENT, STRIP, high, joined, low } from './lanes';

const PANEL_BYTES: usize = <usize>(PANEL * STRIP) << 2;
/** Panels whose products with one other are made in turn: they stay in the second-level cache, and so does the other. */
const GROUP: i32 = 6;

/**
 * One strip of n rows, `stride` bytes apart: y = (row − centre) · 2^-e with e the exponent of the row's largest magnitude
 * there. Written panel by panel of 12 rows, as [2,048 columns, 12 rows] float32, zeros after `columns`, a multiple of 16;
 * a last panel that is not full repeats row n − 1. scratch: 32,768 bytes. scales, shape [12 panels] float64: 2^e of
 * each; squaredNorms, shape [12 panels] float64: ‖y‖² · 4^e is added.
 */
export function packPanels(
  rows: usize,
  stride: usize,
  n: i32,
  centre: usize,
  columns: i32,
  scratch: usize,
  out: usize,
  scales: usize,
  squaredNorms: usize,
): void {
  for (let first: i32 = 0; first < n; first += PANEL, out += PANEL_BYTES) {
    for (let group: i32 = 0; group < PANEL; group += 4) {
      const at = (<usize>(first + group)) << 3;
      const to = out + ((<usize>group) << 2);
      packFour(rows, stride, first + group, n - 1, centre, columns, scratch, to, scales + at, squaredNorms + at);
    }
  }
}

function packFour(
  rows: usize,
  stride: usize,
  first: i32,
  last: i32,
  centre: usize,
  columns: i32,
  scratch: usize,
  out: usize,
  scales: usize,
  squaredNorms: usize,
): void {
  for (let lane: i32 = 0; lane < 4; lane++) {
    const row = rows + (<usize>min(first + lane, last)) * stride;
    const centred = scratch + <usize>lane * ((<usize>STRIP) << 2);
    f64.store(scales + ((<usize>lane) << 3), centreRow(row, centre, columns, centred));
  }
  const by0 = f32x4.splat(<f32>(1 / f64.load(scales)));
  const by1 = f32x4.splat(<f32>(1 / f64.load(scales, 8)));
  const by2 = f32x4.splat(<f32>(1 / f64.load(scales, 16)));
  const by3 = f32x4.splat(<f32>(1 / f64.load(scales, 24)));
  let s0 = f64x2.splat(0);
  let t0 = s0;
  let s1 = s0;
  let t1 = s0;
  let s2 = s0;
  let t2 = s0;
  let s3 = s0;
  let t3 = s0;
  const bytes = (<usize>columns) << 2;
  for (let at: usize = 0; at < bytes; at += 16, out += (<usize>PANEL) << 4) {
    const from = scratch + at;
    const a = f32x4.mul(v128.load(from), by0);
    const b = f32x4.mul(v128.load(from, 8192), by1);
    const c = f32x4.mul(v128.load(from, 16384), by2);
    const d = f32x4.mul(v128.load(from, 24576), by3);
    s0 = f64x2.add(s0, f64x2.mul(low(a), low(a)));
    t0 = f64x2.add(t0, f64x2.mul(high(a), high(a)));
    s1 = f64x2.add(s1, f64x2.mul(low(b), low(b)));
    t1 = f64x2.add(t1, f64x2.mul(high(b), high(b)));
    s2 = f64x2.add(s2, f64x2.mul(low(c), low(c)));
    t2 = f64x2.add(t2, f64x2.mul(high(c), high(c)));
    s3 = f64x2.add(s3, f64x2.mul(low(d), low(d)));
    t3 = f64x2.add(t3, f64x2.mul(high(d), high(d)));
    // Four rows of four columns become four columns of four rows.
    const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(out, i64x2.shuffle(ab0, cd0, 0, 2));
    v128.store(out, i64x2.shuffle(ab0, cd0, 1, 3), 48);
    v128.store(out, i64x2.shuffle(ab1, cd1, 0, 2), 96);
    v128.store(out, i64x2.shuffle(ab1, cd1, 1, 3), 144);
  }
  for (let column: i32 = columns; column < STRIP; column++, out += (<usize>PANEL) << 2) {
    v128.store(out, f32x4.splat(0));
  }
  addNorm(squaredNorms, joined(s0, t0), f64.load(scales));
  addNorm(squaredNorms + 8, joined(s1, t1), f64.load(scales, 8));
  addNorm(squaredNorms + 16, joined(s2, t2), f64.load(scales, 16));
  addNorm(squaredNorms + 24, joined(s3, t3), f64.load(scales, 24));
}

// @ts-ignore: decorator
@inline
function addNorm(at: usize, sum: f64, scale: f64): void {
  f64.store(at, f64.load(at) + sum * scale * scale);
}

/** Writes row − centre, and returns 2^e: the power of two of its largest magnitude, kept inside what float32 can hold. */
function centreRow(row: usize, centre: usize, columns: i32, out: usize): f64 {
  // Magnitudes compare like their bits, as integers: NaN and infinity stay on top, and their row is recomputed in float64.
  const magnitude = i32x4.splat(0x7fffffff);
  let most0 = i32x4.splat(0);
  let most1 = most0;
  for (let at: usize = 0, end = (<usize>columns) << 2; at < end; at += 32) {
    const a = f32x4.sub(v128.load(row + at), v128.load(centre + at));
    const b = f32x4.sub(v128.load(row + at, 16), v128.load(centre + at, 16));
    v128.store(out + at, a);
    v128.store(out + at, b, 16);
    most0 = i32x4.max_s(most0, v128.and(a, magnitude));
    most1 = i32x4.max_s(most1, v128.and(b, magnitude));
  }
  most0 = i32x4.max_s(most0, most1);
  const most = max(
    max(i32x4.extract_lane(most0, 0), i32x4.extract_lane(most0, 1)),
    max(i32x4.extract_lane(most0, 2), i32x4.extract_lane(most0, 3)),
  );
  const exponent = min(253, max(1, most >> 23));
  return reinterpret<f64>((<i64>(1023 - 127 + exponent)) << 52);
}

/** How many panel pairs come before those of panel p: pairs (p, q) for q from max(p, from) on, p by p. */
// @ts-ignore: decorator
@inline
function pairsBefore(p: i32, from: i32, panels: i32): usize {
  const above = min(p, from);
  let pairs = above * (panels - from);
  if (p > from) pairs += ((p - from) * (2 * panels - from - p + 1)) >> 1;
  return <usize>pairs;
}

/**
 * Adds one strip's products of every panel p < `until` with every panel q ≥ max(p, from), of `panels`, to out: for each
 * pair in that order a tile of shape [12, 12], float64. Over 64 columns a product is summed in float32, column after
 * column; those sums are added up in float64 and scaled back, exactly. columns: a multiple of 16. tile: 1,152 bytes.
 */
export function multiplyPanels(
  packed: usize,
  panels: i32,
  columns: i32,
  scales: usize,
  until: i32,
  from: i32,
  tile: usize,
  out: usize,
): void {
  const segments = (columns + SEGMENT - 1) / SEGMENT;
  for (let group: i32 = 0; group < until; group += GROUP) {
    const end = min(group + GROUP, until);
    for (let q: i32 = max(group, from); q < panels; q++) {
      for (let p: i32 = group; p < min(end, q + 1); p++) {
        memory.fill(tile, 0, <usize>(PANEL * PANEL) << 3);
        let a = packed + <usize>p * PANEL_BYTES;
        let b = packed + <usize>q * PANEL_BYTES;
        for (let segment: i32 = 0; segment < segments; segment++) {
          for (let row: usize = 0; row < <usize>PANEL; row += 3) {
            addSegment(a + (row << 2), b, tile + row * ((<usize>PANEL) << 3));
          }
          a += <usize>(SEGMENT * PANEL) << 2;
          b += <usize>(SEGMENT * PANEL) << 2;
        }
        const pair = pairsBefore(p, from, panels) + <usize>(q - max(p, from));
        const scalesAt = (<usize>PANEL) << 3;
        addScaled(tile, scales + <usize>p * scalesAt, scales + <usize>q * scalesAt, out + pair * (<usize>(PANEL * PANEL) << 3));
      }
    }
  }
}

function addScaled(tile: usize, rowScales: usize, columnScales: usize, out: usize): void {
  for (let row: i32 = 0; row < PANEL; row++, rowScales += 8) {
    const by = v128.load64_splat(rowScales);
    for (let column: usize = 0; column < (<usize>PANEL) << 3; column += 16, tile += 16, out += 16) {
      const scale = f64x2.mul(by, v128.load(columnScales + column));
      v128.store(out, f64x2.add(v128.load(out), f64x2.mul(scale, v128.load(tile))));
    }
  }
}

/**
 * Adds 64 columns' products of three rows with twelve: nine sums of four, and the six values that a column brings, fill the
 * registers that V8 has on x64. One column a turn: unrolled, it would load ahead of the sums, and keep those in memory.
 */
// @ts-ignore: decorator
@inline
function addSegment(a: usize, b: usize, tile: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c02 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c12 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c22 = f32x4.splat(0);
  const end = a + (<usize>(SEGMENT * PANEL) << 2);
  do {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const a0 = v128.load32_splat(a);
    c00 = f32x4.relaxed_madd(a0, b0, c00);
    c01 = f32x4.relaxed_madd(a0, b1, c01);
    c02 = f32x4.relaxed_madd(a0, b2, c02);
    const a1 = v128.load32_splat(a, 4);
    c10 = f32x4.relaxed_madd(a1, b0, c10);
    c11 = f32x4.relaxed_madd(a1, b1, c11);
    c12 = f32x4.relaxed_madd(a1, b2, c12);
    const a2 = v128.load32_splat(a, 8);
    c20 = f32x4.relaxed_madd(a2, b0, c20);
    c21 = f32x4.relaxed_madd(a2, b1, c21);
    c22 = f32x4.relaxed_madd(a2, b2, c22);
    a += (<usize>PANEL) << 2;
    b += (<usize>PANEL) << 2;
  } while (a < end);
  addFour(tile, c00);
  addFour(tile + 32, c01);
  addFour(tile + 64, c02);
  addFour(tile + 96, c10);
  addFour(tile + 128, c11);
  addFour(tile + 160, c12);
  addFour(tile + 192, c20);
  addFour(tile + 224, c21);
  addFour(tile + 256, c22);
}

// @ts-ignore: decorator
@inline
function addFour(at: usize, sums: v128): void {
  v128.store(at, f64x2.add(v128.load(at), low(sums)));
  v128.store(at, f64x2.add(v128.load(at, 16), high(sums)), 16);
}
