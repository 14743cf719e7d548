/**
 * A scale of flow features: amounts that are usual lie about 0, within about 1. Fitted to a cluster's own flows it is never
 * sent; a federation may agree on one instead, made of a public sample (`featureSpec`). Medians and quantiles instead of means: flows have heavy tails, and a few odd ones must not set the scale.
 */
export type RobustScale = Readonly<{
  /** By column: the middle of sign(x) ln(1 + |x|), and how far a usual value lies from it; above 0. */
  centers: Float32Array;
  spreads: Float32Array;
}>;

/** Beyond this many spreads more is not worse: one wild column must not drown the others. */
const bound = 8;
/** A column that is constant here: the first other value lies this many logarithmic units away from surprising. */
const spreadMin = 0.1;

/** values: shape [rows, width], row-major; at most `sampleMax` rows, evenly taken, are looked at. */
export function fitScale(values: Float32Array, width: number, sampleMax = 20_000): RobustScale {
  const rows = values.length / width;
  if (!Number.isInteger(rows) || rows < 1)
    throw new RangeError(`scale: ${values.length} values are no rows of ${width}`);
  const stride = Math.max(1, rows / sampleMax);
  const count = Math.min(rows, sampleMax);
  const centers = new Float32Array(width);
  const spreads = new Float32Array(width);
  for (let column = 0; column < width; column++) {
    const sorted = Float64Array.from({ length: count }, (_, i) =>
      logarithmic(values[Math.floor(i * stride) * width + column] as number),
    ).sort();
    const at = (share: number) => sorted[Math.round(share * (count - 1))] as number;
    centers[column] = at(0.5);
    // Quartiles of a normal distribution are 1.35 deviations apart; where most values are one, the tails say the scale.
    const quartiles = (at(0.75) - at(0.25)) / 1.35;
    spreads[column] = Math.max(spreadMin, quartiles, (at(0.99) - at(0.01)) / 6);
  }
  return { centers, spreads };
}

/** Shape [rows, width], in spreads from the center, smoothly bounded. Values that are no numbers lie at the center. */
export function scaled({ centers, spreads }: RobustScale, values: Float32Array): Float32Array {
  const width = centers.length;
  return values.map((value, at) => {
    const column = at % width;
    if (!Number.isFinite(value)) return 0;
    const z = (logarithmic(value) - (centers[column] as number)) / (spreads[column] as number);
    return bound * Math.tanh(z / bound);
  });
}

function logarithmic(value: number): number {
  return Math.sign(value) * Math.log1p(Math.abs(value));
}
