// Distances between rows: directly, and rows packed for the multiplication that gives all of them.

import { CHUNK, STRIP, high, joined, low } from './lanes';
import { flip, sortLanes } from './sort-lanes';

/** n float32 rows, `stride` bytes apart, as float64 rows of 1,024 places, zeros after `columns`. */
export function promote(rows: usize, stride: usize, n: i32, columns: i32, out: usize): void {
  for (let i: i32 = 0; i < n; i++) {
    let from = rows + <usize>i * stride;
    let to = out + <usize>i * (<usize>CHUNK << 3);
    const end = to + (<usize>CHUNK << 3);
    const whole = to + ((<usize>(columns & ~3)) << 3);
    for (; to < whole; to += 32, from += 16) {
      const x = v128.load(from);
      v128.store(to, low(x));
      v128.store(to, high(x), 16);
    }
    for (let rest: i32 = columns & 3; rest > 0; rest--, to += 8, from += 4) f64.store(to, <f64>f32.load(from));
    for (; to < end; to += 8) f64.store(to, 0);
  }
}

/**
 * Squared distances over one chunk of promoted rows. groups: `count` times {i, j0, j1, j2, j3: i32}; writes the four
 * sums of row i against rows j0..j3 to out. columns: at most 1,024, a multiple of 8.
 */
export function squaredDistances(rows: usize, groups: usize, count: i32, columns: i32, out: usize): void {
  const bytes = (<usize>columns) << 3;
  for (let group: i32 = 0; group < count; group++) {
    let a = rows + ((<usize>load<u32>(groups)) << 13);
    let p = rows + ((<usize>load<u32>(groups, 4)) << 13);
    let q = rows + ((<usize>load<u32>(groups, 8)) << 13);
    let r = rows + ((<usize>load<u32>(groups, 12)) << 13);
    let s = rows + ((<usize>load<u32>(groups, 16)) << 13);
    groups += 20;
    const end = a + bytes;
    let p0 = f64x2.splat(0);
    let p1 = p0;
    let q0 = p0;
    let q1 = p0;
    let r0 = p0;
    let r1 = p0;
    let s0 = p0;
    let s1 = p0;
    // Eight columns a turn; the zeros after the last column add nothing.
    for (; a < end; a += 64, p += 64, q += 64, r += 64, s += 64) {
      const x0 = v128.load(a);
      const x1 = v128.load(a, 16);
      let d = f64x2.sub(x0, v128.load(p));
      p0 = f64x2.add(p0, f64x2.mul(d, d));
      d = f64x2.sub(x1, v128.load(p, 16));
      p1 = f64x2.add(p1, f64x2.mul(d, d));
      d = f64x2.sub(x0, v128.load(q));
      q0 = f64x2.add(q0, f64x2.mul(d, d));
      d = f64x2.sub(x1, v128.load(q, 16));
      q1 = f64x2.add(q1, f64x2.mul(d, d));
      d = f64x2.sub(x0, v128.load(r));
      r0 = f64x2.add(r0, f64x2.mul(d, d));
      d = f64x2.sub(x1, v128.load(r, 16));
      r1 = f64x2.add(r1, f64x2.mul(d, d));
      d = f64x2.sub(x0, v128.load(s));
      s0 = f64x2.add(s0, f64x2.mul(d, d));
      d = f64x2.sub(x1, v128.load(s, 16));
      s1 = f64x2.add(s1, f64x2.mul(d, d));
      const x2 = v128.load(a, 32);
      const x3 = v128.load(a, 48);
      d = f64x2.sub(x2, v128.load(p, 32));
      p0 = f64x2.add(p0, f64x2.mul(d, d));
      d = f64x2.sub(x3, v128.load(p, 48));
      p1 = f64x2.add(p1, f64x2.mul(d, d));
      d = f64x2.sub(x2, v128.load(q, 32));
      q0 = f64x2.add(q0, f64x2.mul(d, d));
      d = f64x2.sub(x3, v128.load(q, 48));
      q1 = f64x2.add(q1, f64x2.mul(d, d));
      d = f64x2.sub(x2, v128.load(r, 32));
      r0 = f64x2.add(r0, f64x2.mul(d, d));
      d = f64x2.sub(x3, v128.load(r, 48));
      r1 = f64x2.add(r1, f64x2.mul(d, d));
      d = f64x2.sub(x2, v128.load(s, 32));
      s0 = f64x2.add(s0, f64x2.mul(d, d));
      d = f64x2.sub(x3, v128.load(s, 48));
      s1 = f64x2.add(s1, f64x2.mul(d, d));
    }
    f64.store(out, joined(p0, p1));
    f64.store(out, joined(q0, q1), 8);
    f64.store(out, joined(r0, r1), 16);
    f64.store(out, joined(s0, s1), 24);
    out += 32;
  }
}

