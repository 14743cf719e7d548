import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { memorySink, type UpdateBlocks } from '../blocks/blocks.ts';
import { columnsIn, joinColumns } from '../blocks/columns.ts';
import { groupMeans, scaledRows } from '../blocks/views.ts';
import type { TensorSlot } from '../geometry.ts';
import type { ColumnReduction, LinearAlgebra, RowPair } from '../linear-algebra.ts';
import { Sketch } from '../places/sketch.ts';
import { blocksOf, normalVectors } from './samples.ts';
import { twinAlgebra } from './twin-algebra.ts';

/** How much the shapes of one case may ask for; `relative` is what squared distances may be off by, at most. */
export type ContractSize = Readonly<{ nMax: number; dMax: number; runs: number; relative: number }>;

/**
 * What every LinearAlgebra must do, run against the twin: the same bits everywhere except in `squaredDistances`,
 * which must keep its own bounds and the stated relative error. `algebras`: names to algebras, each closed at the end.
 */
export function algebraContract(algebras: Readonly<Record<string, () => LinearAlgebra>>, size: ContractSize): void {
  const twin = twinAlgebra();
  describe.each(Object.keys(algebras))('%s', (name) => {
    const algebra = algebras[name]?.() as LinearAlgebra;
    afterAll(async () => {
      await algebra.close();
      await algebra.close();
    });
    const check = (run: (source: UpdateBlocks, seed: number) => Promise<void>) =>
      fc.assert(
        fc.asyncProperty(sourcesUpTo(size), ({ source, seed }) => run(source(), seed)),
        { numRuns: size.runs },
      );

    test('measures exact distances to the bit', () =>
      check(async (source, seed) => {
        const pairs = somePairs(source.n, seed);
        expect(await algebra.exactDistances(source, pairs)).toEqual(await twin.exactDistances(source, pairs));
      }));

    test('measures distances to a weighted mean to the bit', () =>
      check(async (source, seed) => {
        const random = seededNumbers(`weights ${seed}`);
        const weights = Float64Array.from({ length: source.n }, () => Math.max(0, random.normal()));
        expect(await algebra.distancesToMean(source, weights)).toEqual(await twin.distancesToMean(source, weights));
        const zero = new Float64Array(source.n);
        expect(await algebra.distancesToMean(source, zero)).toEqual(await twin.distancesToMean(source, zero));
      }));

    test('multiplies rows with a vector to the bit', () =>
      check(async (source, seed) => {
        const random = seededNumbers(`vector ${seed}`);
        const values = Array.from({ length: source.d }, () => random.normal());
        for (const vector of [Float32Array.from(values), Float64Array.from(values)]) {
          expect(await algebra.dots(source, vector)).toEqual(await twin.dots(source, vector));
        }
      }));

    test('says how rows lie to a point to the bit, wherever slots end', () =>
      check(async (source, seed) => {
        const random = seededNumbers(`point ${seed}`);
        const point = Float64Array.from({ length: source.d }, () => random.normal());
        const slots = someSlots(source.d, seed);
        const [ours, theirs] = [new Sketch(source.n + 1, source.d, 'a'), new Sketch(source.n + 1, source.d, 'a')];
        const expected = await twin.geometry(source, point, slots, theirs);
        expect(await algebra.geometry(source, point, slots, ours)).toEqual(expected);
        expect(ours.values).toEqual(theirs.values);
        expect(await algebra.geometry(source, point, slots)).toEqual(expected);
      }));

    test('combines rows to the bit', () =>
      check(async (source, seed) => {
        const random = seededNumbers(`weights ${seed}`);
        const weights = Float64Array.from({ length: source.n }, () => Math.max(0, random.normal()));
        weights[random.integer(source.n)] = 1;
        const [ours, theirs] = [memorySink(source.d), memorySink(source.d)];
        await algebra.combine(source, weights, 3, ours);
        await twin.combine(source, weights, 3, theirs);
        expect(ours.values).toEqual(theirs.values);
      }));

    test('reduces columns to the bit', () =>
      check(async (source, seed) => {
        const trim = seed % Math.ceil(source.n / 2);
        const keep = 1 + (seed % source.n);
        const reductions: ColumnReduction[] = [
          { kind: 'median' },
          { kind: 'trimmedMean', trim },
          { kind: 'meanAroundMedian', keep },
        ];
        for (const reduction of reductions) {
          const [ours, theirs] = [memorySink(source.d), memorySink(source.d)];
          await algebra.reduceColumns(source, reduction, ours);
          await twin.reduceColumns(source, reduction, theirs);
          expect(ours.values).toEqual(theirs.values);
        }
      }));

    test('keeps the bounds that it gives for all squared distances', () =>
      check(async (source) => {
        const { n } = source;
        const [rough, exact] = [await algebra.squaredDistances(source), await twin.squaredDistances(source)];
        for (let i = 0; i < n; i++) {
          expect(rough.values[i * n + i]).toBe(0);
          for (let j = 0; j < n; j++) {
            const [value, truth] = [rough.values[i * n + j] as number, exact.values[i * n + j] as number];
            const bound = rough.errorOf(i, j);
            const sum = (rough.rowErrors[i] as number) + (rough.rowErrors[j] as number);
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBe(rough.values[j * n + i]);
            if (i === j) continue;
            expect(Math.abs(value - truth)).toBeLessThanOrEqual(bound);
            expect(bound).toBeLessThanOrEqual(sum * (1 + 1e-12));
            expect(Math.abs(value - truth)).toBeLessThanOrEqual(size.relative * truth);
          }
        }
      }));
  });
}

