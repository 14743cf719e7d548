import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryBlocks, memorySink, type UpdateBlocks } from './blocks.ts';
import type { AggregationEngine, ColumnReduction, DistanceMatrix, RowPair } from './engine.ts';
import { fastEngine } from './fast-engine.ts';
import { twinEngine } from './twin-engine.ts';
import { groupMeans } from './views.ts';

const twin = twinEngine();
const engines = {
  'one worker': fastEngine({ workers: 1, gramRowsMin: Number.POSITIVE_INFINITY }),
  'two workers': fastEngine({ workers: 2, gramRowsMin: Number.POSITIVE_INFINITY }),
};
const multiplying = fastEngine({ workers: 2, gramRowsMin: 2 });
afterAll(async () => {
  for (const engine of [...Object.values(engines), multiplying]) await engine.close();
});

/** n rows of shape [d]; over SharedArrayBuffer half of the time, so that both ways into the workers are walked. */
function sourceOf(
  n: number,
  d: number,
  shared: boolean,
  valueAt: (row: number, column: number) => number,
): UpdateBlocks {
  const rows = Array.from({ length: n }, (_, row) => {
    const values = new Float32Array(shared ? new SharedArrayBuffer(4 * d) : new ArrayBuffer(4 * d));
    for (let column = 0; column < d; column++) values[column] = valueAt(row, column);
    return values;
  });
  const source = memoryBlocks(rows);
  if (!source.ok) throw new Error(source.fault.message);
  return source.value;
}

/** Reproducible values in [-1, 1), a few of them zeros of either sign and ties. */
function valuesFrom(seed: number): (row: number, column: number) => number {
  return (row, column) => {
    let x = Math.imul(seed ^ (row * 0x9e3779b9), 0x85ebca6b) ^ Math.imul(column + 1, 0xc2b2ae35);
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39) ^ (x >>> 15);
    if ((x & 31) === 0) return (x & 32) === 0 ? 0 : -0;
    if ((x & 31) === 1) return 0.5;
    return x / 2 ** 31;
  };
}

const shapes = fc.record({
  n: fc.integer({ min: 3, max: 64 }),
  d: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(1023, 1024, 1025, 1040, 2048)),
  shared: fc.boolean(),
  seed: fc.integer(),
});
const runs = { numRuns: 25 };

async function swept(sweep: (sink: ReturnType<typeof memorySink>) => Promise<void>, d: number): Promise<Float64Array> {
  const sink = memorySink(d);
  await sweep(sink);
  return sink.values;
}

describe.each(Object.entries(engines))('fastEngine, %s', (_, engine) => {
  test('gives the bits of the twin for all distances', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async ({ n, d, shared, seed }) => {
        const source = sourceOf(n, d, shared, valuesFrom(seed));
        const [ours, theirs] = [await engine.squaredDistances(source), await twin.squaredDistances(source)];
        expect(ours.values).toEqual(theirs.values);
        expect(ours.errorOf(0, 1)).toBe(0);
      }),
      runs,
    );
  });

  test('gives the bits of the twin for any list of pairs', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 40 }), async (shape, picks) => {
        const { n, d, shared, seed } = shape;
        const source = sourceOf(n, d, shared, valuesFrom(seed));
        const pairs = picks.map(([i, j]): RowPair => [i % n, j % n]);
        expect(await engine.exactDistances(source, pairs)).toEqual(await twin.exactDistances(source, pairs));
      }),
      runs,
    );
  });

  test('gives the bits of the twin for weighted sums and the distances to them', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async ({ n, d, shared, seed }) => {
        const source = sourceOf(n, d, shared, valuesFrom(seed));
        const weights = Float64Array.from({ length: n }, (_, row) => (row % 3 === 1 ? 0 : 1 / (row + 1)));
        const [ours, theirs] = await Promise.all([
          engine.distancesToMean(source, weights),
          twin.distancesToMean(source, weights),
        ]);
        expect(ours).toEqual(theirs);
        for (const factors of [weights, new Float64Array(n)]) {
          const sumOf = (by: AggregationEngine) => swept((sink) => by.combine(source, factors, 3, sink), d);
          expect(await sumOf(engine)).toEqual(await sumOf(twin));
        }
      }),
      runs,
    );
  });

  test('gives the bits of the twin for every reduction of columns', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(), async ({ n, d, shared, seed }, pick) => {
        const source = sourceOf(n, d, shared, valuesFrom(seed));
        const reductions: ColumnReduction[] = [
          { kind: 'median' },
          { kind: 'trimmedMean', trim: pick % Math.ceil(n / 2) },
          { kind: 'meanAroundMedian', keep: 1 + (pick % n) },
        ];
        for (const reduction of reductions) {
          const reduced = (by: AggregationEngine) => swept((sink) => by.reduceColumns(source, reduction, sink), d);
          expect(await reduced(engine)).toEqual(await reduced(twin));
        }
      }),
      runs,
    );
  });

  test('gives the bits of the twin for computed views', async () => {
    const view = groupMeans(sourceOf(9, 3001, true, valuesFrom(5)), [[0, 1, 2], [1, 4], [3, 8, 7, 5]]); // biome-ignore format: short
    expect((await engine.squaredDistances(view)).values).toEqual((await twin.squaredDistances(view)).values);
    const median = (by: AggregationEngine) => swept((sink) => by.reduceColumns(view, { kind: 'median' }, sink), 3001);
    expect(await median(engine)).toEqual(await median(twin));
  });

  test('hands on what a sink throws, and works on', async () => {
    const source = sourceOf(5, 70_000, false, valuesFrom(1));
    const full = { write: () => Promise.reject(new Error('disk full')) };
    await expect(engine.reduceColumns(source, { kind: 'median' }, full)).rejects.toThrow('disk full');
    expect(await engine.exactDistances(source, [[0, 1]])).toEqual(await twin.exactDistances(source, [[0, 1]]));
  });
});

