import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import { checkSpec } from '../../../../proto/model-spec.ts';
import { areaUnderRoc } from '../../metrics.ts';
import {
  batchLoss,
  featureColumns,
  featureScale,
  featureSpec,
  initialFeatures,
  trainFeatures,
} from '../../neural/features/autoencoder.ts';
import { calibrateFeatures, missedShares, scoreFeatures, weightsRemark } from '../../neural/features/feature-scorer.ts';
import { fitScale, scaled } from '../../neural/features/robust-scale.ts';
import { parametersOf } from '../../neural/parameters.ts';
import { sliceColumns } from './slice-rows.ts';

const width = 6;
const columns = Array.from({ length: width }, (_, at) => `c${at}`);

/** Flows with two hidden causes; `broken`: one column does not follow them. */
function flows(count: number, seed: number, unit = 1, broken = false): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from(
    Array.from({ length: count }, () => {
      const [a, b] = [random() * 8, random() * 8];
      const row = [a, b, a + b, Math.abs(a - b), a * 0.5 + 2, b * 0.3 + 1];
      if (broken) row[2] = Math.abs(12 - (row[2] as number));
      return row.map((value) => unit * Math.expm1(value));
    }).flat(),
  );
}

describe('fitScale', () => {
  it('scales amounts of different units alike, and its own rows to within a few', () => {
    const [bytes, kilobytes] = [flows(500, 1, 1_000), flows(500, 1, 1_000_000)];
    const own = scaled(fitScale(bytes, width), bytes);
    const other = scaled(fitScale(kilobytes, width), kilobytes);
    // Exactly alike only far from 0, where ln(1 + x) is ln x.
    expect(own.filter((value, at) => Math.abs(value - (other[at] as number)) > 0.3).length / own.length).toBeLessThan(
      0.1,
    );
    const sorted = own.toSorted();
    expect(Math.abs(sorted[sorted.length / 2] as number)).toBeLessThan(0.2);
  });

  it('gives finite values within its bound for anything', () => {
    const anything = fc.array(fc.oneof(fc.double(), fc.constantFrom(0, -1, 1e300, Number.NaN, Infinity)), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(anything, anything, (learnt, judged) => {
        const rows = (values: number[]) => Float32Array.from(values.length % 2 === 0 ? values : values.slice(1));
        const scale = fitScale(
          rows(learnt).map((value) => (Number.isFinite(value) ? value : 0)),
          2,
        );
        for (const value of scaled(scale, rows(judged))) expect(Math.abs(value)).toBeLessThanOrEqual(8);
      }),
    );
    expect(() => fitScale(new Float32Array(0), 3)).toThrow(/no rows/);
  });
});

