import type { ModelSpec } from '../../../proto/model-spec.ts';
import { featureColumns } from '../neural/features/autoencoder.ts';
import {
  calibrateFeatures,
  type FeatureCalibration,
  missedShares,
  scoreFeatures,
  weightsRemark,
} from '../neural/features/feature-scorer.ts';
import type { PlaceScores } from '../place-scores.ts';
import type { Explanation, TrackScorer } from '../track-kind.ts';
import type { FeatureRow } from './feature-row.ts';
import { valuesOf } from './row-columns.ts';

/** Scores how unlike normal rows here a row is. */
export class FeatureRowsJudge implements TrackScorer<FeatureRow> {
  readonly #spec: ModelSpec;
  readonly #weights: Float32Array;
  readonly #columns: readonly string[];
  readonly #calibration: FeatureCalibration | undefined;

  /** normal: what this cluster's own scale and usual errors are fitted to. */
  constructor(spec: ModelSpec, weights: Float32Array, normal: readonly FeatureRow[]) {
    this.#spec = spec;
    this.#weights = weights;
    this.#columns = featureColumns(spec);
    this.#calibration =
      normal.length === 0 ? undefined : calibrateFeatures(spec, weights, valuesOf(normal, this.#columns));
  }

  /** Without normal rows there is no local scale: everything scores 0. */
  score(rows: readonly FeatureRow[]): readonly PlaceScores[] {
    const scores = this.scores(rows);
    return rows.map(({ group }, at) => ({ groups: [group], scores: scores.subarray(at, at + 1) }));
  }

  /** Shape [rows]. */
  scores(rows: readonly FeatureRow[]): Float64Array {
    if (this.#calibration === undefined || rows.length === 0) return new Float64Array(rows.length);
    return scoreFeatures(this.#spec, this.#weights, this.#calibration, valuesOf(rows, this.#columns));
  }

  explain(row: FeatureRow): Explanation {
    const values = valuesOf([row], this.#columns);
    const shares =
      this.#calibration === undefined ? [] : [...missedShares(this.#spec, this.#weights, this.#calibration, values)];
    const columns = shares
      .map((share, at) => ({
        column: this.#columns[at] as string,
        value: values[at] as number,
        share: share / this.#columns.length,
      }))
      .sort((a, b) => b.share - a.share)
      .slice(0, 5);
    const said = columns.map(({ column, value, share }) => `${column} = ${value.toPrecision(3)} (${share.toFixed(2)})`);
    return { detail: { columns }, text: `columns that the others do not explain: ${said.join(', ') || 'none'}` };
  }

  remarks(): readonly string[] {
    const remark = weightsRemark(this.#calibration);
    return remark === undefined ? [] : [remark];
  }

  close(): void {}
}
