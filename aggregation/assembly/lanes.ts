// What every kernel needs of chunks and lanes.

export const CHUNK: i32 = 1024; // chunkColumns of ordered-sums.ts.
export const STRIP: i32 = 2048; // stripColumns of panel-products.ts.
export const PANEL: i32 = 12; // panelRows of panel-products.ts.
export const SEGMENT: i32 = 64; // segmentColumns of panel-products.ts.

// @ts-ignore: decorator
@inline
export function low(values: v128): v128 {
  return f64x2.promote_low_f32x4(values);
}

// @ts-ignore: decorator
@inline
export function high(values: v128): v128 {
  return f64x2.promote_low_f32x4(i64x2.shuffle(values, values, 1, 0));
}

/** (lane 0 + lane 2) + (lane 1 + lane 3), as ordered-sums.ts says. */
// @ts-ignore: decorator
@inline
export function joined(lanes01: v128, lanes23: v128): f64 {
  const sum = f64x2.add(lanes01, lanes23);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