describe('the autoencoder of flow features', () => {
  const spec = featureSpec(columns, { hidden: 16, code: 2 });

  it('has a legal spec, also for the columns of slices', () => {
    expect(checkSpec(spec).ok).toBe(true);
    expect(checkSpec(featureSpec(sliceColumns)).ok).toBe(true);
    expect(featureColumns(spec)).toEqual(columns);
    expect(() => featureColumns({ ...spec, architecture: 'other/1' })).toThrow(/flow-feature-autoencoder/);
  });

  it('carries a scale for all clusters, and refuses one that does not fit', () => {
    const scale = fitScale(flows(500, 1), width);
    const shared = featureSpec(columns, { hidden: 16, code: 2, scale });
    expect(checkSpec(shared).ok).toBe(true);
    const [near, far] = [featureScale(shared, flows(9, 2)), featureScale(shared, flows(9, 2, 1_000))];
    expect(near).toEqual(far);
    for (const [at, center] of scale.centers.entries()) expect(near.centers[at]).toBeCloseTo(center, 2);
    expect(calibrateFeatures(shared, initialFeatures(shared, 1), flows(50, 3, 1_000)).scale).toEqual(near);
    for (const wrong of ['1,2', '1,1,1,0,1,1', 'a,b,c,d,e,f']) {
      const broken = { ...shared, hyperparameters: { ...shared.hyperparameters, spreads: wrong } };
      expect(() => featureScale(broken, flows(9, 2))).toThrow(/spreads above 0/);
    }
  });

  it('has the gradients that finite differences give', () => {
    const layout = layoutOf(spec);
    const weights = initialFeatures(spec, 3);
    const rows = scaled(fitScale(flows(32, 5), width), flows(32, 5));
    const lossAt = (flat: ReturnType<typeof tf.tensor1d>) =>
      batchLoss(parametersOf(layout, flat), { shown: rows, wanted: rows, width });
    const gradient = tf
      .tidy(() => tf.grad((flat) => lossAt(flat as ReturnType<typeof tf.tensor1d>))(tf.tensor1d(weights)))
      .dataSync<'float32'>();
    const norm = Math.hypot(...gradient);
    const at = (by: number) =>
      tf
        .tidy(() => lossAt(tf.tensor1d(weights.map((value, i) => value + (by * (gradient[i] as number)) / norm))))
        .dataSync()[0] as number;
    expect((at(1e-2) - at(-1e-2)) / 2e-2 / norm).toBeCloseTo(1, 2);
    expect(norm).toBeGreaterThan(0.01);
  });

  it('finds flows whose columns do not go together, in a cluster of another unit too', () => {
    const learnt = flows(600, 1);
    const { weights, loss } = trainFeatures(spec, initialFeatures(spec, 1), scaled(fitScale(learnt, width), learnt), {
      seed: 1,
      steps: 400,
      batchSize: 64,
    });
    expect(loss).toBeLessThan(0.2);
    for (const unit of [1, 1_000]) {
      const calibration = calibrateFeatures(spec, weights, flows(300, 7, unit));
      const score = (broken: boolean, seed: number) =>
        scoreFeatures(spec, weights, calibration, flows(200, seed, unit, broken));
      expect(areaUnderRoc(score(false, 8), score(true, 9))).toBeGreaterThan(0.85);
    }
  });

  it('counts a column by what is usual of it, and by a squared spread at most beside all others', () => {
    const scale = { centers: new Float32Array(2), spreads: new Float32Array(2).fill(1) };
    const two = featureSpec(['steady', 'busy'], { hidden: 2, code: 1, scale });
    // A network that writes nothing: all of a value is missed.
    const blank = new Float32Array(layoutOf(two).length);
    const missed = (value: number) => (8 * Math.tanh(Math.log1p(value) / 8)) ** 2;
    const calibration = calibrateFeatures(two, blank, Float32Array.of(0.1, 3, 0.1, 3));
    const [steady, busy] = [missed(0.1), missed(3)];
    const byColumn = (a: number, b: number) => (Math.min(100, a / steady) + Math.min(100, b / busy)) / 2;
    const ofAll = (a: number, b: number) => (Math.min(1, a) + Math.min(1, b)) / (steady + busy);
    for (const [a, b] of [
      [0.1, 3],
      [0.5, 3],
      [50, 0],
      [0.1, 400],
    ] as const) {
      const [score] = scoreFeatures(two, blank, calibration, Float32Array.of(a, b));
      const expected = (2 * byColumn(missed(a), missed(b)) + ofAll(missed(a), missed(b))) / 3;
      expect(score).toBeCloseTo(expected, 3);
    }
  });

  it('gives finite scores whatever weights an attack makes of it, and says where they say nothing', () => {
    const weights = initialFeatures(spec, 1);
    expect(weightsRemark(calibrateFeatures(spec, weights, flows(50, 1)))).toBeUndefined();
    const { offset } = layoutOf(spec).slots.find(({ name }) => name === 'encoder.weights') as { offset: number };
    // Two hidden values overflow for some rows, and for others do not.
    weights.fill(3e38, offset, offset + 2);
    const some = scoreFeatures(spec, weights, calibrateFeatures(spec, weights, flows(50, 1)), flows(50, 2));
    expect(some.every(Number.isFinite)).toBe(true);
    expect(some.some((score) => score > 0)).toBe(true);
    const none = calibrateFeatures(spec, weights.fill(Number.NaN), flows(50, 1));
    expect([...scoreFeatures(spec, weights, none, flows(3, 2))]).toEqual([0, 0, 0]);
    expect(weightsRemark(none)).toContain('everything scores 0');
  });

  it('gives shares whose mean is the score, and the same bits for the same seed', () => {
    const rows = scaled(fitScale(flows(64, 1), width), flows(64, 1));
    const train = () => trainFeatures(spec, initialFeatures(spec, 1), rows, { seed: 4, steps: 10 }).weights;
    const weights = train();
    expect(train()).toEqual(weights);
    const calibration = calibrateFeatures(spec, weights, flows(64, 1));
    const judged = flows(20, 2);
    const [scores, shares] = [
      scoreFeatures(spec, weights, calibration, judged),
      missedShares(spec, weights, calibration, judged),
    ];
    for (const [row, score] of scores.entries()) {
      const mean = shares.subarray(row * width, (row + 1) * width).reduce((sum, share) => sum + share, 0) / width;
      expect(mean).toBeCloseTo(score, 4);
    }
  });
});
