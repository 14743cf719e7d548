// Sorting many columns at once, one in each lane of a vector.

// Sorting by a key: a float32's bits, ordered as int32 like the values themselves, -0 before +0. Its own inverse.
// @ts-ignore: decorator
@inline
export function flip(bits: v128): v128 {
  return v128.xor(bits, i32x4.shr_u(i32x4.shr_s(bits, 31), 1));
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
export function sortLanes<T>(at: usize, n: i32): void {
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
