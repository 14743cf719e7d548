// Distances between rows, directly; and the medians that rows are centred on before they are multiplied.

import { CHUNK, high, joined, low } from './lanes';
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
