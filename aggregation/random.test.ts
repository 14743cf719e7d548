import { expect, test } from 'vitest';
import { seededPermutation } from './before/bucketing.ts';
import { seededRandom, shuffled } from './random.ts';

test('seededRandom › gives these very numbers: a round that is replayed must draw them again', () => {
  const random = seededRandom('testudo');
  expect([random.uniform(), random.integer(1000), random.integer(7)]).toMatchInlineSnapshot(`
    [
      0.6283415576589932,
      99,
      6,
    ]
  `);
  expect(seededPermutation(8, 'r-1')).toMatchInlineSnapshot(`
    [
      5,
      7,
      4,
      3,
      6,
      2,
      0,
      1,
    ]
  `);
});

test('seededRandom › is uniform, and normal where asked', () => {
  const random = seededRandom('moments');
  const count = 20_000;
  const mean = (draw: () => number) => Array.from({ length: count }, draw).reduce((sum, x) => sum + x, 0) / count;
  expect(mean(() => random.uniform())).toBeCloseTo(0.5, 1.7);
  expect(mean(() => random.normal())).toBeCloseTo(0, 1.5);
  expect(mean(() => random.normal() ** 2)).toBeCloseTo(1, 1.4);
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < count; i++) {
    const drawn = random.integer(5);
    counts[drawn] = (counts[drawn] as number) + 1;
  }
  for (const drawn of counts) expect(Math.abs(drawn / count - 0.2)).toBeLessThan(0.015);
});

test('shuffled › reaches every order about equally often, and leaves its input alone', () => {
  const random = seededRandom('shuffle');
  const items = ['a', 'b', 'c'];
  const seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffled(items, random).join('');
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  expect(items).toEqual(['a', 'b', 'c']);
  expect(seen.size).toBe(6);
  for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(150);
});
