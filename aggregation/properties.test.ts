import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { seededNumbers, shuffled } from '../base/random.ts';
import { type AggregationContext, aggregate } from './aggregate.ts';
import { fastAlgebra } from './algebra/fast-algebra.ts';
import { blocksOf, granted, normalVectors } from './algebra/samples.ts';
import { twinAlgebra } from './algebra/twin-algebra.ts';
import { memorySink } from './blocks/blocks.ts';
import type { LinearAlgebra } from './linear-algebra.ts';
import { type AggregationPolicy, checkPolicy, type PreAggregation, type Rule } from './policy.ts';

const admission = { normMax: 1e15, zeroUpdate: 'admit' } as const;
const geometric = { kind: 'geometricMedian', smoothing: 1e-9, tolerance: 1e-9, stepsMax: 300 } as const;

/** Rules that move with their input: adding a vector to every update adds it to the aggregate. */
const equivariant: Rule[] = [
  { kind: 'krum' },
  { kind: 'multiKrum', keep: { kind: 'allButF' } },
  { kind: 'bulyan' },
  { kind: 'coordinateMedian' },
  { kind: 'trimmedMean' },
  geometric,
  { kind: 'minimumDiameterAveraging' },
];
const everyRule: Rule[] = [...equivariant, { kind: 'centredClipping', radius: 3, steps: 2 }];
const mixings: PreAggregation[][] = [[], [{ kind: 'nearestNeighbourMixing' }]];
const everyBefore: PreAggregation[][] = [
  ...mixings,
  [{ kind: 'clip', norm: 4 }],
  [{ kind: 'adaptiveClip' }, { kind: 'nearestNeighbourMixing' }],
  [{ kind: 'bucketing', size: 2 }],
];

type Case = Readonly<{ policy: AggregationPolicy; vectors: Float32Array[]; seed: number }>;

/** Runnable cases with values on a grid of 1/256, so that shifts by whole numbers are exact in float32. */
function cases(rules: Rule[], befores: PreAggregation[][], nMax: number, dMax: number): fc.Arbitrary<Case> {
  return fc
    .record({
      rule: fc.constantFrom(...rules),
      before: fc.constantFrom(...befores),
      n: fc.integer({ min: 3, max: nMax }),
      d: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: dMax })),
      f: fc.integer({ min: 0, max: 5 }),
      seed: fc.nat(),
    })
    .map(({ rule, before, n, d, f, seed }) => {
      const vectors = normalVectors(seededNumbers(`case ${seed}`), n, d).map((vector) =>
        vector.map((value) => Math.round(value * 256) / 256),
      );
      return { policy: { f, admission, before, rule }, vectors, seed };
    })
    .filter(({ policy, vectors }) => checkPolicy(policy, vectors.length).length === 0);
}

async function run(
  algebra: LinearAlgebra,
  policy: AggregationPolicy,
  vectors: readonly Float32Array[],
  context: AggregationContext = {},
) {
  const source = blocksOf(vectors);
  const sink = memorySink(source.d);
  const { report } = granted(await aggregate(policy, source, algebra, sink, { seed: 'p', ...context }));
  return { values: sink.values, report };
}

const selecting: Rule['kind'][] = ['krum', 'multiKrum', 'bulyan', 'minimumDiameterAveraging'];

/**
 * Ties go to the lower row and, once rounding has touched them, to whom it favoured; so what ties by nature follows
 * neither order nor shifts: coarse values in few dimensions, rows mixed from nearly the same, and scores of a single
 * neighbour (two rows nearest to each other share theirs): Krum of n = f + 3, the last picks of Bulyan for f ≤ 2.
 */
function tiesByNature({ rule, before, f }: AggregationPolicy, vectors: readonly Float32Array[]): boolean {
  if ((vectors[0]?.length ?? 0) <= 3) return true;
  const oneNeighbour = rule.kind === 'bulyan' ? f === 1 || f === 2 : vectors.length === f + 3;
  return selecting.includes(rule.kind) && (before.length > 0 || oneNeighbour);
}

