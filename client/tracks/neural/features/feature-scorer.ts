import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { featureColumns, featureScale, missedSquares } from './autoencoder.ts';
import { type RobustScale, scaled } from './robust-scale.ts';

/** A cluster's local part of the feature autoencoder; it never leaves. */
export type FeatureCalibration = Readonly<{
  scale: RobustScale;
  /**
   * By column: how much of it is usually missed, squared. A column that is never written well says little, and one that is
   * written as no number, as weights from an attack may do, says nothing: infinite.
   */
  usuallyMissed: Float32Array;
}>;

/** One column alone counts for at most this many times what is usual of it, */
const shareMax = 100;
/** and for at most so many squared spreads of what all columns miss together. */
const missedMax = 1;
const missedMin = 1e-3;
/**
 * Of a score the part in which columns count by what is usual of each; in the rest they count alike. Columns that are nearly always the
 * same would else make the least of others a wonder; counted alike they would drown the rare call that is one.
 */
const byColumn = 2 / 3;

/** normal: raw rows of the cluster's own normal flows, shape [n, width]. Calibrate again when the weights change. */
export function calibrateFeatures(spec: ModelSpec, weights: Float32Array, normal: Float32Array): FeatureCalibration {
  const width = featureColumns(spec).length;
  const scale = featureScale(spec, normal);
  const missed = missedSquares(spec, weights, scaled(scale, normal));
  const usuallyMissed = new Float32Array(width);
  for (let column = 0; column < width; column++) {
    let [sum, rows] = [0, 0];
    for (let at = column; at < missed.length; at += width) {
      const value = missed[at] as number;
      if (!Number.isFinite(value)) continue;
      sum += value;
      rows += 1;
    }
    usuallyMissed[column] = rows === 0 ? Number.POSITIVE_INFINITY : Math.max(missedMin, sum / rows);
  }
  return { scale, usuallyMissed };
}

/** What a person should know of a calibration; undefined for nothing. */
export function weightsRemark(calibration: FeatureCalibration | undefined): string | undefined {
  if (calibration === undefined) return 'learning: nothing normal was seen yet, and everything scores 0';
  return calibration.usuallyMissed.some(Number.isFinite)
    ? undefined
    : 'the shared model has no say here: of its weights come no numbers, and everything scores 0';
}

/**
 * How unusual each flow is, shape [n], about 1 for a usual one: what is missed against what is usually missed, column by column and of all
 * columns together.
 */
export function scoreFeatures(
  spec: ModelSpec,
  weights: Float32Array,
  calibration: FeatureCalibration,
  rows: Float32Array,
): Float64Array {
  const shares = missedShares(spec, weights, calibration, rows);
  const width = calibration.usuallyMissed.length;
  return Float64Array.from({ length: rows.length / width }, (_, row) => {
    let sum = 0;
    for (let column = 0; column < width; column++) sum += shares[row * width + column] as number;
    return sum / width;
  });
}

/** What each column adds to its flow's score, shape [n, width]; their mean is the score. */
export function missedShares(
  spec: ModelSpec,
  weights: Float32Array,
  { scale, usuallyMissed }: FeatureCalibration,
  rows: Float32Array,
): Float32Array {
  const width = usuallyMissed.length;
  const missed = missedSquares(spec, weights, scaled(scale, rows));
  const told = usuallyMissed.filter(Number.isFinite);
  const usualOfAll = told.reduce((sum, value) => sum + value, 0) / told.length;
  return missed.map((value, at) => {
    const usual = usuallyMissed[at % width] as number;
    if (!Number.isFinite(value) || !Number.isFinite(usual)) return 0;
    const ofColumn = Math.min(shareMax, value / usual);
    const ofAll = Math.min(missedMax, value) / usualOfAll;
    return byColumn * ofColumn + (1 - byColumn) * ofAll;
  });
}
