import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../base/random.ts';
import { moveBlock } from '../../candidate/server-optimiser.ts';
import { type ModelStep, progressOf } from './progress-verdict.ts';

const step = (norm: number, more: Partial<ModelStep> = {}): ModelStep => ({
  ...{ version: 4, round: null, norm, relative: norm / 100, cosine: 0.3, keptShare: 0.9, sameAs: null },
  ...more,
});
const verdict = (steps: readonly ModelStep[]) => progressOf(steps).verdict;

describe('progressOf', () => {
  it('tells what settles, grows, swings and goes on apart', () => {
    expect(verdict([step(1)])).toBe('tooFew');
    expect(verdict([step(4), step(3), step(1)])).toBe('settles');
    expect(verdict([step(1), step(1), step(3)])).toBe('grows');
    expect(verdict([step(1, { cosine: null }), step(1, { cosine: -0.9 }), step(1, { cosine: -0.8 })])).toBe('swings');
    expect(verdict([step(2), step(2), step(2)])).toBe('learns');
    expect(verdict([step(2), step(2), step(1e-5, { relative: 1e-7 })])).toBe('still');
    expect(verdict([step(Number.NaN, { norm: null, relative: null }), step(0, { norm: null, relative: null })])).toBe(
      'learns',
    );
  });

  it('says when a version is an earlier one, and when rounds count few of the updates', () => {
    expect(progressOf([step(1), step(1, { sameAs: 2 })]).text).toContain('Version 4 is version 2 to the bit');
    expect(progressOf([step(1, { keptShare: 0.2 }), step(1, { keptShare: 0.3 })])).toMatchObject({
      keptShare: 0.25,
      text: expect.stringContaining('Rounds count 25 % of the updates.'),
    });
  });
});

it('counts that do not change give, from the third round on, the model of two rounds before, and deltas as long as ever', () => {
  // A client's counts do not depend on the base that it is given, so its delta is counts - base, rounded to float32.
  const random = seededRandom(7);
  const [clusters, length] = [5, 2_000];
  const counts = Array.from({ length: clusters }, () => Float32Array.from({ length }, () => Math.log1p(50 * random())));
  let model = new Float32Array(length);
  const models = [model];
  const longest: number[] = [];
  for (let round = 1; round <= 8; round++) {
    const base = model;
    const deltas = counts.map((own) => own.map((value, at) => value - (base[at] as number)));
    const mean = Float64Array.from(
      { length },
      (_, at) => deltas.reduce((sum, row) => sum + (row[at] as number), 0) / clusters,
    );
    model = moveBlock({ kind: 'plain', learningRate: 1 }, base, mean, new Float32Array(0)) as Float32Array<ArrayBuffer>;
    models.push(model);
    longest.push(Math.max(...deltas.map((delta) => Math.hypot(...delta))));
  }
  for (let version = 4; version <= 8; version++) {
    expect(models[version]).toEqual(models[version - 2]);
    expect(models[version]).not.toEqual(models[version - 1]); // The last bit of some values goes to and fro.
  }
  expect(longest[7]).toBeCloseTo(longest[1] as number, 4); // How far a cluster is from the mean of all.
});