function expectNear(actual: Float64Array, expected: Float64Array, tolerance = 1e-9): void {
  const worst = actual.reduce((most, value, j) => Math.max(most, Math.abs(value - (expected[j] as number))), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

describe('aggregates', () => {
  const twin = twinAlgebra();

  test('do not depend on the order of the updates', () =>
    fc.assert(
      fc.asyncProperty(cases(everyRule, mixings, 20, 60), async ({ policy, vectors, seed }) => {
        fc.pre(!tiesByNature(policy, vectors));
        const order = shuffled([...vectors.keys()], seededNumbers(`order ${seed}`));
        const straight = await run(twin, policy, vectors);
        const reordered = await run(twin, policy, order.map((row) => vectors[row] as Float32Array)); // biome-ignore format: one line
        const tolerance = policy.rule.kind === 'geometricMedian' ? 1e-7 : 1e-9;
        expectNear(reordered.values, straight.values, tolerance);
        expect(reordered.report.updates.map(({ verdict }) => verdict)).toEqual(
          order.map((row) => straight.report.updates[row]?.verdict),
        );
      }),
      { numRuns: 150 },
    ));

  test('move with their updates, and pick the same', () =>
    fc.assert(
      fc.asyncProperty(
        cases(equivariant, mixings, 20, 60),
        fc.integer({ min: -2000, max: 2000 }),
        async ({ policy, vectors }, shift) => {
          fc.pre(!tiesByNature(policy, vectors));
          const here = await run(twin, policy, vectors);
          const there = await run(twin, policy, vectors.map((vector) => vector.map((value) => value + shift))); // biome-ignore format: one line
          expectNear(there.values.map((value) => value - shift), here.values, 1e-6); // biome-ignore format: one line
          expect(there.report.updates.map(({ verdict }) => verdict)).toEqual(
            here.report.updates.map(({ verdict }) => verdict),
          );
        },
      ),
      { numRuns: 150 },
    ));

  test('scale with their updates: by a power of two, to the bit', () =>
    fc.assert(
      fc.asyncProperty(
        cases(equivariant, mixings, 20, 60),
        fc.integer({ min: -10, max: 10 }),
        async ({ policy, vectors }, power) => {
          const scale = 2 ** power;
          const { rule } = policy;
          const scaledRule = rule.kind === 'geometricMedian' ? { ...rule, smoothing: rule.smoothing * scale } : rule;
          const plain = await run(twin, policy, vectors);
          const scaled = await run(twin, { ...policy, rule: scaledRule }, vectors.map((vector) => vector.map((value) => value * scale))); // biome-ignore format: one line
          expect(scaled.values).toEqual(plain.values.map((value) => value * scale));
        },
      ),
      { numRuns: 150 },
    ));

  test('stay within the honest values, coordinate by coordinate, whatever f outliers send', () =>
    fc.assert(
      fc.asyncProperty(
        cases([{ kind: 'coordinateMedian' }, { kind: 'trimmedMean' }], [[]], 20, 40),
        async ({ policy, vectors }) => {
          const { f } = policy;
          const sent = vectors.map((vector, row) =>
            row < f ? vector.map((value) => Math.sign(value) * 1e12) : vector,
          );
          const { values } = await run(twin, policy, sent);
          values.forEach((value, j) => {
            const honest = vectors.slice(f).map((vector) => vector[j] as number);
            expect(value).toBeGreaterThanOrEqual(Math.min(...honest) - 1e-12);
            expect(value).toBeLessThanOrEqual(Math.max(...honest) + 1e-12);
          });
        },
      ),
      { numRuns: 60 },
    ));

  test('are what they would be without the rows that are not finite, or absurd: any f ≤ (n − 3) / 2 of them', () =>
    fc.assert(
      fc.asyncProperty(
        cases([{ kind: 'krum' }, { kind: 'multiKrum', keep: { kind: 'allButF' } }], mixings, 24, 40),
        fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e20),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async ({ policy: drawn, vectors, seed }, value, portion) => {
          const n = vectors.length;
          const bad = Math.floor(portion * Math.floor((n - 3) / 2));
          // Oversized rows do not lower f, so the policy must leave room for them.
          const f = Math.floor(((value === 1e20 ? n - bad : n) - 3) / 2);
          const policy = { ...drawn, f };
          const random = seededNumbers(`bad ${seed}`);
          const spoiled = new Set(shuffled([...Array(n).keys()], random).slice(0, bad));
          const sent = vectors.map((vector, row) => {
            const copy = Float32Array.from(vector);
            if (spoiled.has(row)) copy[random.integer(copy.length)] = value;
            return copy;
          });
          const all = await run(twin, policy, sent);
          const rest = sent.filter((_, row) => !spoiled.has(row));
          const without = await run(twin, { ...policy, f: all.report.fApplied }, rest);
          expect(all.values).toEqual(without.values);
          const refused = all.report.updates.filter(({ verdict }) => verdict === 'refused').map(({ row }) => row);
          expect(refused).toEqual([...spoiled].sort((a, b) => a - b));
        },
      ),
      { numRuns: 200 },
    ));

  describe('have the same bits and the same report', () => {
    const algebras = [
      fastAlgebra({ workers: 1 }),
      fastAlgebra({ workers: 2 }),
      fastAlgebra({ workers: 2, gramRowsMin: 3 }),
    ];
    afterAll(async () => {
      for (const algebra of algebras) await algebra.close();
    });

    test('for any block size, and for 1 and 2 workers', () =>
      fc.assert(
        fc.asyncProperty(cases(everyRule, everyBefore, 64, 5000), fc.nat(), async ({ policy, vectors }, cut) => {
          const d = (vectors[0] as Float32Array).length;
          const expected = await run(twin, policy, vectors);
          for (const algebra of [twinAlgebra({ columns: 1 + (cut % d) }), ...algebras]) {
            const actual = await run(algebra, policy, vectors);
            expect(actual.values).toEqual(expected.values);
            expect(actual.report).toEqual(expected.report);
          }
        }),
        { numRuns: 40 },
      ));
  });
});
