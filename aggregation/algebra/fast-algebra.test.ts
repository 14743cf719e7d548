import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { aggregate } from '../aggregate.ts';
import { memoryBlocks, memorySink, type UpdateBlocks } from '../blocks/blocks.ts';
import type { ColumnReduction, DistanceMatrix } from '../linear-algebra.ts';
import { Sketch } from '../places/sketch.ts';
import type { AggregationPolicy, PreAggregation, Rule } from '../policy.ts';
import { algebraContract, someSlots } from './algebra-contract.ts';
import { fastAlgebra } from './fast-algebra.ts';
import { twinAlgebra } from './twin-algebra.ts';

const exactOnly = (workers: number) => () => fastAlgebra({ workers, gramRowsMin: Number.POSITIVE_INFINITY });
algebraContract(
  {
    'kernels in one thread': exactOnly(1),
    'kernels in two threads': exactOnly(2),
    'products in float32': () => fastAlgebra({ workers: 2, gramRowsMin: 2 }),
  },
  { nMax: 64, dMax: 5000, runs: 20, relative: 1e-5 },
);

const twin = twinAlgebra();
const exact = exactOnly(2)();
const multiplying = fastAlgebra({ workers: 2, gramRowsMin: 2 });
afterAll(async () => {
  await exact.close();
  await multiplying.close();
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

describe('fastAlgebra', () => {
  test.each([false, true])(
    'sketches long rows to the bits of the twin, wherever slots end (shared: %s)',
    async (shared) => {
      for (const [seed, d] of [65_536, 65_536 + 16, 81_237].entries()) {
        const n = 3 + seed;
        const source = sourceOf(n, d, shared, valuesFrom(seed));
        const point = Float64Array.from({ length: d }, (_, column) => Math.sin(column));
        const slots = someSlots(d, seed);
        const [ours, theirs] = [new Sketch(n + 1, d, 'seed'), new Sketch(n + 1, d, 'seed')];
        const expected = await twin.geometry(source, point, slots, theirs);
        expect(await exact.geometry(source, point, slots, ours)).toEqual(expected);
        expect(Buffer.compare(Buffer.from(ours.values.buffer), Buffer.from(theirs.values.buffer))).toBe(0);
      }
    },
  );

  test('gives the bits of the twin where a column holds ties and zeros of either sign, wherever a block ends', async () => {
    const shapes = fc.record({
      n: fc.integer({ min: 3, max: 64 }),
      d: fc.constantFrom(1, 15, 16, 17, 1023, 1024, 1025, 1040, 2080),
      shared: fc.boolean(),
      seed: fc.integer(),
      pick: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ n, d, shared, seed, pick }) => {
        const source = sourceOf(n, d, shared, valuesFrom(seed));
        const reductions: ColumnReduction[] = [
          { kind: 'median' },
          { kind: 'trimmedMean', trim: pick % Math.ceil(n / 2) },
          { kind: 'meanAroundMedian', keep: 1 + (pick % n) },
        ];
        for (const reduction of reductions) {
          const [ours, theirs] = [memorySink(d), memorySink(d)];
          await exact.reduceColumns(source, reduction, ours);
          await twin.reduceColumns(source, reduction, theirs);
          expect(ours.values).toEqual(theirs.values);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('sorts columns of 10,000 updates as the twin does', async () => {
    const source = sourceOf(10_000, 20, false, valuesFrom(4));
    const [ours, theirs] = [memorySink(20), memorySink(20)];
    await exact.reduceColumns(source, { kind: 'trimmedMean', trim: 2000 }, ours);
    await twin.reduceColumns(source, { kind: 'trimmedMean', trim: 2000 }, theirs);
    expect(ours.values).toEqual(theirs.values);
  });

  test('adds nothing up to zeros', async () => {
    const sink = memorySink(70_000);
    await exact.combine(sourceOf(3, 70_000, true, valuesFrom(1)), new Float64Array(3), 3, sink);
    expect(sink.values).toEqual(new Float64Array(70_000));
  });

  test('hands on what a sink throws, and works on', async () => {
    const source = sourceOf(5, 70_000, false, valuesFrom(1));
    const full = { write: () => Promise.reject(new Error('disk full')) };
    await expect(exact.reduceColumns(source, { kind: 'median' }, full)).rejects.toThrow('disk full');
    expect(await exact.exactDistances(source, [[0, 1]])).toEqual(await twin.exactDistances(source, [[0, 1]]));
  });
});

describe('fastAlgebra, distances by products in float32', () => {
  /** Worst of |value − exact| / exact and of |value − exact| / bound over all pairs; NaN where either is undefined. */
  async function compare(source: UpdateBlocks): Promise<{ relative: number; ofBound: number; exactPairs: number }> {
    return worst(await multiplying.squaredDistances(source), await twin.squaredDistances(source));
  }

  function worst(ours: DistanceMatrix, truths: DistanceMatrix) {
    let [relative, ofBound, exactPairs] = [0, 0, 0];
    for (let i = 0; i < ours.n; i++) {
      expect(ours.values[i * ours.n + i]).toBe(0);
      for (let j = 0; j < ours.n; j++) {
        if (i === j) continue;
        const [value, truth] = [ours.values[i * ours.n + j] as number, truths.values[i * ours.n + j] as number];
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
    const alone = fastAlgebra({ workers: 1, gramRowsMin: 2 });
    try {
      const source = sourceOf(200, 3000, true, noise);
      const [one, two] = [await alone.squaredDistances(source), await multiplying.squaredDistances(source)];
      expect(one.values).toEqual(two.values);
    } finally {
      await alone.close();
    }
  });

  test('of many rows load no TensorFlow: a coordinator without it aggregates rounds of any size', async () => {
    const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
    const program = `
      import { readFileSync } from 'node:fs';
      import { fastAlgebra } from ${here('./fast-algebra.ts')};
      import { memoryBlocks } from ${here('../blocks/blocks.ts')};
      const rows = Array.from({ length: 100 }, (_, row) => Float32Array.from({ length: 3000 }, (__, at) => Math.sin(row * at)));
      const algebra = fastAlgebra();
      const { errorOf } = await algebra.squaredDistances(memoryBlocks(rows).value);
      console.log(errorOf(1, 2) > 0, readFileSync('/proc/self/maps', 'utf8').includes('tensorflow'));
      await algebra.close();
    `;
    const folder = await mkdtemp(path.join(os.tmpdir(), 'no-tensorflow-'));
    try {
      await writeFile(path.join(folder, 'program.mjs'), program);
      const ended = promisify(execFile)(process.execPath, ['--no-warnings', path.join(folder, 'program.mjs')]);
      expect((await ended).stdout).toBe('true false\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('stay apart when several are asked for at once', async () => {
    const sources = [1, 2, 3].map((seed) => sourceOf(20 + seed, 3000, seed !== 2, valuesFrom(seed)));
    const together = await Promise.all(sources.map((source) => multiplying.squaredDistances(source)));
    for (const [at, source] of sources.entries()) {
      expect(together[at]?.values).toEqual((await multiplying.squaredDistances(source)).values);
    }
  });

  test.each<readonly [string, readonly PreAggregation[], Rule]>([
    ['Krum', [], { kind: 'krum' }],
    ['Multi-Krum', [], { kind: 'multiKrum', keep: { kind: 'allButF' } }],
    ['Bulyan', [], { kind: 'bulyan' }],
    ['NNM + Krum', [{ kind: 'nearestNeighbourMixing' }], { kind: 'krum' }],
  ])('lead %s to the twin’s report and bits, however close the scores', async (_, before, rule) => {
    const [n, d, f] = [40, 3000, 9];
    // The same values rotated: all norms are equal, so that scores differ by little more than the bounds.
    const source = sourceOf(n, d, true, (row, column) => noise(0, (column + 71 * row) % d));
    const policy: AggregationPolicy = { f, before, rule, admission: { normMax: 1e15, zeroUpdate: 'refuse' } };
    const [ours, theirs] = [memorySink(d), memorySink(d)];
    const fast = await aggregate(policy, source, multiplying, ours);
    const slow = await aggregate(policy, source, twin, theirs);
    if (!fast.ok || !slow.ok) throw new Error('an aggregate was refused');
    expect(fast.value.report).toEqual(slow.value.report);
    expect(ours.values).toEqual(theirs.values);
  });
});