/** Up to ten slots that cover d columns. */
export function someSlots(d: number, seed: number): readonly TensorSlot[] {
  const random = seededNumbers(`slots ${seed}`);
  const cuts = new Set(Array.from({ length: random.integer(10) }, () => random.integer(d)));
  const starts = [...cuts.add(0)].sort((a, b) => a - b);
  return starts.map((offset, at) => ({ name: `t${at}`, offset, length: (starts[at + 1] ?? d) - offset }));
}

/** Sources of several kinds: stored, picked and computed rows, some equal, some with a common offset far above their spread. */
function sourcesUpTo({ nMax, dMax }: ContractSize) {
  return fc
    .record({
      n: fc.integer({ min: 3, max: nMax }),
      d: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: dMax })),
      offset: fc.constantFrom(0, 0, 100, 1e5),
      kind: fc.constantFrom('stored', 'shared', 'picked', 'means', 'scaled', 'columns', 'joined'),
      seed: fc.nat(),
    })
    .map((shape) => ({ ...shape, source: () => sourceOf(shape) }));
}

function sourceOf({ n, d, offset, kind, seed }: { n: number; d: number; offset: number; kind: string; seed: number }) {
  const random = seededNumbers(`source ${seed}`);
  const vectors = normalVectors(random, n, d, offset);
  if (random.integer(3) === 0) vectors[1]?.set(vectors[0] as Float32Array);
  switch (kind) {
    case 'shared':
      return blocksOf(vectors.map(toShared));
    case 'picked':
      return blocksOf(vectors).pick([2, 0, 1]);
    case 'means':
      return groupMeans(blocksOf(vectors), [[0, 1], [0, 2], [1, 2], [0, 1, 2]]); // biome-ignore format: one line
    case 'scaled':
      return scaledRows(
        blocksOf(vectors),
        vectors.map(() => random.uniform()),
      );
    case 'columns':
      return columnsIn(blocksOf(normalVectors(random, n, d + 5, offset).map(toShared)), [{ offset: 3, length: d }]);
    case 'joined': {
      // Two parts that interleave, one stored and one computed, as where blocks by class are clipped apart.
      const [from, until] = [Math.floor(d / 3), Math.ceil((2 * d) / 3)];
      const inner = [{ offset: from, length: until - from }];
      const outer = [
        { offset: 0, length: from },
        { offset: until, length: d - until },
      ].filter(({ length }) => length > 0);
      const stored = blocksOf(vectors.map(toShared));
      const scaled = scaledRows(columnsIn(stored, inner), vectors.map(() => random.uniform())); // biome-ignore format: one line
      const rest = outer.length === 0 ? [] : [{ ranges: outer, source: columnsIn(stored, outer) }];
      return joinColumns(d, [{ ranges: inner, source: scaled }, ...rest]);
    }
    default:
      return blocksOf(vectors);
  }
}

function toShared(vector: Float32Array): Float32Array<SharedArrayBuffer> {
  const shared = new Float32Array(new SharedArrayBuffer(vector.byteLength));
  shared.set(vector);
  return shared;
}

function somePairs(n: number, seed: number): RowPair[] {
  const random = seededNumbers(`pairs ${seed}`);
  return Array.from({ length: 1 + random.integer(2 * n) }, (): RowPair => {
    const i = random.integer(n);
    return [i, (i + 1 + random.integer(n - 1)) % n];
  });
}
