import type { ModelSpec } from '../../../../proto/model-spec.ts';
import {
  calibrateFeatures,
  type FeatureCalibration,
  missedShares,
  scoreFeatures,
  weightsRemark,
} from '../../neural/features/feature-scorer.ts';
import type { PlaceScores } from '../../place-scores.ts';
import type { Explanation, TrackScorer } from '../../track-kind.ts';
import { hopOf } from '../explain/explain-edge.ts';
import { groupsOf } from '../flow-judge.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { sliceColumns, sliceRows } from './slice-rows.ts';

/** Scores how a window's edges behave (amounts, answers, refusals), not whom they join. */
export class FeatureJudge implements TrackScorer<NamedSlice> {
  readonly #spec: ModelSpec;
  readonly #weights: Float32Array;
  readonly #calibration: FeatureCalibration | undefined;

  constructor(spec: ModelSpec, weights: Float32Array, normal: readonly NamedSlice[]) {
    const rows = sliceRows(normal.map(({ slice }) => slice));
    this.#spec = spec;
    this.#weights = weights;
    this.#calibration = rows.length === 0 ? undefined : calibrateFeatures(spec, weights, rows);
  }

  /** Without normal windows there is no local scale: everything scores 0. */
  score(windows: readonly NamedSlice[]): readonly PlaceScores[] {
    return windows.map((window) => ({
      groups: groupsOf(window),
      scores:
        this.#calibration === undefined
          ? new Float64Array(window.slice.edgeCount)
          : scoreFeatures(this.#spec, this.#weights, this.#calibration, sliceRows([window.slice])),
    }));
  }

  explain(window: NamedSlice, edge: number): Explanation {
    const width = sliceColumns.length;
    const rows = sliceRows([window.slice]).subarray(edge * width, (edge + 1) * width);
    const shares =
      this.#calibration === undefined ? [] : [...missedShares(this.#spec, this.#weights, this.#calibration, rows)];
    const score = shares.reduce((sum, share) => sum + share, 0) / width;
    const columns = shares
      .map((share, column) => ({
        column: sliceColumns[column] as string,
        share: share / width,
        value: rows[column] as number,
      }))
      .sort((a, b) => b.share - a.share)
      .slice(0, 5);
    const hop = hopOf(window, edge, score);
    const said = columns.map(({ column, share, value }) => `${column} = ${value.toPrecision(3)} (${share.toFixed(2)})`);
    return {
      detail: { edge: hop, columns },
      text: `${hop.client} → ${hop.server} on ${hop.service} behaves unusually (${score.toFixed(2)}): ${said.join(', ')}.`,
    };
  }

  remarks(): readonly string[] {
    const remark = weightsRemark(this.#calibration);
    return remark === undefined ? [] : [remark];
  }

  close(): void {}
}