describe('fastEngine, distances by native multiplication', () => {
  /** Worst of |value − exact| / exact and of |value − exact| / bound over all pairs; NaN where either is undefined. */
  async function compare(source: UpdateBlocks): Promise<{ relative: number; ofBound: number; exactPairs: number }> {
    const [ours, exact] = [await multiplying.squaredDistances(source), await twin.squaredDistances(source)];
    return worst(ours, exact);
  }

  function worst(ours: DistanceMatrix, exact: DistanceMatrix) {
    let [relative, ofBound, exactPairs] = [0, 0, 0];
    for (let i = 0; i < ours.n; i++) {
      expect(ours.values[i * ours.n + i]).toBe(0);
      for (let j = 0; j < ours.n; j++) {
        if (i === j) continue;
        const [value, truth] = [ours.values[i * ours.n + j] as number, exact.values[i * ours.n + j] as number];
        const [error, bound] = [Math.abs(value - truth), ours.errorOf(i, j)];
        if (bound === 0 && i < j) exactPairs++;
        relative = Math.max(relative, error === 0 ? 0 : error / truth);
        ofBound = Math.max(ofBound, error === 0 ? 0 : error / bound);
        expect(bound).toBe(ours.errorOf(j, i));
        expect(bound).toBeLessThanOrEqual((ours.rowErrors[i] as number) + (ours.rowErrors[j] as number) + 1e-300);
      }
    }
    return { relative, ofBound, exactPairs };
  }

  test('are within 1e-5 of exact and within their bounds, whatever the shape', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async ({ n, d, shared, seed }) => {
        const { relative, ofBound } = await compare(sourceOf(n, d, shared, valuesFrom(seed)));
        expect(relative).toBeLessThanOrEqual(1e-5);
        expect(ofBound).toBeLessThanOrEqual(1);
      }),
      runs,
    );
  });

  const noise = valuesFrom(11);
  const hard: Record<string, (row: number, column: number) => number> = {
    'differ by 1e-5 of their norm': (row, column) => valuesFrom(3)(0, column) + 1e-5 * noise(row, column),
    'sit beside one of 1e20': (row, column) => (row === 3 ? 1e20 : noise(row, column)),
    'sit beside the largest float32': (row, column) =>
      row === 3 ? (column % 2 === 0 ? 3.4e38 : -3.4e38) : noise(row, column),
    'are as small as 1e-30': (row, column) => 1e-30 * noise(row, column),
    'are partly equal': (row, column) => noise(row >> 1, column),
    'are constant, so that roundings add up': (row, column) => (row % 2 === 0 ? 1 + row / 7 : noise(row, column)),
    'form two groups far apart': (row, column) =>
      (row % 2 === 0 ? 1 : -1) * valuesFrom(9)(0, column) + 1e-3 * noise(row, column),
    'have one spike each': (row, column) => (column === row * 31 ? 1e6 : noise(row, column)),
  };
  test.each(Object.entries(hard))('are within 1e-5 of exact when updates %s', async (_, valueAt) => {
    const { relative, ofBound } = await compare(sourceOf(20, 4100, true, valueAt));
    expect(relative).toBeLessThanOrEqual(1e-5);
    expect(ofBound).toBeLessThanOrEqual(1);
  });

  test('need no exact second look for independent updates, however far off their common base', async () => {
    expect(await compare(sourceOf(64, 3000, true, noise))).toMatchObject({ exactPairs: 0 });
    expect(await compare(sourceOf(64, 3000, true, hard['differ by 1e-5 of their norm'] as typeof noise))).toMatchObject(
      {
        exactPairs: 0,
      },
    );
  });

  test('look at only the pairs of an outlier a second time, never at those of the others', async () => {
    const { exactPairs } = await compare(
      sourceOf(20, 4100, true, hard['sit beside the largest float32'] as typeof noise),
    );
    expect(exactPairs).toBeLessThanOrEqual(19);
  });

  test('have the same bits with one worker and with two', async () => {
    const alone = fastEngine({ workers: 1, gramRowsMin: 2 });
    try {
      const source = sourceOf(200, 3000, true, noise);
      const [one, two] = [await alone.squaredDistances(source), await multiplying.squaredDistances(source)];
      expect(one.values).toEqual(two.values);
    } finally {
      await alone.close();
    }
  });
});
