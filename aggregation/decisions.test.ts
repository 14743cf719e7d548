import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../base/random.ts';
import { aggregate } from './aggregate.ts';
import { blocksOf, blurredAlgebra, granted, normalVectors } from './algebra/samples.ts';
import { twinAlgebra } from './algebra/twin-algebra.ts';
import { memorySink } from './blocks/blocks.ts';
import { type AggregationPolicy, checkPolicy, type PreAggregation, type Rule } from './policy.ts';

/** Rows that make decisions hard: near ties, duplicates, a large common offset, far outliers. */
const hardRows = fc
  .record({
    n: fc.integer({ min: 3, max: 24 }),
    d: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('normal', 'integers', 'duplicates', 'offset', 'outliers'),
    seed: fc.nat(),
  })
  .map(({ n, d, kind, seed }) => {
    const random = seededNumbers(`rows ${seed}`);
    const vectors = normalVectors(random, n, d, kind === 'offset' ? 1000 : 0);
    if (kind === 'integers') for (const vector of vectors) vector.forEach((value, j) => { vector[j] = Math.round(value); }); // biome-ignore format: test data
    if (kind === 'duplicates') for (const vector of vectors.slice(1)) if (random.integer(2) === 0) vector.set(vectors[0] as Float32Array); // biome-ignore format: test data
    if (kind === 'outliers') for (const vector of vectors.slice(0, n >> 2)) vector.forEach((value, j) => { vector[j] = value * 1e6; }); // biome-ignore format: test data
    return vectors;
  });

const before = fc.constantFrom<readonly PreAggregation[]>(
  [],
  [{ kind: 'nearestNeighbourMixing' }],
  [{ kind: 'bucketing', size: 2 }],
  [{ kind: 'adaptiveClip' }],
  [{ kind: 'clip', norm: 2 }, { kind: 'nearestNeighbourMixing' }],
  [{ kind: 'bucketing', size: 2 }, { kind: 'nearestNeighbourMixing' }],
  [{ kind: 'adaptiveClip' }, { kind: 'bucketing', size: 2 }, { kind: 'nearestNeighbourMixing' }],
);

const rule = fc.constantFrom<Rule>(
  { kind: 'krum' },
  { kind: 'multiKrum', keep: { kind: 'allButF' } },
  { kind: 'multiKrum', keep: { kind: 'count', updates: 2 } },
  { kind: 'bulyan' },
  { kind: 'minimumDiameterAveraging' },
);

describe('decisions', () => {
  test('are those of exact distances, whatever an algebra rounds within its bounds', async () => {
    let ran = 0;
    let settled = 0;
    await fc.assert(
      fc.asyncProperty(
        hardRows,
        before,
        rule,
        fc.integer({ min: 0, max: 4 }),
        fc.constantFrom(1e-7, 1e-4, 1e-2, 1),
        async (vectors, before, rule, f, blur) => {
          const policy: AggregationPolicy = { f, before, rule, admission: { normMax: 1e15, zeroUpdate: 'admit' } };
          if (checkPolicy(policy, vectors.length).length > 0) return;
          const source = blocksOf(vectors);
          const context = { seed: 'decisions' };
          const [exactly, roughly] = [memorySink(source.d), memorySink(source.d)];
          const twin = granted(await aggregate(policy, source, twinAlgebra(), exactly, context));
          const blurred = granted(await aggregate(policy, source, blurredAlgebra('b', blur), roughly, context));
          expect(blurred.report).toEqual(twin.report);
          expect(roughly.values).toEqual(exactly.values);
          ran++;
          settled += blurred.settledPairs;
        },
      ),
      { numRuns: 600 },
    );
    expect(ran).toBeGreaterThan(100);
    expect(settled).toBeGreaterThan(100);
  });

  test('take few second looks when bounds are tight', async () => {
    const source = blocksOf(normalVectors(seededNumbers('tight'), 60, 200));
    const policy: AggregationPolicy = {
      f: 10,
      before: [],
      rule: { kind: 'krum' },
      admission: { normMax: 1e15, zeroUpdate: 'admit' },
    };
    const outcome = granted(await aggregate(policy, source, blurredAlgebra('tight', 1e-7), memorySink(200)));
    expect(outcome.settledPairs).toBeLessThan(60);
  });
});
