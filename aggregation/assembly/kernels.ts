// The small fast loops of aggregation, in AssemblyScript: WebAssembly with 128-bit SIMD, no runtime, no allocation. The
// caller lays out the memory and passes byte addresses. Rebuild with `node aggregation/assembly/build.ts` after a
// change; a test holds kernels.wasm against this file.
//
// No fused multiply-add anywhere: every operation rounds as its plain TypeScript twin does, so both give the same bits.

const CHUNK: i32 = 1024; // chunkColumns of ordered-sums.ts.
const STRIP: i32 = 2048; // stripColumns of packed-block.ts.

// Sorting by a key: a float32's bits, ordered as int32 like the values themselves, -0 before +0. Its own inverse.
// @ts-ignore: decorator
@inline
function flip(bits: v128): v128 {
  return v128.xor(bits, i32x4.shr_u(i32x4.shr_s(bits, 31), 1));
}

// @ts-ignore: decorator
@inline
function low(values: v128): v128 {
  return f64x2.promote_low_f32x4(values);
}

// @ts-ignore: decorator
@inline
function high(values: v128): v128 {
  return f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 0));
}

// @ts-ignore: decorator
@inline
function compareExchange<T>(a: usize, b: usize): void {
  const x = v128.load(a);
  const y = v128.load(b);
  if (isFloat<T>()) {
    v128.store(a, f64x2.pmin(x, y));
    v128.store(b, f64x2.pmax(x, y));
  } else {
    v128.store(a, i32x4.min_s(x, y));
    v128.store(b, i32x4.max_s(x, y));
  }
}

/**
 * Sorts n vectors of four int32 keys (T = i32) or of two float64 values without -0 (T = f64), lane by lane, at `at`:
 * Batcher's merge-exchange (Knuth, TAOCP 3, 5.2.2, Algorithm M), which works for every n and compares the same places
 * whatever the values.
 */
function sortLanes<T>(at: usize, n: i32): void {
  let top: i32 = 1;
  while (top < n) top <<= 1;
  for (let p: i32 = top >> 1; p > 0; p >>= 1) {
    let q: i32 = top >> 1;
    let r: i32 = 0;
    let d: i32 = p;
    while (true) {
      // Every i with (i & p) == r: runs of p places.
      for (let start: i32 = r; start < n - d; start += 2 * p) {
        const end = min(start + p, n - d);
        let a = at + ((<usize>start) << 4);
        const stop = at + ((<usize>end) << 4);
        const away = (<usize>d) << 4;
        for (; a < stop; a += 16) compareExchange<T>(a, a + away);
      }
      if (q == p) break;
      d = q - p;
      q >>= 1;
      r = p;
    }
  }
}

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

/** (lane 0 + lane 2) + (lane 1 + lane 3), as ordered-sums.ts says. */
// @ts-ignore: decorator
@inline
function joined(lanes01: v128, lanes23: v128): f64 {
  const sum = f64x2.add(lanes01, lanes23);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
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