/** Per column the median of an odd number of rows, whose numbers are at `sample`, as float32. scratch: 16 count bytes. */
export function centre(
  rows: usize,
  stride: usize,
  sample: usize,
  count: i32,
  columns: i32,
  scratch: usize,
  out: usize,
): void {
  for (let column: i32 = 0; column < columns; column += 4) {
    const from = rows + ((<usize>column) << 2);
    for (let i: i32 = 0; i < count; i++) {
      const row = <usize>load<u32>(sample + ((<usize>i) << 2));
      v128.store(scratch + ((<usize>i) << 4), flip(v128.load(from + row * stride)));
    }
    sortLanes<i32>(scratch, count);
    v128.store(out + ((<usize>column) << 2), flip(v128.load(scratch + ((<usize>(count >> 1)) << 4))));
  }
}

/**
 * One row of a strip: y = (row − centre) · 2^-e with e the exponent of its largest magnitude, written as 32 segments of
 * 64 values, `segmentStride` bytes apart; zeros after `columns`, a multiple of 16. scratch: 8,192 bytes.
 * Stores 2^e and ‖y‖² · 4^e (float64) at `scale` and `squaredNorm`.
 */
export function packRow(
  row: usize,
  centre: usize,
  columns: i32,
  scratch: usize,
  out: usize,
  segmentStride: usize,
  scale: usize,
  squaredNorm: usize,
): void {
  // Magnitudes compare like their bits, as integers: NaN and infinity stay on top, and their row is recomputed in float64.
  const magnitude = i32x4.splat(0x7fffffff);
  let most0 = i32x4.splat(0);
  let most1 = most0;
  let at: usize = 0;
  for (const end = (<usize>columns) << 2; at < end; at += 64) {
    const a = f32x4.sub(v128.load(row + at), v128.load(centre + at));
    const b = f32x4.sub(v128.load(row + at, 16), v128.load(centre + at, 16));
    const c = f32x4.sub(v128.load(row + at, 32), v128.load(centre + at, 32));
    const d = f32x4.sub(v128.load(row + at, 48), v128.load(centre + at, 48));
    v128.store(scratch + at, a);
    v128.store(scratch + at, b, 16);
    v128.store(scratch + at, c, 32);
    v128.store(scratch + at, d, 48);
    most0 = i32x4.max_s(most0, i32x4.max_s(v128.and(a, magnitude), v128.and(b, magnitude)));
    most1 = i32x4.max_s(most1, i32x4.max_s(v128.and(c, magnitude), v128.and(d, magnitude)));
  }
  for (const end = (<usize>STRIP) << 2; at < end; at += 4) f32.store(scratch + at, 0);

  // 2^-e as float32 bits; the ends are kept inside what float32 can hold.
  most0 = i32x4.max_s(most0, most1);
  const most = max(
    max(i32x4.extract_lane(most0, 0), i32x4.extract_lane(most0, 1)),
    max(i32x4.extract_lane(most0, 2), i32x4.extract_lane(most0, 3)),
  );
  const exponent = most >> 23;
  const down = min(253, max(1, 254 - exponent));
  const by = f32x4.splat(reinterpret<f32>(down << 23));
  let s0 = f64x2.splat(0);
  let s1 = s0;
  let from = scratch;
  for (let segment: i32 = 0; segment < 32; segment++) {
    let to = out;
    const end = to + 256;
    for (; to < end; to += 16, from += 16) {
      const y = f32x4.mul(v128.load(from), by);
      v128.store(to, y);
      const y0 = low(y);
      const y1 = high(y);
      s0 = f64x2.add(s0, f64x2.mul(y0, y0));
      s1 = f64x2.add(s1, f64x2.mul(y1, y1));
    }
    out += segmentStride;
  }
  const up = reinterpret<f64>((<i64>(1023 + 127 - down)) << 52);
  f64.store(scale, up);
  f64.store(squaredNorm, joined(s0, s1) * up * up);
}
