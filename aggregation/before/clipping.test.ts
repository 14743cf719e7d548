import { expect, test } from 'vitest';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { updatesOf } from '../updates.ts';
import { clipAdaptively, clipToNorm } from './clipping.ts';

const rows = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
].map((row) => Float32Array.from(row));
const updates = () => updatesOf(twinAlgebra(), blocksOf(rows));

async function valuesOf(source: { read(offset: number, columns: number, into: Float64Array): Promise<void> }) {
  const values = new Float64Array(9);
  await source.read(0, 3, values);
  return values;
}

test('clipAdaptively › gives what byzfl documents for its ARC', async () => {
  const clipped = granted(await clipAdaptively(updates(), 1));
  const values = await valuesOf(clipped.updates.source);
  expect([...values.slice(0, 6)]).toEqual([1, 2, 3, 4, 5, 6]);
  [4.41004009, 5.04004582, 5.67005155].forEach((value, j) => {
    expect(values[6 + j]).toBeCloseTo(value, 8);
  });
  expect(clipped.norm).toBeCloseTo(Math.hypot(4, 5, 6), 12);
});

test('clipToNorm › shortens what is longer and leaves the rest to the bit', async () => {
  const clipped = granted(await clipToNorm(updates(), 5));
  const values = await valuesOf(clipped.updates.source);
  expect([...values.slice(0, 3)]).toEqual([1, 2, 3]);
  expect(Math.hypot(...values.slice(3, 6))).toBeCloseTo(5, 12);
  expect(Math.hypot(...values.slice(6))).toBeCloseTo(5, 12);
  expect((values[7] as number) / (values[6] as number)).toBeCloseTo(8 / 7, 12);
});

test('clipToNorm › hands on what it need not touch', async () => {
  const before = updates();
  expect(granted(await clipToNorm(before, 100)).updates).toBe(before);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('clipToNorm › refuses a norm of %s', async (norm) => {
  expect(await clipToNorm(updates(), norm)).toMatchObject({ ok: false, fault: { code: 'PARAMETER_OUT_OF_RANGE' } });
});

test('clipAdaptively › refuses a Byzantine majority', async () => {
  expect(await clipAdaptively(updates(), 2)).toMatchObject({ ok: false, fault: { code: 'N_TOO_SMALL' } });
});
